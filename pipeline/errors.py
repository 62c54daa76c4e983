"""Errors a user can mend: what was expected, what came, where, and what to do."""

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """Raised for a user's mistake; the command line prints its text alone and exits with 2."""


class TooLong(BadInput):
    """Raised for an input that is longer than what is allowed."""


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """Return the error for a name that is not in `known`: the closest names, then the full list."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return BadInput(f"unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.")
