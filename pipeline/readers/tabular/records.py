"""Records: the rows of a table of the user's, whatever its format: CSV and its kin, JSON lines, JSON, Parquet."""

import csv
import io
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias, overload

from pipeline.errors import REASON, BadInput, list_names, shorten
from pipeline.readers import files
from pipeline.readers.faults import BadRow
from pipeline.readers.large_text import LargeText, check_line_ends, open_large
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import dialect, json_records
from pipeline.readers.tabular.columns import is_number, matches
from pipeline.readers.tabular.json_records import JsonObject
from pipeline.readers.tabular.values import is_missing, short

DELIMITED = (".csv", ".tsv", ".tab")
JSON = (".jsonl", ".json", ".ndjson")
SUFFIXES = (*DELIMITED, *JSON, ".parquet")
# Records from which it is seen what a column holds.
SAMPLE = 500
# What stands before the label of each text, at the start of its line, in files of fastText.
FASTTEXT = "__label__"
# Cells of Parquet, which keeps what is repeated once: as many as do no harm, or as an honest file of its size has.
MANY_CELLS, CELLS_PER_BYTE = 10**7, 100
# Rows of Parquet that are in memory at a time, of a large file.
ROWS = 1000
# Columns, or keys of an object, that a line names.
SHOWN = 12
# Objects inside objects whose keys count as columns.
DEPTH = 4


# Cells, an object, or the error of a record that is none.
Record: TypeAlias = list[str] | JsonObject | csv.Error | BadRow


@dataclass(frozen=True)
class Table:
    """The records of one file.

    names: of its columns, "" where one has none; a key inside an object has dots: data.text.
    where: the place of the header, or of the first record.
    records: (line, or number of the row, and the record).
    """

    path: Path
    names: tuple[str, ...]
    where: str
    records: Sequence[tuple[int, Record]]

    def get(self, record: Record, column: int) -> object:
        """Return the value of a record in a column; BadRow if the record is none, or has another width."""
        if isinstance(record, csv.Error):
            raise BadRow("not valid CSV", _explain(record))
        if isinstance(record, BadRow):
            raise record
        if isinstance(record, dict):
            return _reach(record, self.names[column])
        if len(record) != len(self.names):
            count = f"{len(record)} column{'s' if len(record) != 1 else ''}"
            raise BadRow(
                f"{count} in place of {len(self.names)}",
                f"{count} where {self.where.rpartition('/')[2]} has {len(self.names)}: {short(record)[1:-1]}. A text "
                "with the mark between columns in it needs double quotes around it.",
            )
        return record[column]

    @cached_property
    def sample(self) -> list[list[object]]:
        """The values of each column in the first records that can be read, missing ones left out."""
        columns = zip(self.names, *(self._get_all(record) for _, record in self.records[:SAMPLE]), strict=True)
        return [[value for value in values if not is_missing(value)] for _, *values in columns]

    def _get_all(self, record: Record) -> Sequence[object]:
        """Return the value of a record in each column; None where it cannot be read."""
        if isinstance(record, list):
            return record if len(record) == len(self.names) else [None] * len(self.names)
        if not isinstance(record, dict):
            return [None] * len(self.names)
        found: list[object] = []
        for name in self.names:
            try:
                found.append(_reach(record, name))
            except BadRow:
                found.append(None)
        return found


def read(path: Path, request: Request, say: Say, *, large: bool = False) -> dict[str, Table]:
    """Return the table of a file, under the name "", or the tables of the splits that a JSON file holds, by its names.

    large: the records need not be in memory: they are parsed each time that they are asked for.
    Raises BadInput for a file that is no table, or one without records.
    """
    if files.suffix(path) == ".parquet" or _starts_with(path, b"PAR1"):
        return {"": _read_parquet(path, large=large)}
    if files.suffix(path) in (".yml", ".yaml"):
        raise BadInput(f"{path}: a YAML file is no table; give the path of the data that it names")
    if large and (opened := open_large(path, request.encoding)):
        files.refuse_page(path, opened.head)
        if found := _read_large(path, opened, request=request, say=say):
            return {"": found}
    text = files.read_text(path, request.encoding)
    files.refuse_page(path, text)
    if files.suffix(path) in DELIMITED or (text.lstrip()[:1] not in ("{", "[") and files.suffix(path) not in JSON):
        return {"": _read_delimited(path, text, request=request, say=say)}
    return {name: _make_keyed(path, rows) for name, rows in json_records.read(path, text).items()}


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


# Tables that are not in memory.


