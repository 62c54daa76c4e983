"""The dialect of a table of text: what stands between its columns, and how a cell quotes it. Found by content.

Python's csv.Sniffer looks at characters, not at columns: it takes a comma in every text for the delimiter, and a letter
where there is one column. Here each delimiter is tried, and that one taken which makes rows of equal width.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.readers.large_text import LargeText

DELIMITERS = ("\t", "::", " ||| ", ",", ";", "|")
# Those that hardly stand in a text, and so are taken before that which the name of a file says.
SURE = ("\t", "::", " ||| ")
OWN = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
NAMES = {
    ",": "commas",
    "\t": "TABs",
    ";": "semicolons",
    "|": "bars (|)",
    "::": "double colons (::)",
    " ||| ": "three bars (|||)",
    "": "nothing",
}
# Between columns of files that often have no quoting: a quotation mark in them is a part of the text.
UNQUOTED = "\t|"
# Of the rows so many have one width in a table that is cut short, or has a few bad ones.
REGULAR = 0.9
# Characters from which the dialect is found.
SAMPLE = 200_000


@dataclass(frozen=True)
class Dialect:
    """delimiter: "" where a line is one cell. quoting: whether quotation marks around a cell are not a part of it.

    backslash: whether a backslash before a quotation mark, not a second mark, makes it a part of the cell.
    """

    delimiter: str
    quoting: bool = True
    backslash: bool = False

    def parse(self, text: "str | LargeText") -> Iterator[tuple[int, list[str] | csv.Error]]:
        """Yield the line where each record starts, and its cells, or the error of one that is none.

        Blank lines are no records.
        """
        # newline="\n": no other character may end a line.
        lines: Iterable[str] = io.StringIO(text, newline="\n") if isinstance(text, str) else text
        if not self.delimiter:
            for number, row in enumerate(lines, 1):
                if row.strip():
                    yield number, [row.rstrip("\n")]
            return
        if len(self.delimiter) > 1:
            # The csv module takes one character only, and files with more have no quoting.
            for number, row in enumerate(lines, 1):
                if row.strip():
                    yield number, row.rstrip("\n").split(self.delimiter)
            return
        csv.field_size_limit(2**31 - 1)
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            strict=True,
            # After a bar many write a blank.
            skipinitialspace=self.delimiter == "|",
            quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE,
            doublequote=not self.backslash,
            escapechar="\\" if self.quoting and self.backslash else None,
        )
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, error
                continue
            if cells:
                yield line, cells


def find_dialect(text: "str | LargeText", suffix: str, is_known: Callable[[str], bool]) -> Dialect:
    """Return the dialect of a table. suffix: of its name, which says what to expect. is_known: of a column's name."""
    head = text if isinstance(text, str) else text.head
    # Of whole lines, unless the first is longer.
    sample = head if len(head) <= SAMPLE else head[: head.rfind("\n", 0, SAMPLE) + 1 or SAMPLE]
    own = OWN.get(suffix)
    order = sorted(DELIMITERS, key=lambda delimiter: (delimiter not in SURE, delimiter != own))
    if own != "," and _is_prose(Dialect(","), sample, is_known):
        order.remove(",")
    best = max(order, key=lambda delimiter: _rate(Dialect(delimiter), sample, is_known))
    if _rate(Dialect(best), sample, is_known) == (0, 0.0):
        # One column: its texts may have any of the marks in them.
        return Dialect(own if own and '"' in sample else "")
    return _find_quoting(text, best)


def _is_prose(dialect: Dialect, sample: str, is_known: Callable[[str], bool]) -> bool:
    """Tell whether commas are those of sentences: a blank stands after nearly all of them."""
    rows = [cells for _, cells in dialect.parse(sample) if isinstance(cells, list)]
    after = [cell for cells in rows for cell in cells[1:]]
    named = any(is_known(cell.strip()) for cell in rows[0]) if rows else False
    return not named and sum(cell.startswith(" ") for cell in after) >= REGULAR * len(after)


def _rate(dialect: Dialect, sample: str, is_known: Callable[[str], bool]) -> tuple[int, float]:
    """Return how many names of columns are known, and the share of rows that are as wide as most; 1 for nearly all."""
    quoted = dialect.quoting and dialect.delimiter in UNQUOTED and '"' in sample
    return max(_rate_as(kind, sample, is_known) for kind in (dialect, replace(dialect, quoting=not quoted)))


def _rate_as(dialect: Dialect, sample: str, is_known: Callable[[str], bool]) -> tuple[int, float]:
    records = [cells for _, cells in dialect.parse(sample)]
    rows = [cells for cells in records if isinstance(cells, list)]
    widths = Counter(map(len, rows))
    width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
    # A header of one name is wider than its column where nothing of it is a delimiter.
    if width == 1 or len(rows[0]) == 1:
        return 0, 0.0
    share = count / len(records)
    return sum(map(is_known, {cell.strip() for cell in rows[0]})), 1.0 if share >= REGULAR else share


def _find_quoting(text: "str | LargeText", delimiter: str) -> Dialect:
    """Return the dialect in which a text with this delimiter has the fewest bad records."""
    plain = Dialect(delimiter)
    if '"' not in text or len(delimiter) > 1:
        return plain
    bad, across = 0, False
    for _, cells in plain.parse(text):
        if isinstance(cells, csv.Error):
            bad += 1
        elif not across and delimiter in UNQUOTED:
            across = any(delimiter in cell and "\n" in cell for cell in cells)
    if delimiter in UNQUOTED:
        # It shows when the marks do not pair, or when a pair holds the end of one row and the start of another.
        return Dialect(delimiter, quoting=False) if bad or across else plain
    if bad and '\\"' in text:
        escaped = Dialect(delimiter, backslash=True)
        if sum(isinstance(cells, csv.Error) for _, cells in escaped.parse(text)) < bad:
            return escaped
    return plain
