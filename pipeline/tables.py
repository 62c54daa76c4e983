"""Tables: a text and its label a row, in CSV, TSV or JSON lines."""

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import files, positions
from pipeline.columns import Columns
from pipeline.errors import BadInput
from pipeline.example import Example, Splits

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*SEPARATORS, ".jsonl", ".json")


def read(path: Path, columns: Columns, number: bool = False) -> Splits:
    """Return the rows of a file (all "train") or of a directory's train, validation and test files.

    An example's input is a text, as it stands in the file; its output is a label, or a float if `number`;
    its origin the line where its row starts. A CSV or TSV file has a header, unless both columns are given
    as numbers; the numbers among the candidates are not tried, for a file without a header would lose its
    first row to them.
    Raises BadInput, with the file and the line, for a row that cannot be read so, or an empty text or label.
    """
    found = files.find(path, SUFFIXES)
    return {split: _read_file(file, columns, number) for split, file in found.items()}


def _read_file(path: Path, columns: Columns, number: bool) -> list[Example]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"--data {path}: its name should end with one of {', '.join(SUFFIXES)}, to say what it is.")
    pairs = _rows(path, columns) if suffix in SEPARATORS else _objects(path, columns)
    examples: list[Example] = []
    for line, text, label in pairs:
        where = f"{path}:{line}"
        if not isinstance(text, str):
            raise BadInput(f"{where}: the text is {_short(text)}, not a string.")
        if not text.strip():
            raise BadInput(f"{where}: the text is empty. Remove the row, or choose another column: --text-column.")
        if re.search("[\ud800-\udfff]", text):
            raise BadInput(f"{where}: half of a surrogate pair (\\ud800 to \\udfff) in the text: {_short(text)}.")
        try:
            output = _number(label) if number else _label(label)
        except BadInput as error:
            hint = ""
            if not examples and positions.is_number(columns.given_output):
                hint = " If this row is a header, give both columns by name."
            raise BadInput(f"{where}: {error} Mend it, or choose another column: --label-column.{hint}") from None
        examples.append(Example(text, output, f"{path.name}:{line}"))
    if not examples:
        raise BadInput(f"{path}: no row after the header.")
    return examples


def _rows(path: Path, columns: Columns) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the text and the label of each row of a CSV or TSV file."""
    suffix = path.suffix.lower()
    records = _records(path, suffix)
    line, first = next(records)
    header = [name.strip() for name in first]
    where = f"{path}:{line}"
    text_at, label_at = _choose(where, header, columns, _separator_hint(header, suffix))
    width = len(header)
    if positions.is_number(columns.given_input) and positions.is_number(columns.given_output):
        if _is_name(header[text_at], columns.input) and _is_name(header[label_at], columns.output):
            raise BadInput(
                f"{where}: a header, {', '.join(header)}; numbers are for a file without one. "
                f"Give the names: --text-column {header[text_at]!r} --label-column {header[label_at]!r}."
            )
        records = itertools.chain([(line, first)], records)
    for row_line, row in records:
        if len(row) != width:
            raise BadInput(
                f"{path}:{row_line}: {len(row)} column{'s' if len(row) > 1 else ''} "
                f"where line {line} has {width}: {_short(SEPARATORS[suffix].join(row))}. "
                f"A text with a {'comma' if suffix == '.csv' else 'TAB'} in it needs double quotes around it."
            )
        yield row_line, row[text_at], row[label_at]


def _records(path: Path, suffix: str) -> Iterator[tuple[int, list[str]]]:
    """Return the line where it starts, and the cells, of each record that is not a blank line."""
    text = files.read_text(path)
    if suffix == ".csv":
        return _parse(path, text, delimiter=",", strict=True)
    # Many TSV files are written without quoting, and a quotation mark in them is a part of the text. It shows
    # when the marks do not pair, or when a pair holds the end of one row and the start of another.
    try:
        records = list(_parse(path, text, delimiter="\t", strict=True))
    except BadInput:
        records = None
    if records is None or any("\t" in cell and "\n" in cell for _, cells in records for cell in cells):
        return _parse(path, text, delimiter="\t", quoting=csv.QUOTE_NONE)
    return iter(records)


def _parse(path: Path, text: str, **dialect: Any) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(2**31 - 1)
    # newline="\n": no other character may end a line.
    reader = csv.reader(io.StringIO(text, newline="\n"), **dialect)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"{error}. A quotation mark in a quoted text is written twice, and one ends the text"
            if "new-line" in str(error):  # the csv module's advice on this is for programmers
                reason = "it has a carriage return without a line feed, outside a quoted text"
            raise BadInput(f"{path}:{line}: the row that starts here is not valid CSV: {reason}.") from None
        if cells:
            yield line, cells


def _objects(path: Path, columns: Columns) -> Iterator[tuple[int, Any, Any]]:
    """Yield the line, the text and the label of each object of a JSON lines file."""
    keys = None
    for line, source in enumerate(files.read_lines(path), 1):
        if not source.strip():
            continue
        where = f"{path}:{line}"
        try:
            row = json.loads(source)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise BadInput(f"{where}: not JSON: {reason}. One object a line is expected: {_short(source)}.") from None
        if not isinstance(row, dict) or not row:
            raise BadInput(f"{where}: {_short(row)} where an object with keys is expected, one a line.")
        if keys is None:
            names = list(row)
            keys = [names[index] for index in _choose(where, names, columns)]
        for key in keys:
            if key not in row:
                raise BadInput(f"{where}: no key {key!r} in this object; it has {', '.join(row) or 'none'}.")
        yield line, row[keys[0]], row[keys[1]]


def _choose(where: str, names: list[str], columns: Columns, hint: str = "") -> tuple[int, int]:
    asked = (
        ("--text-column", columns.input, columns.given_input),
        ("--label-column", columns.output, columns.given_output),
    )
    chosen = []
    for option, candidates, given in asked:
        named = [name for name in candidates if not positions.is_number(name)]
        index = positions.choose(names, named, given, option, where)
        if index is None:
            raise BadInput(
                f"{where}: no column named {' or '.join(candidates)}. "
                f"Found: {', '.join(map(_short, names))}.{hint} Say which to use with --text-column and "
                "--label-column: names, or numbers such as 1 and 2 if the file has no header."
            )
        chosen.append(index)
    if chosen[0] == chosen[1]:
        raise BadInput(
            f"{where}: column {names[chosen[0]]!r} would be both the text and the label. "
            "Choose them with --text-column and --label-column."
        )
    return chosen[0], chosen[1]


def _is_name(cell: str, candidates: tuple[str, ...]) -> bool:
    return cell.casefold() in (name.casefold() for name in candidates)


def _separator_hint(header: list[str], suffix: str) -> str:
    seen = [mark for mark in (",", "\t", ";") if mark in header[0]]
    if len(header) > 1 or not seen:
        return ""
    return f" A {suffix} file has {SEPARATORS[suffix]!r} between columns; this one seems to have {seen[0]!r}."


def _label(label: Any) -> str:
    if isinstance(label, bool):
        return str(label).lower()
    if not isinstance(label, (str, int, float)):
        raise BadInput(f"the label is {_short(label)}, not a string or a number.")
    if not str(label).strip():
        raise BadInput("the label is empty.")
    return str(label).strip()


def _number(label: Any) -> float:
    try:
        # float() reads True as 1, and "1_0" as 10, neither of which is meant as a number.
        value = math.nan if isinstance(label, bool) or "_" in str(label) else float(label)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"the label is {_short(label)}, which is not a number.")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
