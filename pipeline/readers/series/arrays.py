"""Arrays: one series per file, a row per step and a column per channel, as .npy, or as CSV with or without a header."""

from pathlib import Path

import numpy as np

from pipeline.errors import REASON, BadInput, shorten
from pipeline.fields.signal import Signal, check_times, read_numbers, read_times
from pipeline.readers import files
from pipeline.readers.request import Request, Say
from pipeline.readers.series.columns import TIMES
from pipeline.readers.tabular import records
from pipeline.readers.tabular.columns import Columns, matches

ENDINGS = (".npy", ".csv", ".tsv")


def is_array(path: Path) -> bool:
    """Return whether a file's name says that it may hold one series."""
    return files.suffix(path) in ENDINGS and not path.name.startswith((".", "_")) and path.is_file()


def read_array(path: Path, request: Request) -> Signal:
    """Return the series of a file; BadInput for one that holds none."""
    return read_npy(path) if files.suffix(path) == ".npy" else read_rows(path, request)


def read_npy(path: Path) -> Signal:
    """Return the series of a NumPy file, (time,) or (time, channels) of numbers."""
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file") from None
    # A damaged head may make NumPy raise anything: it is read as Python.
    except Exception as error:
        reason = shorten(str(error), REASON) or "it is empty"
        raise BadInput(f"{path}: not an array of numbers that NumPy can read ({reason}); is it whole?") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise BadInput(f"{path}: expected an array of numbers, got {getattr(array, 'dtype', 'several arrays')}")
    if array.ndim not in (1, 2) or not array.size:
        raise BadInput(f"{path}: expected (time,) or (time, channels) numbers, got an array of the shape {array.shape}")
    # What is too large for float32 becomes infinite.
    with np.errstate(over="ignore"):
        values = array.reshape(len(array), -1).astype("float32")
    if np.isinf(values).any():
        place = int(np.isinf(values).any(axis=1).argmax())
        raise BadInput(
            f"{path}: step {place + 1} has an infinite number; mend it, or write NaN where none was measured"
        )
    return Signal(values)


def read_rows(path: Path, request: Request) -> Signal:
    """Return the series of a table, whose first columns may be time stamps; BadInput, with the line, for a bad row."""
    say: Say = lambda line: None  # noqa: E731
    plain = Request(path, Columns((), ()), header=request.header, encoding=request.encoding)
    table = records.read(path, plain, say)[""]
    timed = next((place for place, name in enumerate(table.names) if matches(name, TIMES)), None)
    columns = [place for place in range(len(table.names)) if place != timed]
    rows, stamps = [], []
    for line, record in table.records:
        try:
            cells = [str(table.get(record, column)) for column in columns]
            numbers = read_numbers([cells])
            if numbers is None:
                bad = next(cell for cell in cells if read_numbers([[cell]]) is None)
                raise BadInput(f"{bad!r:.60} in a series; expected a finite number, or nothing where none was measured")
            if timed is not None:
                stamps.append(float(read_times([str(table.get(record, timed))])[0]))
            rows.append(numbers[0])
            if len(stamps) > 1:
                check_times(np.array(stamps[-2:]))
        except BadInput as error:
            raise BadInput(f"{path}:{line}: {error}") from None
    return Signal(np.stack(rows), np.array(stamps) if stamps else None)
