"""On the disk: examples that are more than memory should hold, read when they are asked for.

A reader of large files gathers its examples here. They stand where a list of them would stand: there is a length, and
one, a slice, or all of them in their order is read; `select` is a list comprehension with a condition. What is cut or
chosen is another view of the same file. In memory there are 16 bytes per example. Answers are kept in the same way.

The file has no name, and is gone with the process that made it. So its records are pickled: nobody else can write it.

Not by array_record or Arrow: an example is any Python value that a reader makes, with its type, and they would have to
be told its columns; nor by sqlite3 or shelve, which search an index for what is one offset here.
"""

import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, overload

import numpy as np

from pipeline import cache
from pipeline.example import Example, Value
from pipeline.files import naming

Item = TypeVar("Item")
Read = TypeVar("Read")
# Bytes of text in the files of a data set from which on its examples are kept on the disk.
LARGE = 2**28
# And of those that are only to be answered.
LARGE_TO_ANSWER = 2**22
# What text is packed to by gzip and its kin, at about the least.
PACKED = 3
ENDINGS = (".gz", ".bz2", ".xz")
# Items that are read at a time where all are asked for.
CHUNK = 256


def is_large(paths: Iterable[Path], above: int | None = None) -> bool:
    """Return whether files hold more text than should be in memory; a folder counts for nothing.

    above: bytes; None: LARGE.
    """
    sizes = (path.stat().st_size * (PACKED if path.suffix in ENDINGS else 1) for path in paths if path.is_file())
    return sum(sizes) > (LARGE if above is None else above)


class Writer:
    """Takes items, one after the other, and makes an OnDisk of them; an example is taken apart, which is shorter."""

    def __init__(self) -> None:
        self.folder = cache.folder()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It is closed with the last of the views of it.
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=self.folder, buffering=2**20)  # noqa: SIM115
        self.blocks: list[np.ndarray] = []
        self.ends: list[int] = []
        self.size = 0

    def extend(self, items: Iterable[object]) -> None:
        """Take some more. Raises OSError, with the folder, where the disk is full."""
        for one in items:
            content = (one.input, one.output, one.origin, one.group) if isinstance(one, Example) else [one]
            record = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
            with naming(self.folder):
                self.file.write(record)
            self.size += len(record)
            self.ends.append(self.size)
            if len(self.ends) == 2**16:
                self._pack()

    def _pack(self) -> None:
        self.blocks.append(np.array(self.ends, "int64"))
        self.ends = []

    def finish(self, places: np.ndarray | None = None) -> "OnDisk[Any]":
        """Return what was taken. places: in another order, the number of each as it was taken."""
        self._pack()
        with naming(self.folder):
            self.file.flush()
        return OnDisk(self.file, np.concatenate(self.blocks), places)


def _open(record: bytes | memoryview) -> Any:
    content = pickle.loads(record)
    return Example(*content) if isinstance(content, tuple) else content[0]


class OnDisk(Sequence[Item]):
    """Items on the disk; see above.

    ends: (records,), where each record of the file ends. places: (items,), which of them each item is; all of them if
    None.
    """

    def __init__(self, file: IO[bytes], ends: np.ndarray, places: np.ndarray | None = None):
        self.file, self.ends = file, ends
        self.places = np.arange(len(ends)) if places is None else places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> "OnDisk[Item]": ...
    def __getitem__(self, place: int | slice) -> "Item | OnDisk[Item]":
        if isinstance(place, slice):
            return self.select(place)
        return self._read(self.places[place : place + 1] if place != -1 else self.places[-1:])[0]

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self.places), CHUNK):
            yield from self._read(self.places[start : start + CHUNK])

    def select(self, places: slice | np.ndarray) -> "OnDisk[Item]":
        """Return those at some places: a slice, positions, or a mask."""
        return OnDisk(self.file, self.ends, self.places[places])

    def _read(self, records: np.ndarray) -> list[Item]:
        if not len(records):
            raise IndexError("there is no such item")
        ends = self.ends[records].tolist()
        begins = [int(self.ends[record - 1]) if record else 0 for record in records.tolist()]
        # Not mapped into memory, of which pages that were read once would count as a part of this process.
        number = self.file.fileno()
        # Those between that are not asked for are read too, where they are few.
        if (
            records[0] <= records[-1]
            and ends[-1] - begins[0] <= 2 * (sum(ends) - sum(begins))
            and begins == sorted(begins)
        ):
            text = memoryview(os.pread(number, ends[-1] - begins[0], begins[0]))
            parts = [text[begin - begins[0] : end - begins[0]] for begin, end in zip(begins, ends, strict=True)]
        else:
            parts = [memoryview(os.pread(number, end - begin, begin)) for begin, end in zip(begins, ends, strict=True)]
        return [_open(part) for part in parts]


class Column(Sequence[Read], Generic[Item, Read]):
    """What is read of each of some items on the disk, anew each time that it is asked for."""

    def __init__(self, items: OnDisk[Item], read: Callable[[Item], Read]):
        self.items, self.read = items, read

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, place: int) -> Read: ...
    @overload
    def __getitem__(self, place: slice) -> "Column[Item, Read]": ...
    def __getitem__(self, place: int | slice) -> "Read | Column[Item, Read]":
        if isinstance(place, slice):
            return Column(self.items[place], self.read)
        return self.read(self.items[place])

    def __iter__(self) -> Iterator[Read]:
        return map(self.read, self.items)


def gather(examples: Iterable[Example], *, on_disk: bool) -> Sequence[Example]:
    """Return examples as a list, or as an OnDisk."""
    if not on_disk:
        return list(examples)
    writer = Writer()
    writer.extend(examples)
    return writer.finish()


def keep_as(known: Sequence[Example], examples: Iterable[Example]) -> Sequence[Example]:
    """Return examples that are made of others, on the disk if those are."""
    return gather(examples, on_disk=isinstance(known, OnDisk))


def select(examples: Sequence[Example], places: np.ndarray) -> Sequence[Example]:
    """Return the examples at some positions, (chosen,) of int, or those of a mask, (examples,) of bool."""
    if isinstance(examples, OnDisk):
        return examples.select(places)
    chosen = np.flatnonzero(places) if places.dtype == bool else places
    return [examples[place] for place in chosen.tolist()]


def read_side(items: Sequence[Item], read: Callable[[Item], Read]) -> Sequence[Read]:
    """Return what is read of each item: a list, or of those on the disk what reads it anew each time."""
    return Column(items, read) if isinstance(items, OnDisk) else [read(item) for item in items]


def concatenate(one: Sequence[Example], other: Sequence[Example]) -> Sequence[Example]:
    """Return the examples of both."""
    if isinstance(one, OnDisk) and isinstance(other, OnDisk) and one.file is other.file:
        return OnDisk(one.file, one.ends, np.concatenate([one.places, other.places]))
    on_disk = isinstance(one, OnDisk) or isinstance(other, OnDisk)
    return gather((example for some in (one, other) for example in some), on_disk=on_disk)


def reread(values: Iterable[Value]) -> Sequence[Value]:
    """Return values that can be read more than once: as they are where they can, else as a list."""
    return values if isinstance(values, Sequence) else list(values)
