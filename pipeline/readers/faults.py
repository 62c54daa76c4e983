"""Faults: rows that cannot be read. They are left out, counted and said, or refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.readers.request import Say

# Places that are named of each kind of fault.
SHOWN = 5
# Kinds of faults that are named.
KINDS = 6


class BadRow(BadInput):
    """Raised for one row of many.

    kind: the fault in a few words, the same for all rows that have it. missing: the row is as it should be, but for a
    value that is not known; else it is malformed. line: where it is, if not where the row begins.
    """

    def __init__(self, kind: str, message: str = "", missing: bool = False, line: int | None = None):
        super().__init__(message or kind)
        self.kind, self.missing, self.line = kind, missing, line


class Faults:
    """The faults of one file.

    strict: the first one is raised as BadInput, with the file and the line.
    """

    def __init__(self, path: Path, strict: bool = False):
        self.path, self.strict = path, strict
        self.lines: dict[str, list[int]] = {}
        self.malformed = 0
        self.first: BadInput | None = None

    @contextmanager
    def row(self, line: int) -> Iterator[None]:
        """Leave out the row that starts at `line` if BadRow is raised inside."""
        try:
            yield
        except BadRow as error:
            line = error.line or line
            refusal = BadInput(f"{self.path}:{line}: {error}")
            if self.strict:
                raise refusal from None
            self.first = self.first or refusal
            self.malformed += not error.missing
            self.lines.setdefault(error.kind, []).append(line)

    @property
    def count(self) -> int:
        """Return how many rows are left out so far."""
        return sum(map(len, self.lines.values()))

    def conclude(self, kept: int, say: Say, what: str = "row") -> None:
        """Say what was left out of how many; BadInput where nothing is left, or where most is malformed.

        kept: rows that were read. what: what a row is called.
        """
        count = self.count
        if not count:
            return
        if not kept and self.first:
            raise self.first
        total = kept + count
        kinds = "; ".join(f"{kind} ({_places(lines)})" for kind, lines in list(self.lines.items())[:KINDS])
        if (rest := len(self.lines) - KINDS) > 0:
            kinds += f"; and {rest:,} more kind{'s' * (rest > 1)} of fault"
        if self.malformed > total / 2:
            counts = f"{count:,} of {total:,} {what}s cannot be read"
            raise BadInput(f"{self.path}: {counts}: {kinds}. The first: {self.first}")
        say(f"{self.path}: {count:,} of {total:,} {what}s left out: {kinds}; --strict refuses them")


def _places(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:SHOWN])) + (", ..." if len(lines) > SHOWN else "")
    return f"line {shown}" if len(lines) == 1 else f"{len(lines):,}: lines {shown}"
