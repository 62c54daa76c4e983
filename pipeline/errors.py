"""Errors a user can mend: what was expected, what came, where, and what to do."""

import difflib
from collections.abc import Iterable

# Names that a message lists, and characters of each: they may be a stranger's.
MOST, LONGEST = 100, 60
# Characters of what another program says is wrong; and of a whole message, which may quote what a stranger wrote.
REASON, MESSAGE = 300, 8000


class BadInput(ValueError):
    """Raised for a user's mistake; the command line prints its text alone and exits with 2.

    A text of more than MESSAGE characters is cut in its middle: where it is comes first, and what to do last.
    """

    def __init__(self, text: object = ""):
        line = str(text)
        half = MESSAGE // 2 - 1
        super().__init__(line if len(line) <= MESSAGE else f"{line[:half]}…{line[-half:]}")


class TooLong(BadInput):
    """Raised for an input that is longer than what is allowed."""


def list_names(names: Iterable[object], most: int = MOST, *, between: str = ", ") -> str:
    """Return names on one line: each cut where it is long, and of many the first, and how many more there are."""
    known = [shorten(str(name)) for name in names]
    return between.join(known[:most]) + (f", and {len(known) - most:,} more" if len(known) > most else "")


def shorten(text: str, most: int = LONGEST) -> str:
    """Return a name, or another program's message, on one line, and cut where it is longer than `most` characters."""
    line = text[: most + 1].replace("\n", " ").replace("\r", " ")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """Return the error for a name that is not in `known`: the closest name, then the list of all."""
    known = sorted(known)
    # Names of a stranger's may be many, and each is compared with all of this one.
    close = difflib.get_close_matches(name[:LONGEST], known[:1000], n=1, cutoff=0.5)
    hint = f" Did you mean {shorten(close[0])!r}?" if close else ""
    return BadInput(f"unknown {kind} {shorten(name)!r}.{hint} Known: {list_names(known)}.")
