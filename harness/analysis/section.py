"""A section of an analysis: one thing that is seen, as the terminal, the page and the JSON show it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pipeline.example import Value
from pipeline.record import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell: TypeAlias = str | int | float | bool | None
Row = dict[str, Cell]

# Most characters of a text from the data that are shown.
LONGEST = 300


@dataclass(frozen=True)
class Section:
    """One thing that is seen.

    name: in the JSON. sentence: one that says what is seen. rows: by the heads of the columns, which all have.
    brief: how many rows the terminal shows; the page has all. picture: draws it, for the page.
    facts: numbers that belong to no row, such as an error over all rows.
    """

    name: str
    title: str
    sentence: str
    rows: Sequence[Row] = ()
    brief: int = 20
    picture: "Callable[[], Figure] | None" = None
    facts: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> Json:
        """Return it as JSON holds it, without its picture."""
        return {"sentence": self.sentence, **self.facts, "rows": list(self.rows)}


Sections = Iterator[Section]


def format_cell(value: Cell) -> str:
    """Return a cell as a table shows it: numbers with three decimals, or two digits where they are small."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2g}" if 0 < abs(value) < 0.01 else f"{value:,.3f}"
    return value


def shorten(value: Value, longest: int = LONGEST) -> str:
    """Return a value of the data as one text; of a long one its two ends."""
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {text[-half:]}"


def count(number: int, noun: str) -> str:
    """Return "1 word", "2 words"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
