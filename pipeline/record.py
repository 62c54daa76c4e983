"""Records: JSON that this suite writes and reads again.

Written so that it can be read: JSON has no NaN and no infinity, so a number that is not finite is written as null.
UTF-8 has no lone surrogates, which stand for the bytes of a name that is not UTF-8, so they are written as escapes.
So is what a terminal would obey: a record may be printed.

Read strictly: what is damaged is told, and never taken for something else.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar, get_type_hints

from pipeline.errors import BadInput
from pipeline.printable import CONTROLS

Kind = TypeVar("Kind")
# What JSON holds: a checker knows no more until `convert` has looked.
Json: TypeAlias = Any

# No record nests more deeply, and none has an integer of more digits: those of 64 bits have no more.
DEEPEST, LONGEST = 50, 19
# Possessive: what is matched is not tried in other ways, for which each character would take memory.
TEXT_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[][{}]', re.DOTALL)


def dump(content: object, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Return JSON: on one line, or with an indent. ascii_only: with escapes for all other characters."""
    text = json.dumps(finite(content), ensure_ascii=ascii_only, allow_nan=False, indent=indent)
    # A line break is of the indent; those in texts are escapes already.
    return CONTROLS.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def finite(value: object) -> Json:
    """Return what JSON can hold: None in the place of each number, at any depth, that is not finite."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def reading(origin: str, advice: str, line: int | None = None) -> Iterator[None]:
    """Make of what `load` and `convert` raise inside one BadInput: where, why, and what to do.

    origin: the file. advice: what to do. line: of the file, where it is read line by line.
    """
    try:
        yield
    except json.JSONDecodeError as error:
        reason, line = error.msg, (line or 1) + error.lineno - 1
    except (UnicodeDecodeError, BadInput) as error:
        reason = str(error)
    else:
        return
    place = origin if line is None else f"{origin}:{line}"
    raise BadInput(f"{place}: the file is damaged ({reason}); {advice}")


def load(content: bytes | str) -> Json:
    """Return what JSON, in UTF-8, holds. NaN and infinity, which other writers of JSON write, are null.

    Raises JSONDecodeError, UnicodeDecodeError, or BadInput for what no record has; see `reading`.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    _check_depth(text)
    return json.loads(
        text,
        object_pairs_hook=_make_object,
        parse_int=_make_integer,
        parse_float=lambda digits: finite(float(digits)),
        parse_constant=lambda name: None,
    )


def _check_depth(text: str) -> None:
    # Before it is parsed: deep in a recursion, whatever else Python calls may fail too.
    depth = 0
    for mark in TEXT_OR_BRACKET.findall(text):
        depth += (mark in "[{") - (mark in "]}")
        if depth > DEEPEST:
            raise BadInput(f"it nests more than {DEEPEST} deep")


def _make_object(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise BadInput(f"the key {name!r:.60} stands there twice")
    return found


def _make_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > LONGEST:
        raise BadInput(f"expected no integer of more than {LONGEST} digits, got one of {len(digits):,}")
    return int(digits)


def convert(content: Json, kind: type[Kind]) -> Kind:
    """Return what `load` read as `kind`: a dataclass, a TypedDict, or a type of Python's that JSON can hold.

    Raises BadInput with what was expected, what came and where: for a value of another type (an integer may stand for
    a float), for a key that is missing and has no default, and for one that is unknown.
    """
    # Not with the others: `list` and `--help` read no records.
    import msgspec

    named = isinstance(content, dict) and hasattr(kind, "__annotations__")
    if named and (unknown := sorted(content.keys() - get_type_hints(kind).keys())):
        raise BadInput(f"the key {unknown[0]!r:.60} is unknown")
    try:
        return msgspec.convert(content, kind)
    # A name with a lone surrogate is none that msgspec can look up.
    except (msgspec.ValidationError, UnicodeError) as error:
        reason, _, place = str(error).replace("`", "").partition(" - at $")
        where = f"{place.removeprefix('.')}: " if place else ""
        raise BadInput(f"{where}{reason[0].lower()}{reason[1:]}") from None
