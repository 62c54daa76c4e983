"""Grouping: which rows belong together, such as the recordings of one speaker, by a column of their table."""

import re
from dataclasses import dataclass

from pipeline.errors import BadInput, shorten
from pipeline.readers.faults import BadRow
from pipeline.readers.tabular import values

# What stands for the column where recordings have no table, but folders.
PATH = "path"


@dataclass(frozen=True)
class Grouping:
    """Rows with one value in a column are of one group.

    column: its name, or its number from 1. pattern: a regular expression; then the group is what it finds in the value,
    or what its first pair of brackets holds: "_(.+)_" finds theo in 0_theo_7.wav.
    """

    column: str
    pattern: str | None = None

    def __post_init__(self) -> None:
        """Raise BadInput for a pattern that is none."""
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise BadInput(
                f"--split-pattern {shorten(self.pattern or '')}: not a regular expression ({error})"
            ) from None

    def find(self, value: object) -> str:
        """Return the group of a row by its value in the column; BadRow where it has none."""
        if values.is_missing(value):
            raise BadRow("no group", f"the column {self.column!r} of --split-by is empty.", missing=True)
        text = values.label(value)
        if self.pattern is None:
            return text
        found = re.search(self.pattern, text)
        group = found and (found.group(1) if found.re.groups else found.group())
        if not group:
            raise BadRow("no group", f"--split-pattern {shorten(self.pattern)} finds nothing in {text!r:.60}.")
        return group