class Parsed(Sequence[tuple[int, Record]]):
    """Records that are parsed anew each time that they are asked for; to count them, or to take a late one, is slow."""

    def __init__(self, parse: Callable[[], Iterator[tuple[int, Record]]]):
        self.parse = parse

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        return self.parse()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    @overload
    def __getitem__(self, place: int) -> tuple[int, Record]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[int, Record]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, Record] | Sequence[tuple[int, Record]]:
        if isinstance(place, slice):
            return list(islice(self, place.start, place.stop, place.step))
        return next(islice(self, place, None))

    def keep(self, wanted: Callable[[Record], bool]) -> "Parsed":
        """Return those of which something is true."""
        return Parsed(lambda: ((line, record) for line, record in self if wanted(record)))


def _read_large(path: Path, text: LargeText, *, request: Request, say: Say) -> Table | None:
    """Return the table of a large text; None of one that has to be read whole: most kinds of JSON."""
    head = text.head.lstrip()
    if files.suffix(path) in DELIMITED or (head[:1] not in ("{", "[") and files.suffix(path) not in JSON):
        return _read_delimited(path, text, request=request, say=say)
    first = json_records.read_lines(text.head)
    # A single object may be a document.
    if head[:1] == "[" or sum(isinstance(row, dict) for _, row in first) < 2:
        return None
    return _make_keyed(path, Parsed(lambda: json_records.parse_lines(text)))


# Tables of text.


def _read_delimited(path: Path, text: str | LargeText, request: Request, say: Say) -> Table:
    # Excel's first line for other programs; emptied, so that the lines keep their numbers.
    if re.match(r'"?sep=."?(?=\n)', _get_head(text)):
        text = _empty_lines(text, 1)
    if _get_head(text).lstrip().startswith(FASTTEXT):
        return _read_fasttext(path, text, say)
    columns = request.columns
    is_known = partial(matches, candidates=(*columns.input, *columns.output))
    text, found = _cut_comments(path, text, lambda text: dialect.find_dialect(text, files.suffix(path), is_known), say)
    _check_ends(path, text, found)
    records = _keep(text, lambda: found.parse(text))
    _check_last_quote(path, text, records)
    rows = list(islice((cells for _, cells in records if isinstance(cells, list)), SAMPLE + 1))
    if not rows:
        line, error = records[0] if records else (1, "no row after sep=")
        raise BadInput(f"{path}:{line}: {_explain(error) if isinstance(error, csv.Error) else error}")
    usual = dialect.OWN.get(files.suffix(path))
    if found.delimiter and usual and found.delimiter != usual:
        say(f"{path}: {dialect.NAMES[found.delimiter]} stand between its columns, not {dialect.NAMES[usual]}")
    if found.backslash:
        say(f'{path}: a quotation mark inside a text is written \\"')
    line, first = next((line, cells) for line, cells in records if isinstance(cells, list))
    names = ("",) * len(rows[0])
    header = None
    if has_header(path, rows, request=request, say=say):
        names, header = tuple(cell.strip() for cell in first), (line, first)
    cleaned = _keep(text, lambda: _clean(records, names, header))
    if not cleaned:
        raise BadInput(f"{path}: no row after the header.")
    return Table(path, names, where=f"{path}:{line}", records=cleaned)


def _get_head(text: str | LargeText) -> str:
    return text if isinstance(text, str) else text.head


def _empty_lines(text: str | LargeText, count: int) -> str | LargeText:
    """Return a text with nothing in its first lines."""
    if isinstance(text, LargeText):
        return LargeText(text.path, text.encoding, skipped=count)
    return "\n".join([""] * count + text.split("\n")[count:])


def _keep(text: str | LargeText, parse: Callable[[], Iterator[tuple[int, Record]]]) -> Sequence[tuple[int, Record]]:
    """Return the records of a text, in memory where the text is."""
    return list(parse()) if isinstance(text, str) else Parsed(parse)


def _clean(
    records: Iterable[tuple[int, Record]], names: tuple[str, ...], header: tuple[int, list[str]] | None
) -> Iterator[tuple[int, Record]]:
    """Yield the records below the header, without empty cells beyond the columns: spreadsheets fill rows up.

    header: its line and cells; it may stand there once more.
    """
    line, first = header or (0, None)
    again = BadRow("the header once more", f"the header of line {line} stands here once more.", missing=True)
    width = len(names)
    for number, cells in records:
        if number == line:
            continue
        if cells == first:
            yield number, again
        elif isinstance(cells, list) and len(cells) > width and not any(cells[width:]):
            yield number, cells[:width]
        else:
            yield number, cells


