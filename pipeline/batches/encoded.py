"""Encoded examples as long arrays in files, from which each example is cut out when it is asked for."""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, overload

import numpy as np

from pipeline.batches.padding import measure
from pipeline.fields import Array, Arrays

# What numpy.lib.format makes long enough for the number of rows to be written again.
VERSION = (1, 0)
# Examples that are cut out before their pages are given back: what was read once would else count as memory of this
# process, up to the whole of the files. The system has 16 pages of 4 KB mapped for each that is touched.
KEPT = 256


class Mapped:
    """An array in a file of NumPy's, mapped into memory: only what is read of it is there."""

    def __init__(self, path: Path):
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != VERSION:
                raise ValueError(f"{path}: another version")
            shape, ordered, kind = np.lib.format.read_array_header_1_0(file)
            if ordered or kind.hasobject:
                raise ValueError(f"{path}: no array of these examples")
            start, self.map = file.tell(), None
            if 0 in shape:
                self.array = np.empty(shape, kind)
                return
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = int(np.prod(shape, dtype="int64"))
        self.array = np.frombuffer(self.map, kind, count, start).reshape(shape)

    def release(self) -> None:
        """Give back the memory of what was read; it is read again where it is needed."""
        if self.map and hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)


class Encoded(Sequence[Arrays]):
    """Encoded examples that are cut out of long arrays.

    rows: (examples,), which row each example is. flat: by name, all rows one after the other. ends: where each row
    ends, by the name of arrays that have a length. held: a file that is open for as long as these are used.
    """

    def __init__(
        self, rows: np.ndarray, flat: dict[str, Mapped], ends: dict[str, np.ndarray], held: IO[bytes] | None = None
    ):
        self.rows, self.flat, self.ends, self.held = rows, flat, ends, held
        self.read = 0

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Arrays: ...
    @overload
    def __getitem__(self, place: slice) -> "Encoded": ...
    def __getitem__(self, place: int | slice) -> "Arrays | Encoded":
        if isinstance(place, slice):
            return Encoded(self.rows[place], self.flat, self.ends, self.held)
        row = self.rows[place]
        self.read += 1
        if self.read % KEPT == 0:
            self.release()
        return {name: flat.array[self._place(name, row)] for name, flat in self.flat.items()}

    def _place(self, name: str, row: int) -> int | slice:
        if name not in self.ends:
            return row
        return slice(self.ends[name][row - 1] if row else 0, self.ends[name][row])

    def release(self) -> None:
        """Give back the memory of what was read."""
        for flat in self.flat.values():
            flat.release()

    def measure(self, name: str) -> np.ndarray:
        """Return the length of an array of each example, (examples,)."""
        return np.diff(self.ends[name], prepend=0)[self.rows]

    def column(self, name: str) -> np.ndarray:
        """Return an array that has no length of all examples, (examples, ...)."""
        return self.flat[name].array[self.rows]


def measure_all(examples: Sequence[Arrays], arrays: dict[str, Array]) -> np.ndarray:
    """Return the number of time steps of encoded examples, (examples,)."""
    if not isinstance(examples, Encoded):
        return np.array([measure(example, arrays) for example in examples])
    timed = next((name for name, array in arrays.items() if array.timed), None)
    return examples.measure(timed) if timed else np.ones(len(examples), "int64")


def read_column(examples: Sequence[Arrays], name: str) -> np.ndarray:
    """Return an array that has no length of all examples, (examples, ...)."""
    return examples.column(name) if isinstance(examples, Encoded) else np.array([one[name] for one in examples])


class Writer:
    """Takes the encoded examples of one side, one after the other, and writes them into files of NumPy's.

    SIDE.rows.npy       which row each example is: neighbours that share their arrays are kept once
    SIDE.NAME.npy       all rows of an array, one after the other
    SIDE.NAME.ends.npy  where each row ends, of an array that has a length
    """

    def __init__(self, folder: Path, side: str, arrays: dict[str, Array]):
        self.arrays = arrays
        self.files = {name: Column(folder / f"{side}.{name}.npy") for name in arrays}
        self.ends = {name: Column(folder / f"{side}.{name}.ends.npy") for name in arrays if arrays[name].timed}
        self.rows = Column(folder / f"{side}.rows.npy")
        self.before: Arrays | None = None
        self.row = -1

    def add(self, example: Arrays) -> None:
        """Take one."""
        if example is not self.before:
            self.row, self.before = self.row + 1, example
            for name, array in self.arrays.items():
                self.files[name].add(example[name] if array.timed else np.asarray(example[name])[None])
            for name, ends in self.ends.items():
                ends.add_number(self.files[name].count)
        self.rows.add_number(self.row)

    def finish(self) -> None:
        """Write what is left."""
        for column in (*self.files.values(), *self.ends.values(), self.rows):
            column.finish()


class Column:
    """A file of NumPy's to which rows are appended; its head is written anew when it is known how many there are."""

    def __init__(self, path: Path):
        self.path, self.count = path, 0
        self.numbers: list[int] = []
        self.parts: list[np.ndarray] = []
        self.waiting = 0
        self.kind: np.ndarray | None = None

    def add(self, rows: np.ndarray) -> None:
        """Append rows."""
        self.count += len(rows)
        self.waiting += rows.nbytes + 64
        self.parts.append(rows)
        if self.waiting > 2**20:
            self._write()

    def add_number(self, number: int) -> None:
        """Append a number, to a file of nothing else."""
        self.numbers.append(number)
        if len(self.numbers) == 2**14:
            self._pack()

    def _pack(self) -> None:
        numbers, self.numbers = self.numbers, []
        self.add(np.array(numbers, "int64"))

    def _write(self) -> None:
        joined = np.concatenate(self.parts)
        with self.path.open("r+b" if self.kind is not None else "wb") as file:
            if self.kind is None:
                self.kind = joined[:0]
                self._write_head(file)
            file.seek(0, 2)
            file.write(np.ascontiguousarray(joined, self.kind.dtype).data)
        self.parts, self.waiting = [], 0

    def _write_head(self, file: IO[bytes]) -> None:
        assert self.kind is not None
        head = {
            "descr": np.lib.format.dtype_to_descr(self.kind.dtype),
            "fortran_order": False,
            "shape": (self.count, *self.kind.shape[1:]),
        }
        # NumPy leaves room for the digits of the first axis.
        np.lib.format.write_array_header_1_0(file, head)

    def finish(self) -> None:
        """Write what is left, and how many rows there are."""
        if self.numbers:
            self._pack()
        if self.parts or self.kind is None:
            self.parts = self.parts or [np.empty(0, "int64")]
            self._write()
        with self.path.open("r+b") as file:
            self._write_head(file)
            file.flush()
            os.fsync(file.fileno())
