"""Time tables: numbers by time, as CSV and its kin, JSON lines or Parquet, wide or long.

wide: a column per series              long: a row per series and time

time,north,south                       time,station,temperature
2026-01-01T00:00,3.1,9.2               2026-01-01T00:00,north,3.1
2026-01-01T01:00,2.9,9.0               2026-01-01T00:00,south,9.2
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput, list_names, shorten
from pipeline.example import Splits
from pipeline.forecasting.grid import NUMBERED, Grid, fit_grid
from pipeline.forecasting.rolling import choose_cut, divide, make_latest
from pipeline.forecasting.window import LARGEST, TimeSeries
from pipeline.option import Options, option
from pipeline.readers import files
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import records, values
from pipeline.readers.tabular.columns import Columns, choose
from pipeline.readers.tabular.records import Table

# Names that columns are known by.
TIME = (
    "time",
    "timestamp",
    "datetime",
    "date",
    "ds",
    "date_time",
    "time (utc)",
    "day",
    "month",
    "year",
    "hour",
    "step",
)
SERIES = ("series", "series_id", "unique_id", "item_id", "series_name", "id", "sensor", "station", "site", "store")
TARGET = ("target", "value", "y", "values", "temp", "temperature")
COLUMNS = Columns((*TIME, *SERIES), TARGET)
# The share of rows whose time stamp may have been before, with another number: the first counts.
DOUBLED = 0.001
# Columns that a line names.
SHOWN = 12
# Digits of a number that stands for a time, and what they are.
DIGITS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}
EPOCHS = {10: "s", 13: "ms", 16: "us", 19: "ns"}


@dataclass(frozen=True)
class TimeColumns:
    """Options: what the columns of a table of time series are."""

    time_column: str | None = option(None, "Column of the time stamps; else found by its name, or none.")
    series_column: str | None = option(None, "Long tables: column that names the series of a row.")
    target_column: str | None = option(None, "Columns to forecast, with commas between; wide tables: one per series.")
    covariate_columns: str | None = option(None, "Columns of other numbers, known up to now, with commas between.")
    known_columns: str | None = option(
        None, "Columns of numbers that are known ahead, such as holidays; rows without a target have the future ones."
    )


@dataclass(frozen=True)
class Chosen:
    """The columns of a table, by their places. target: one, or in a wide table one per series."""

    time: int | None
    series: int | None
    target: tuple[int, ...]
    covariates: tuple[int, ...]
    known: tuple[int, ...]


@dataclass
class Rows:
    """The rows of one series as they stand in a file.

    numbers: (rows, columns), of each row the target, the covariates, and those known ahead.
    """

    lines: Sequence[int]
    times: Sequence[object]
    numbers: np.ndarray


@dataclass
class Block:
    """The rows of the series that stand beside each other in a table. numbers: of each row those of all columns."""

    lines: list[int] = field(default_factory=list)
    times: list[object] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)


def read(request: Request, say: Say) -> Splits:
    """Return the windows of the series in a table, divided by time; with request.inputs_only the last one of each.

    A folder of train, validation and test tables is joined by time first: the shares are those of --validation-share
    and --test-share. A row whose time or number cannot be read is left out, counted and said; refused if
    request.strict. Raises BadInput, with the file and the line, for time stamps that are doubled or not regular, and
    where no series can be used.
    """
    if request.columns.given_input or request.columns.given_output:
        raise BadInput("--text-column, --label-column: a table of time series has --time-column, --target-column")
    if request.path.is_dir() or request.files:
        found = files.find(request, (records.SUFFIXES, (".txt",)), say)
        every = join([read_series(path, request, say) for paths in found.values() for path in paths], say)
    else:
        every = read_series(request.path, request, say)
    options = request.options
    assert options is not None
    if request.inputs_only:
        return {"train": [make_latest(series, choose_cut(series, options)) for series in every]}
    return divide(every, options, say)


def read_series(path: Path, request: Request, say: Say) -> list[TimeSeries]:
    """Return the series of one table, in the order of their names' first rows; see `read`."""
    options = request.options
    assert options is not None
    request = replace(request, columns=replace(COLUMNS, given_input=options.time_column))
    (table,) = records.read(path, request, say).values()
    chosen = choose_columns(table, options, say)
    rows = collect(table, chosen, request=request, say=say)
    said: set[str] = set()

    def say_once(line: str) -> None:
        # The series of a wide table share their rows.
        if line not in said:
            said.add(line)
            say(line)

    return [
        make_series(table, name, one, chosen=chosen, strict=request.strict, say=say_once) for name, one in rows.items()
    ]