def _cut_comments(
    path: Path, text: str | LargeText, find: Callable[[str | LargeText], dialect.Dialect], say: Say
) -> tuple[str | LargeText, dialect.Dialect]:
    """Return a text without the lines above its table that begin with "#", which are emptied, and its dialect.

    Those that are as wide as the rows are rows.
    """
    lines = _get_head(text).split("\n")
    count = next((number for number, line in enumerate(lines) if not line.startswith("#") and line.strip()), 0)
    if not any(line.startswith("#") for line in lines[:count]):
        return text, find(text)
    rest = _empty_lines(text, count)
    found = find(rest)
    below, *above = [
        {len(cells) for _, cells in found.parse(line) if isinstance(cells, list)}
        for line in (lines[count], *lines[:count])
    ]
    if any(below & widths for widths in above):
        return text, find(text)
    say(f"{path}: {count:,} lines above the table are comments")
    return rest, found


def _read_fasttext(path: Path, text: str | LargeText, say: Say) -> Table:
    say(f"{path}: each line is a label, marked by {FASTTEXT}, and a text, as fastText has them")
    records = _keep(text, lambda: _parse_fasttext(text.split("\n") if isinstance(text, str) else text))
    return Table(path, ("label", "text"), where=f"{path}:{records[0][0]}", records=records)


def _parse_fasttext(lines: Iterable[str]) -> Iterator[tuple[int, JsonObject | BadRow]]:
    for number, line in enumerate(lines, 1):
        labels, rest = [], line.strip()
        while rest.startswith(FASTTEXT):
            label, _, rest = rest.partition(" ")
            labels.append(label.removeprefix(FASTTEXT))
            rest = rest.lstrip()
        if labels:
            yield number, {"label": labels[0] if len(labels) == 1 else labels, "text": rest}
        elif rest:
            yield number, BadRow("no label", f"a line begins with {FASTTEXT}, got {short(line.rstrip())}")


def _check_ends(path: Path, text: str | LargeText, found: dialect.Dialect) -> None:
    if "\r" in text and found.delimiter in ("\t", "|", "::", ""):
        check_line_ends(text, path) if isinstance(text, LargeText) else files.check_line_ends(path, text)


def _check_last_quote(path: Path, text: str | LargeText, records: Sequence[tuple[int, Record]]) -> None:
    """Refuse a file whose last record begins a quotation that never ends: the rest would be lost with it."""
    if '"' not in text:
        return
    line, last = deque(records, maxlen=1)[-1] if records else (0, None)
    if isinstance(last, csv.Error) and "unexpected end of data" in str(last) and _count_ends(text) >= line:
        raise BadInput(
            f"{path}:{line}: the row that starts here is not valid CSV: a quotation mark in it is never closed, and "
            "the rest of the file would be one text. Mend it."
        )


def _count_ends(text: str | LargeText) -> int:
    """Return how many line ends there are before the last line with something in it."""
    lines = text.split("\n") if isinstance(text, str) else text
    return max(number for number, line in enumerate(lines) if line not in ("", "\n"))


def _explain(error: csv.Error) -> str:
    reason = f"{error}. A quotation mark in a quoted text is written twice, and one ends the text"
    if "new-line" in str(error):  # the csv module's advice on this is for programmers
        reason = "it has a carriage return without a line feed, outside a quoted text"
    return f"the row that starts here is not valid CSV: {reason}."


def has_header(path: Path, rows: Sequence[list[str]], request: Request, say: Say) -> bool:
    """Return whether the first row names the columns; say so where only its content tells.

    It does where --header says so, where a column is asked for by name, or where it has a name that is known. Else it
    is compared with the rows below, column by column: a word above numbers, above labels of which it is none, and a
    short word above long texts are names.
    """
    if request.header != "auto":
        return request.header == "yes"
    given = [name for name in (request.columns.given_input, request.columns.given_output) if name]
    if any(not is_number(name) for name in given):
        return True
    if any(matches(cell, (*request.columns.input, *request.columns.output)) for cell in rows[0] if cell.strip()):
        return True
    evidence = sum(map(_compare, rows[0], zip(*_fill(rows[1 : SAMPLE + 1], len(rows[0])), strict=True)))
    header = evidence > 0 or (evidence == 0 and len(given) < 2 and files.suffix(path) in DELIMITED)
    if header:
        names = list_names((cell for cell in rows[0] if cell.strip()), SHOWN)
        say(f"{path}: its first row names the columns: {names}; --header no if it is an example")
    else:
        say(f"{path}: its first row is an example, as the columns have no names; --header yes if it names them")
    return header


