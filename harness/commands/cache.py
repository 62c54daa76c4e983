"""run.py cache"""

import time
from argparse import Namespace

from harness.arguments import Parser
from harness.commands.command import Arguments, Command, add_json
from harness.commands.printing import emit
from harness.process.console import print_table, say
from pipeline import cache
from pipeline.cache_contents import (
    BOUND,
    KINDS,
    Entry,
    find_bound,
    find_entries,
    format_size,
    is_held,
    measure_rest,
    remove,
)
from pipeline.errors import BadInput, list_names, unknown

DAY = 24 * 3600


def show_cache(arguments: Arguments) -> None:
    """Show what is kept between runs, with its size and last use, or empty it."""
    given = COMMAND.make_parser().read(arguments)
    check(given)
    # Not another user's, nor one that others may write to.
    cache.prepare(say)
    found = find_entries()
    if given.empty:
        chosen = given.kinds or list(KINDS)
        for entry in (one for one in found if one.kind in chosen):
            if not remove(entry):
                raise BadInput(f"{entry.path}: it cannot be removed; is it, or the folder around it, another user's?")
        left = find_entries()
        freed = sum(one.size for one in found) - sum(one.size for one in left)
        say(f"{cache.folder()}: {format_size(max(0, freed))} removed ({list_names(chosen)})")
        found = left
    content = summarise(found)
    emit(content) if given.json else print_cache(content)


def check(given: Namespace) -> None:
    """Raise BadInput for kinds that there are not, or that are named without what is to be done with them."""
    for kind in given.kinds:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
    if given.kinds and not given.empty:
        raise BadInput(f"cache {' '.join(given.kinds)}: to remove it, give --empty too")


def summarise(found: list[Entry]) -> dict[str, object]:
    """Return what the cache holds as JSON can hold it: sizes in bytes, last use in seconds since 1970."""
    kinds = {}
    for kind, (holds, _) in KINDS.items():
        own = [entry for entry in found if entry.kind == kind]
        kinds[kind] = {
            "holds": holds,
            "entries": len(own),
            "bytes": sum(entry.size for entry in own),
            "last_used": round(max((entry.used for entry in own), default=0)) or None,
            "in_use": sum(map(is_held, own)),
        }
    return {
        "folder": str(cache.folder()),
        "bound_of_encoded": find_bound(),
        "kinds": kinds,
        "other_bytes": measure_rest(),
    }


def print_cache(content: dict) -> None:
    """Print what the cache holds as a table."""
    rows = [
        {
            "kind": kind,
            "holds": one["holds"],
            "entries": f"{one['entries']:,}",
            "size": format_size(one["bytes"]),
            "last used": describe_age(one["last_used"]),
            "": f"{one['in_use']} in use" if one["in_use"] else "",
        }
        for kind, one in content["kinds"].items()
    ]
    print_table(rows)
    other = f"; {format_size(content['other_bytes'])} of other files, which stay" if content["other_bytes"] > 0 else ""
    print(f"  {content['folder']}{other}")
    print(f"  encoded: at most {format_size(content['bound_of_encoded'])}, the longest out of use go first ({BOUND})")
    print("  run.py cache --empty [KIND ...] removes it; whatever is needed again is made again")


def describe_age(used: int | None) -> str:
    """Return when something was last of use, in words."""
    if used is None:
        return ""
    days = int((time.time() - used) // DAY)
    return "today" if days < 1 else f"{days:,} day{'s' * (days > 1)} ago"


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    told = "Remove what is kept, of the kinds that are named, or all; a run that uses it goes on."
    parser.run.add_argument("--empty", action="store_true", default=False, help=told)
    return add_json(parser)


COMMAND = Command("cache", show_cache, {"kind": "*"}, add_options)