def join(tables: Sequence[Sequence[TimeSeries]], say: Say) -> list[TimeSeries]:
    """Return the series of several tables, those of one name as one; BadInput where these overlap."""
    found: dict[str, TimeSeries] = {}
    for series in (one for table in tables for one in table):
        before = found.get(series.name)
        found[series.name] = append(before, series) if before else series
    return list(found.values())


def append(one: TimeSeries, other: TimeSeries) -> TimeSeries:
    """Return a series that goes on with another one of its name, with a gap where there is one between them."""
    if (one.grid.unit, one.grid.count) != (other.grid.unit, other.grid.count):
        raise BadInput(f"{other.origin}: a value per {other.grid.step}, and {one.origin} has one per {one.grid.step}")
    distance = len(one.values) * one.grid.count
    if one.grid.unit:
        starts = np.array([one.grid.first, other.grid.first], f"datetime64[{one.grid.unit}]").astype(int)
        distance = int(starts[1] - starts[0])
    place = distance // one.grid.count
    if place < len(one.values) or distance % one.grid.count:
        raise BadInput(
            f"{other.origin}: it begins at {other.grid.start}, and {one.origin} ends after that; files of one series "
            "follow each other in time"
        )

    def put(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        gap = np.full((place - len(first[:place]), *first.shape[1:]), np.nan)
        return np.concatenate([first[:place], gap, second])

    return TimeSeries(
        one.name,
        one.grid,
        put(one.values, other.values),
        put(one.covariates, other.covariates),
        put(one.known, other.known),
        other.origin,
    )


# Columns.


def choose_columns(table: Table, options: Options, say: Say) -> Chosen:
    """Return which columns hold what, as the options say, else by their names and by what is in them."""
    names, where = table.names, table.where

    def find(given: str | None, candidates: Sequence[str], flag: str) -> int | None:
        return choose(names, candidates, given=given, option=flag, where=where)

    def find_all(given: str | None, flag: str) -> tuple[int, ...]:
        parts = [part.strip() for part in given.split(",")] if given else []
        return tuple(place for part in parts if (place := find(part, (), flag)) is not None)

    time = find(options.time_column, TIME, "--time-column")
    covariates = find_all(options.covariate_columns, "--covariate-columns")
    known = find_all(options.known_columns, "--known-columns")
    series = find(options.series_column, SERIES, "--series-column")
    if series is not None and options.series_column is None and is_numeric(table, series) and time is None:
        series = None
    target = find_all(options.target_column, "--target-column")
    taken = {time, series, *covariates, *known}
    if not target:
        by_name = find(None, TARGET, "--target-column")
        numeric = [place for place in range(len(names)) if place not in taken and is_numeric(table, place)]
        target = (by_name,) if by_name is not None and by_name not in taken else tuple(numeric)
        if not target:
            shown = list_names(
                f"{names[place] or place + 1}: {values.short(table.sample[place][0])}"
                for place in range(len(names))
                if place not in taken and table.sample[place]
            )
            raise BadInput(
                f"{where}: no column of numbers to forecast; there are {shown or 'no others'}. Say which: "
                "--target-column"
            )
        if series is not None and len(target) > 1:
            listed = list_names(names[place] or place + 1 for place in target)
            raise BadInput(f"{where}: which column is to be forecast: {listed}? Say so: --target-column")
        listed = list_names((names[place] or f"column {place + 1}" for place in target), SHOWN)
        left = [names[place] for place in sorted({*numeric} - {*target})]
        beside = f"; {list_names(left, SHOWN)} left out (--covariate-columns)" if left else ""
        timed = (
            f"the time stamps are in {shorten(names[time]) or time + 1}"
            if time is not None
            else "no time stamps, rows in order"
        )
        say(f"{table.path}: {timed}; to forecast: {listed}{beside}")
    overlap = set(target) & taken
    if overlap:
        raise BadInput(
            f"{where}: the column {names[overlap.pop()]!r} is given twice, as --target-column and as another"
        )
    return Chosen(time, series, target, covariates, known)


def is_numeric(table: Table, column: int) -> bool:
    """Return whether most values of a column, in the first records, are numbers."""
    sample = table.sample[column]
    if read_plain(sample) is not None:
        return bool(sample)
    return sum(read_number(value) is not None for value in sample) > len(sample) / 2


def read_plain(texts: Sequence[object]) -> list[float] | None:
    """Return the numbers of texts that are plain numbers, as most are of the millions in a wide table; else None."""
    try:
        numbers = [float(text) if isinstance(text, str) else math.nan for text in texts]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def read_number(value: object) -> float | None:
    """Return a number, NaN for one that is missing or infinite; None for what is no number."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    if values.is_missing(value) or (isinstance(value, str) and value.strip() in ("?", "NA", "-")):
        return math.nan
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else math.nan
    try:
        return (
            float(str(value)) if re.fullmatch(r"\s*[-+]?(\d|\.\d|inf)[\w.+-]*\s*", str(value), re.IGNORECASE) else None
        )
    except ValueError:
        return None


# Rows.


def collect(table: Table, chosen: Chosen, *, request: Request, say: Say) -> dict[str, Rows]:
    """Return the rows of each series, by its name; "" where there is one only."""
    blocks: dict[str, Block] = {}
    faults = Faults(table.path, request.strict)
    others = (*chosen.covariates, *chosen.known)
    for line, record in table.records:
        with faults.row(line):
            time = None if chosen.time is None else table.get(record, chosen.time)
            if chosen.time is not None and values.is_missing(time):
                raise BadRow("the time stamp is missing", missing=True)
            beside = get_numbers(table, record, others)
            named = "" if chosen.series is None else str(table.get(record, chosen.series)).strip()
            # All of them first: a row with one that cannot be read is left out whole.
            numbers = get_numbers(table, record, chosen.target)
            block = blocks.setdefault(named, Block())
            block.lines.append(line)
            block.times.append(time)
            block.numbers.append([*numbers, *beside])
    faults.conclude(len(table.records) - faults.count, say)
    infinite = 0
    found: dict[str, Rows] = {}
    for named, block in blocks.items():
        every = np.array(block.numbers, "float64")
        infinite += int((np.abs(every[:, : len(chosen.target)]) > LARGEST).sum())
        every[np.abs(every) > LARGEST] = math.nan
        for place, column in enumerate(chosen.target):
            name = table.names[column] or f"column {column + 1}" if len(chosen.target) > 1 else ""
            called = f"{named}/{name}" if named and name else named or name
            rows = Rows(block.lines, block.times, every[:, [place, *range(len(chosen.target), every.shape[1])]])
            found[called] = _append(found[called], rows) if called in found else rows
    if infinite:
        say(f"{table.path}: {infinite:,} values are infinite: they are taken for gaps")
    return found


def _append(one: Rows, other: Rows) -> Rows:
    """Return the rows of two columns of one name, whose times will be refused as doubled."""
    return Rows([*one.lines, *other.lines], [*one.times, *other.times], np.concatenate([one.numbers, other.numbers]))


def get_numbers(table: Table, record: records.Record, columns: Sequence[int]) -> list[float]:
    """Return the numbers in some columns; see `get_number`."""
    plain = None
    if isinstance(record, list) and len(record) == len(table.names):
        plain = read_plain([record[column] for column in columns])
    return [get_number(table, record, column) for column in columns] if plain is None else plain


def get_number(table: Table, record: records.Record, column: int) -> float:
    """Return the number in a column, NaN for one that is missing; BadRow for what is none."""
    value = table.get(record, column)
    number = read_number(value)
    if number is not None and not math.isnan(number):
        return number
    if isinstance(value, (str, float)) and re.fullmatch(r"\s*[-+]?inf(inity)?\s*", str(value), re.IGNORECASE):
        return math.inf
    if number is None:
        name = shorten(table.names[column]) or column + 1
        raise BadRow("a number cannot be read", f"{values.short(value)} in the column {name} is not a number.")
    return number


def make_series(table: Table, name: str, rows: Rows, *, chosen: Chosen, strict: bool, say: Say) -> TimeSeries:
    """Return the rows of a series on a regular grid, in the order of time; BadInput for time stamps that make none."""
    numbers, lines = rows.numbers, np.array(rows.lines)
    called = f"the series {shorten(name)!r}: " if name else ""
    if chosen.time is None:
        grid, positions = Grid("0", NUMBERED, 1), np.arange(len(lines))
    else:
        times, kept = parse_times(table, rows, say=say)
        numbers, lines = numbers[kept], lines[kept]
        order = np.argsort(times, kind="stable")
        if (order != np.arange(len(order))).any():
            line = int(lines[np.flatnonzero(np.diff(times).astype(int) < 0)[0] + 1])
            say(f"{table.path}: {called}the rows are not in the order of time (line {line}); they are sorted")
        times, numbers, lines = times[order], numbers[order], lines[order]
        first = keep_first(times, numbers, lines, where=table.path, called=called, strict=strict, say=say)
        times, numbers, lines = times[first], numbers[first], lines[first]
        if len(times) < 2:
            raise BadInput(
                f"{table.path}:{int(lines[0])}: {called}one time only; expected a value at each of many times"
            )
        if times.dtype.kind == "M":
            try:
                grid, positions = _fit_grid(times.tobytes())
            except BadInput as error:
                raise BadInput(f"{table.path}: {called}{error}") from None
        else:
            grid, positions = fit_numbers(times, f"{table.path}: {called}")
    # One wrong year would make a series of billions of gaps.
    if positions[-1] >= 50 * len(positions) + 1000:
        raise BadInput(
            f"{table.path}: {called}{len(positions):,} values over {int(positions[-1]) + 1:,} steps of a {grid.step}: "
            "nearly all are missing; is one of the time stamps wrong?"
        )
    full = np.full((int(positions[-1]) + 1, numbers.shape[1]), np.nan)
    full[positions] = numbers
    told = np.flatnonzero(np.isfinite(full[:, 0]))
    if not len(told):
        raise BadInput(f"{table.path}:{int(lines[0])}: {called}none of its values is known")
    # Rows after the last value hold what is known ahead.
    end, cut = int(told[-1]) + 1, 1 + len(chosen.covariates)
    if gaps := end - int(told[0]) - len(told):
        say(f"{table.path}: {called}{gaps:,} of {end - int(told[0]):,} values are missing: gaps, which are masked")
    begin = int(told[0])
    last = int(lines[np.searchsorted(positions, told[-1])])
    return TimeSeries(
        name or (table.path.name.split(".")[0] if chosen.series is None and len(chosen.target) == 1 else name),
        grid.move(begin),
        full[begin:end, 0].copy(),
        full[begin:end, 1:cut],
        full[begin:, cut:],
        f"{table.path.name}:{last}",
    )


# The series of a wide table have their times in common, and those of a long one often have the same.
@lru_cache(maxsize=16)
def _fit_grid(times: bytes) -> tuple[Grid, np.ndarray]:
    """Return the grid of times of datetime64[s]; see `fit_grid`."""
    return fit_grid(np.frombuffer(times, "datetime64[s]"))


def keep_first(
    times: np.ndarray, numbers: np.ndarray, lines: np.ndarray, *, where: Path, called: str, strict: bool, say: Say
) -> np.ndarray:
    """Return which rows, sorted by time, are the first of their time stamp.

    Rows that say the same are left out, and said; so are others where they are few, but not if strict: BadInput.
    """
    again = np.concatenate([[False], np.diff(times).astype(int) == 0])
    if not again.any():
        return ~again
    places = np.flatnonzero(again)
    differ = [place for place in places if not np.array_equal(numbers[place], numbers[place - 1], equal_nan=True)]
    line, before = (int(lines[place]) for place in ((differ or places)[0], (differ or places)[0] - 1))
    time = times[(differ or places)[0]]
    if len(differ) > (0 if strict else DOUBLED * len(times)):
        raise BadInput(
            f"{where}:{line}: {called}the time stamp {time} is that of line {before}, too; keep one of "
            "them, or name the "
            "column that tells the series apart: --series-column"
        )
    say(
        f"{where}: {called}{len(places):,} of {len(times):,} rows left out: their time stamp has "
        f"been before ({time}, line {line})"
    )
    return ~again


def parse_times(table: Table, rows: Rows, say: Say) -> tuple[np.ndarray, np.ndarray]:
    """Return the times as datetime64[s], or as integers where they number the steps, and which rows have one.

    Rows whose time cannot be read are left out, counted and said; BadInput where most cannot.
    """
    texts, whole = clean_times(tuple(map(str, rows.times)))
    if whole > len(texts) / 2:
        check_whole(table, rows, texts)
        return parse_whole(texts), np.ones(len(texts), bool)
    times, kept = parse_dates(texts)
    check_kept(table, rows, kept, say=say)
    return times, kept


@lru_cache(maxsize=16)
def clean_times(written: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """Return time stamps without the blanks around them, and the zeros that make a number of steps a float.

    And how many are whole numbers.
    """
    texts = [text.strip() for text in written]
    texts = [re.sub(r"\.0+$", "", text) if re.fullmatch(r"-?\d+\.0+", text) else text for text in texts]
    return tuple(texts), sum(map(is_whole, texts))


def is_whole(text: str) -> bool:
    """Return whether a time stamp is a whole number, and one whose distance to others 64 bits can hold."""
    return bool(re.fullmatch(r"-?\d{1,19}", text)) and abs(int(text)) < 2**62


@lru_cache(maxsize=16)
def parse_dates(texts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the times, datetime64[s], of the texts that can be read, and which can: (texts,) of bool."""
    import pandas

    with warnings.catch_warnings():
        # Where the first says nothing, each is read for itself, and pandas has advice on it for programmers.
        warnings.simplefilter("ignore", UserWarning)
        found = pandas.to_datetime(pandas.Series(texts), errors="coerce", utc=True, format=guess_format(texts))
    kept = found.notna().to_numpy()
    return found[kept].dt.tz_localize(None).to_numpy().astype("datetime64[s]"), kept


def guess_format(texts: Sequence[str]) -> str | None:
    """Return how pandas is to read time stamps: ISO 8601 in any precision, else as it guesses from the first."""
    return "ISO8601" if re.match(r"\d{4}-\d\d?(-|$)", texts[0]) else None


def check_whole(table: Table, rows: Rows, texts: Sequence[str]) -> None:
    """Raise BadInput for a time that is no whole number, where most are."""
    bad = next((place for place, text in enumerate(texts) if not is_whole(text)), None)
    if bad is not None:
        raise BadInput(
            f"{table.path}:{rows.lines[bad]}: the time stamp {texts[bad]!r:.40} is none, where the "
            "others are whole numbers "
            f"such as {texts[0]}"
        )


@lru_cache(maxsize=16)
def parse_whole(texts: tuple[str, ...]) -> np.ndarray:
    """Return times that are written as whole numbers: years, 20261129, seconds since 1970, or numbers of steps."""
    import pandas

    lengths = {len(text) for text in texts}
    (digits,) = lengths if len(lengths) == 1 else (0,)
    years = all(1000 <= int(text[:4]) <= 2999 for text in texts) if digits in DIGITS else False
    if years:
        found = pandas.to_datetime(pandas.Series(texts), errors="coerce", format=DIGITS[digits])
        if found.notna().all():
            return found.to_numpy().astype("datetime64[s]")
    if digits in EPOCHS:
        found = pandas.to_datetime(pandas.Series(list(map(int, texts))), unit=EPOCHS[digits])
        return found.to_numpy().astype("datetime64[s]")
    return np.array(list(map(int, texts)))


def check_kept(table: Table, rows: Rows, kept: np.ndarray, *, say: Say) -> None:
    """Say how many time stamps cannot be read; BadInput where it is most of them."""
    bad = np.flatnonzero(~kept)
    if not len(bad):
        return
    line, shown = rows.lines[bad[0]], values.short(rows.times[bad[0]])
    if len(bad) > len(kept) / 2:
        raise BadInput(
            f"{table.path}:{line}: the time stamp {shown} cannot be read, as {len(bad):,} of "
            f"{len(kept):,}; expected such as "
            "2026-11-29T18:00, or another --time-column"
        )
    say(
        f"{table.path}: {len(bad):,} of {len(kept):,} rows left out: their time stamp cannot be "
        f"read ({shown}, line {line})"
    )


def fit_numbers(times: np.ndarray, where: str) -> tuple[Grid, np.ndarray]:
    """Return the grid of whole numbers, sorted and different, and the step that each is at."""
    apart, counts = np.unique(np.diff(times), return_counts=True)
    count = int(apart[counts.argmax()])
    positions, rest = np.divmod(times - times[0], count)
    if rest.any():
        raise BadInput(
            f"{where}the steps are not regular: most are {count} apart, but not {times[np.flatnonzero(rest)[0]]}"
        )
    return Grid(str(int(times[0])), NUMBERED, count), positions
