"""Tables of series, in three forms, which their columns tell apart.

long     a row per step, with the series that it belongs to:   series,time,x,y,label
wide     a row per series:                                     label,x1,x2,x3 ...
files    a row per series, with the file that it is in:        file,label        a.npy,walking
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput, list_names, shorten
from pipeline.example import Example
from pipeline.fields.signal import Signal, read_numbers, read_times
from pipeline.readers import files, media
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.series.arrays import ENDINGS, read_array
from pipeline.readers.series.cases import read_channel, trim
from pipeline.readers.series.columns import TIMES
from pipeline.readers.tabular import records, values
from pipeline.readers.tabular.columns import choose, matches
from pipeline.readers.tabular.records import Record, Table

# Rows of numbers alone, as the UCR archive has them: the class, then the steps.
MARKS = re.compile(r"[,;\s]+")
# Numbers that a row of such a file has at least.
LEAST = 4


def read(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of a table with their classes; without them where it has none, or request.inputs_only.

    A row that cannot be read is left out, counted and said. Raises BadInput, with the file and the line, where there
    is nothing to read, where a series has two classes, and for time stamps that are doubled.
    """
    if files.suffix(path) != ".parquet" and is_plain(path, request):
        return read_plain(path, request, say)
    table = next(iter(records.read(path, request, say).values()))
    if (column := _find_files(table, request)) is not None:
        return read_files(table, column, request, say=say)
    series = choose(
        table.names,
        request.columns.input,
        given=request.columns.given_input,
        option="--text-column",
        where=table.where,
    )
    if series is not None and _repeats(table, series):
        return read_long(table, series, request, say=say)
    return read_wide(table, series, request, say=say)


# Rows of numbers.


def is_plain(path: Path, request: Request) -> bool:
    """Return whether the first row of a file has nothing but numbers, at least LEAST of them."""
    lines = (line for line in files.read_lines(path, request.encoding) if line.strip())
    cells = MARKS.split(next(lines).strip())
    return len(cells) >= LEAST and read_numbers([cells]) is not None


