"""Encoded examples, kept between runs: where encoding takes long, a second start reads them from the disk.

    encoded/KEY/ in the cache folder
        checksums.json      of every other file; written last
        input.words.npy     all examples, one after the other
        input.words.ends.npy
        input.rows.npy      which of them each example is: neighbours that share their arrays are kept once
        output...

The arrays are mapped into memory: only what a batch draws is read, and other runs on the machine share it. The folder
`encoded` may be deleted at any time.

Not by Hugging Face's datasets, whose Arrow columns become NumPy arrays anew for each batch that is drawn, nor by
joblib.Memory, which unpickles each of a million small arrays at every start.
"""

import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pipeline import cache, fields, files, record
from pipeline.batches.padding import Arrays
from pipeline.fields import Array

# Seconds of encoding that are worth the space it takes: a start with ten such parts is a second longer.
WORTH = 0.1
# A fitted field of either side.
Encoder: TypeAlias = Any
Sides = tuple[Sequence[Arrays], Sequence[Arrays]]


class CachedExamples(Sequence[Arrays]):
    """Encoded examples that are cut out of long arrays when they are asked for."""

    def __init__(self, rows: np.ndarray, flat: Arrays, ends: Arrays):
        """rows: (examples,). flat: by name, all rows one after the other; ends: where each ends, if it has a length."""
        self.rows, self.flat, self.ends = rows, flat, ends

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Arrays:  # type: ignore[override]
        row = self.rows[position]
        return {name: flat[self._place(name, row)] for name, flat in self.flat.items()}

    def _place(self, name: str, row: int) -> int | slice:
        if name not in self.ends:
            return row
        return slice(self.ends[name][row - 1] if row else 0, self.ends[name][row])


def cache_key(data: Sequence[object], *encoders: Encoder) -> str:
    """Return a key for what fitted fields make of some data: another for other data, fields or code.

    data: identifies the data, in JSON's types. The code is that of this package, and of the files that define the
    fields.
    """
    digest = hashlib.sha256(json.dumps([data, *map(fields.save, encoders)]).encode())
    sources = {*Path(__file__).parents[1].rglob("*.py"), *(Path(inspect.getfile(type(field))) for field in encoders)}
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def load_or_encode(key: str | None, arrays: Sequence[dict[str, Array]], encode: Callable[[], Sides]) -> Sides:
    """Return the encoded inputs and outputs: those kept under this key, else those of `encode`, kept if it took long.

    key: of `cache_key`; None keeps nothing. arrays: of the inputs, and of the outputs.
    What is damaged is made anew; what cannot be written is not kept.
    """
    if key is None:
        return encode()
    folder = cache.folder() / "encoded" / key
    if found := _read(folder, arrays):
        return found
    started = time.perf_counter()
    sides = encode()
    if time.perf_counter() - started < WORTH:
        return sides
    try:
        files.write_folder(folder, lambda new: _write(new, sides, arrays), replace=True)
    except OSError:
        # The disk is full, say.
        return sides
    return _read(folder, arrays) or sides


def _write(folder: Path, sides: Sides, arrays: Sequence[dict[str, Array]]) -> None:
    for side, examples, known in zip(("input", "output"), sides, arrays, strict=True):
        new = np.array([not n or one is not examples[n - 1] for n, one in enumerate(examples)])
        np.save(folder / f"{side}.rows.npy", np.cumsum(new) - 1)
        rows = [one for one, other in zip(examples, new, strict=True) if other]
        for array in known:
            parts = [row[array] for row in rows]
            if known[array].timed:
                np.save(folder / f"{side}.{array}.ends.npy", np.cumsum([len(part) for part in parts]))
            # Straight into the file: there may be little memory left.
            shape = (sum(map(len, parts)), *parts[0].shape[1:]) if known[array].timed else (len(parts), *parts[0].shape)
            path = folder / f"{side}.{array}.npy"
            flat = np.lib.format.open_memmap(path, "w+", parts[0].dtype, shape)
            _allocate(path)
            (np.concatenate if known[array].timed else np.stack)(parts, out=flat)
            flat.flush()
    sums = {path.name: _digest(path) for path in folder.iterdir()}
    (folder / "checksums.json").write_text(json.dumps(sums))


def _allocate(path: Path) -> None:
    """Give all of a file its place on the disk; OSError where it has none.

    To write into memory that stands for a file without one ends the process (SIGBUS).
    """
    # macOS, which has no such function, gives it when the file is made longer.
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _read(folder: Path, arrays: Sequence[dict[str, Array]]) -> Sides | None:
    """Return what `_write` wrote; None if it is not there, or damaged."""
    try:
        sums = record.convert(record.load((folder / "checksums.json").read_bytes()), dict[str, str])
        if any(_digest(folder / file) != known for file, known in sums.items()):
            return None
        # Plain arrays, not np.memmap: a slice of these takes several times as long.
        maps = {file: np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in sums}
        found = {file.removesuffix(".npy"): np.asarray(mapped) for file, mapped in maps.items()}
        inputs, outputs = (
            CachedExamples(
                found[f"{side}.rows"],
                {array: found[f"{side}.{array}"] for array in known},
                {array: found[f"{side}.{array}.ends"] for array in known if known[array].timed},
            )
            for side, known in zip(("input", "output"), arrays, strict=True)
        )
        return inputs, outputs
    except (OSError, ValueError, KeyError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