def _fill(rows: Sequence[list[str]], width: int) -> list[list[str]]:
    return [row[:width] + [""] * (width - len(row)) for row in rows] or [[""] * width]


def _compare(first: str, below: Iterable[str]) -> int:
    """Return 1 if the first cell of a column looks like its name, -1 if it looks like what is below, 0 if neither."""
    first, values = first.strip(), [value.strip() for value in below if value.strip()]
    if not first or not values:
        return 0
    different = set(values)
    if first in different or len(first.split()) >= 4:
        return -1
    shapes = set(map(_shape, different))
    if len(shapes) == 1 and len(values) > 2:
        # Numbers, dates, names of files.
        return -1 if _shape(first) in shapes else 1
    if all(map(_is_numeric, values)):
        return -1 if _is_numeric(first) else 1
    if len(values) >= 6 and len(different) <= len(values) / 3:
        return 1
    mean = sum(map(len, values)) / len(values)
    return int(" " not in first and mean >= 3 * len(first))


def _shape(text: str) -> str:
    """Return "a9-9.a" of "LJ001-0042.wav"."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", text))


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# Objects.


def _make_keyed(path: Path, records: Sequence[tuple[int, Record]]) -> Table:
    good = next(((line, record) for line, record in records if isinstance(record, dict)), None)
    if good is None:
        raise BadInput(f"{path}:{records[0][0]}: {records[0][1]}")
    sample = [record for _, record in records[:SAMPLE] if isinstance(record, dict)]
    counts = Counter(name for record in sample for name in _flatten(record))
    # Those of the first object, and what it alone lacks.
    names = dict.fromkeys([*_flatten(good[1]), *(name for name in counts if counts[name] > len(sample) / 2)])
    return Table(path, tuple(names), where=f"{path}:{good[0]}", records=records)


def _flatten(record: JsonObject, depth: int = 1) -> Iterator[str]:
    for key, value in record.items():
        if isinstance(value, dict) and value and depth < DEPTH:
            yield from (f"{key}.{inner}" for inner in _flatten(value, depth + 1))
        else:
            yield key


def _reach(record: JsonObject, name: str) -> object:
    value: object = record
    for key in [name] if name in record else name.split("."):
        if not isinstance(value, dict) or key not in value:
            known = list_names(_flatten(record), SHOWN) or "none"
            key = f"no key {shorten(name)!r}"
            raise BadRow(key, f"{key} in this object; it has {known}.")
        value = value[key]
    return value


def _read_parquet(path: Path, large: bool = False) -> Table:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BadInput(f"{path}: pyarrow, which reads Parquet, is not installed; run: pip install pyarrow") from None

    def parse() -> Iterator[tuple[int, JsonObject]]:
        try:
            packed = parquet.ParquetFile(path if large else io.BytesIO(files.read_bytes(path)))
            _check_size(path, packed.metadata.num_rows * packed.metadata.num_columns)
            named = _find_class_names(packed.schema_arrow.metadata or {})
            number = 0
            for batch in packed.iter_batches(ROWS) if large else [packed.read()]:
                for row in batch.to_pylist():
                    row.update({key: _name_classes(row[key], names) for key, names in named.items() if key in row})
                    number += 1
                    yield number, row
        except BadInput:
            raise
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise BadInput(
                f"{path}: no Parquet file that can be read ({shorten(str(error), REASON)}); is it whole?"
            ) from None

    records: Sequence[tuple[int, Record]] = Parsed(parse) if large else [*parse()]
    if not records:
        raise BadInput(f"{path}: no row in this table.")
    return _make_keyed(path, records)


def _check_size(path: Path, cells: int) -> None:
    if cells > max(CELLS_PER_BYTE * path.stat().st_size, MANY_CELLS):
        raise BadInput(f"{path}: {cells:,} cells in a file of {path.stat().st_size:,} bytes; convert it to CSV first")


def _find_class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of the classes of each column that has them, as Hugging Face's datasets keep them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        found = {key: (value.get("feature") or value) for key, value in features.items() if isinstance(value, dict)}
        return {key: value["names"] for key, value in found.items() if value.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _name_classes(value: object, names: list[str]) -> object:
    if isinstance(value, list):
        return [_name_classes(one, names) for one in value]
    # A label that is hidden is -1.
    return (names[value] if 0 <= value < len(names) else None) if isinstance(value, int) else value