def read_plain(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of a file whose rows are a class and the steps of one channel, all of them numbers."""
    say(f"{path}: the first number of each row is taken for its class, and the others for its steps")
    examples: list[Example] = []
    faults = Faults(path, request.strict)
    for number, line in enumerate(files.read_lines(path, request.encoding), 1):
        if not line.strip():
            continue
        with faults.row(number):
            label, *steps = MARKS.split(line.strip())
            if not steps:
                raise BadRow("a class and no step", "there is no step after the class")
            signal = trim(Signal(read_channel(",".join(steps))[:, None]))
            examples.append(
                Example(signal, None if request.inputs_only else name_class(label), f"{path.name}:{number}")
            )
    faults.conclude(len(examples), say)
    return examples


def name_class(label: str) -> str:
    """Return a class that is written as a number, "1.0000000e+00" as "1"."""
    number = read_numbers([[label]])
    if number is None or not np.isfinite(number[0, 0]):
        raise BadRow("the class is missing", f"the class is {label!r:.60}", missing=True)
    return f"{float(number[0, 0]):g}"


# A file per series.


def _find_files(table: Table, request: Request) -> int | None:
    """Return the column that names files of arrays."""
    for column, sample in enumerate(table.sample):
        if sample and all(isinstance(value, str) and value.lower().endswith(ENDINGS) for value in sample):
            return column
    return None


def read_files(table: Table, column: int, request: Request, say: Say) -> list[Example]:
    """Return the series in the files that a column names."""
    finder = media.Finder(ENDINGS, request)
    labelled = _find_label(table, request)

    def read_one(record: Record) -> Signal:
        name = values.text(table.get(record, column)).strip()
        path = finder.find(name, table.path.parent)
        if path is None:
            raise BadRow(
                "there is no such file",
                f"there is no file {values.short(name)} in {table.path.parent} or a folder in it",
            )
        try:
            return read_array(path, request)
        except BadInput as error:
            raise BadRow("a file that cannot be read", str(error)) from None

    return _read_each(table, read_one, labelled=labelled, request=request, say=say)


def _read_each(
    table: Table, read_one: Callable[[Record], Signal], *, labelled: int | None, request: Request, say: Say
) -> list[Example]:
    """Return an example per row. labelled: the column of the classes."""
    asked = None if request.inputs_only else labelled
    examples: list[Example] = []
    faults = Faults(table.path, request.strict)
    for line, record in table.records:
        with faults.row(line):
            label = None if asked is None else values.label(table.get(record, asked))
            examples.append(Example(read_one(record), label, f"{table.path.name}:{line}"))
    faults.conclude(len(examples), say)
    return examples


def _find_label(table: Table, request: Request) -> int | None:
    """Return the column of the classes; None where there is none, and none is asked for; else BadInput."""
    names = request.columns.output
    found = choose(table.names, names, given=request.columns.given_output, option="--label-column", where=table.where)
    if found is None and not request.inputs_only:
        there = list_names(map(repr, table.names))
        raise BadInput(
            f"{table.where}: no column named {' or '.join(names)}. Found: {there}. Say which holds the class with "
            "--label-column"
        )
    return found


# A row per series.


def read_wide(table: Table, series: int | None, request: Request, say: Say) -> list[Example]:
    """Return the series of rows of steps. series: a column that numbers the rows, which is left out."""
    labelled = _find_label(table, request)
    steps = _choose_channels(table, {series, labelled}, say, what="steps")

    def read_one(record: Record) -> Signal:
        return trim(Signal(_read_numbers(table, record, steps)[:, None]))

    return _read_each(table, read_one, labelled=labelled, request=request, say=say)


# A row per step.


@dataclass
class Case:
    """The rows of one series so far. line: of the first. label: its class."""

    line: int
    label: str | None
    numbers: list[np.ndarray] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


def read_long(table: Table, series: int, request: Request, say: Say) -> list[Example]:
    """Return the series of rows of steps. series: the column that says to which a row belongs."""
    labelled = _find_label(table, request)
    timed = _find_column(table, TIMES)
    channels = _choose_channels(table, {series, labelled, timed}, say, what="channels")
    clock = f", its time stamps {table.names[timed]!r}" if timed is not None else ""
    say(f"{table.path}: a row per step; its series are in column {shorten(table.names[series]) or series + 1!r}{clock}")
    asked = None if request.inputs_only else labelled
    cases: dict[str, Case] = {}
    faults = Faults(table.path, request.strict)
    for line, record in table.records:
        with faults.row(line):
            name = values.label(table.get(record, series))
            label = None if asked is None else values.label(table.get(record, asked))
            numbers = _read_numbers(table, record, channels)
            time = None if timed is None else _read_time(table.get(record, timed))
            case = cases.setdefault(name, Case(line, label))
            if case.label != label:
                raise BadInput(
                    f"{table.path}:{line}: the series {name!r:.60} has the class {label!r:.60} here, and "
                    f"{case.label!r:.60} in line {case.line}; expected one class per series"
                )
            case.numbers.append(numbers)
            if time is not None:
                case.times.append(time)
    faults.conclude(sum(len(case.numbers) for case in cases.values()), say)
    unordered = sum(bool((np.diff(case.times) < 0).any()) for case in cases.values())
    if unordered:
        say(f"{table.path}: the rows of {unordered:,} of {len(cases):,} series are put in the order of their times")
    return [
        Example(make_signal(table.path, name, case), case.label, f"{table.path.name}:{case.line}")
        for name, case in cases.items()
    ]


def make_signal(path: Path, name: str, case: Case) -> Signal:
    """Return the series of some rows, in the order of their times; BadInput for two rows of one time."""
    numbers = np.stack(case.numbers)
    if not case.times:
        return Signal(numbers)
    order = np.argsort(case.times, kind="stable")
    times = np.array(case.times)[order]
    if (np.diff(times) == 0).any():
        place = int((np.diff(times) == 0).argmax())
        raise BadInput(
            f"{path}:{case.line}: the series {name!r:.60}, which begins here, has two rows at the time "
            f"{times[place]:.15g}; remove one, or take their mean"
        )
    return Signal(numbers[order], times)


def _read_time(value: object) -> float:
    try:
        return float(read_times([str(value)])[0])
    except BadInput as error:
        raise BadRow("a time stamp that cannot be read", str(error)) from None


# Columns and numbers.


def _find_column(table: Table, names: Sequence[str]) -> int | None:
    return next((column for column, name in enumerate(table.names) if matches(name, names)), None)


def _repeats(table: Table, column: int) -> bool:
    """Return whether a value stands in more than one of the first rows."""
    sample = table.sample[column]
    return len({str(value) for value in sample}) < len(sample)


def _choose_channels(table: Table, known: set[int | None], say: Say, what: str) -> list[int]:
    """Return the columns of numbers, but for those that are known; which columns are left out is said."""
    free = [column for column in range(len(table.names)) if column not in known]
    chosen = [column for column in free if any(_is_number(value) for value in table.sample[column])]
    left = [repr(table.names[column] or column + 1) for column in sorted({*free} - {*chosen})]
    if not chosen:
        raise BadInput(
            f"{table.where}: no column of numbers in it, which would be its {what}; found "
            f"{list_names(map(repr, table.names))}"
        )
    if left:
        say(f"{table.path}: left out, as no number is in them: columns {list_names(left)}")
    return chosen


def _is_number(value: object) -> bool:
    return read_numbers([[str(value)]]) is not None


def _read_numbers(table: Table, record: Record, columns: Sequence[int]) -> np.ndarray:
    """Return the numbers of a row in some columns, NaN where one is missing; BadRow for what is none."""
    cells = [table.get(record, column) for column in columns]
    written = ["" if values.is_missing(cell) else str(cell) for cell in cells]
    numbers = read_numbers([written])
    if numbers is None:
        place = next(place for place, cell in enumerate(written) if read_numbers([[cell]]) is None)
        name = values.short(table.names[columns[place]] or columns[place] + 1)
        raise BadRow(
            "what is no number",
            f"column {name} is {values.short(cells[place])}; expected a finite number, or nothing where none was "
            "measured",
        )
    return numbers[0]
