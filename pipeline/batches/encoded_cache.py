"""Encoded examples, kept between runs: where encoding takes long, a second start reads them from the disk.

    encoded/KEY/ in the cache folder
        checksums.json      of every other file; written last
        input.words.npy     all examples, one after the other; see encoded.py
        input.words.ends.npy
        input.rows.npy
        output...

The arrays are mapped into memory: only what a batch draws is read, and other runs on the machine share it. The folder
`encoded` may be deleted at any time, and has a bound: see pipeline/cache_contents.py.

Examples that are more than memory should hold are written as they are encoded, whatever time it takes.

Not by Hugging Face's datasets, whose Arrow columns become NumPy arrays anew for each batch that is drawn, nor by
joblib.Memory, which unpickles each of a million small arrays at every start.
"""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pipeline import cache, cache_contents, fields, files, record
from pipeline.batches.encoded import Encoded, Mapped, Writer
from pipeline.cache_contents import MARK
from pipeline.errors import BadInput
from pipeline.fields import Array, Arrays
from pipeline.readers.request import Say

# Seconds of encoding that are worth the space it takes: a start with ten such parts is a second longer.
WORTH = 0.1
# A fitted field of either side.
Encoder: TypeAlias = Any
Sides = tuple[Sequence[Arrays], Sequence[Arrays]]


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


def load_or_encode(
    key: str | None, arrays: Sequence[dict[str, Array]], encode: Callable[[], Sides], say: Say = lambda line: None
) -> Sides:
    """Return the encoded inputs and outputs: those kept under this key, else those of `encode`, kept if it took long.

    key: of `cache_key`; None keeps nothing. arrays: of the inputs, and of the outputs. say: takes what was removed.
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
        files.write_folder(folder, lambda new: _write(new, zip(*sides, strict=True), arrays), replace=True)
    except OSError:
        # The disk is full, say.
        return sides
    found = _read(folder, arrays)
    cache_contents.trim(say, keep=folder)
    return found or sides


def encode_to_disk(
    key: str | None,
    arrays: Sequence[dict[str, Array]],
    encode: Callable[[], Iterator[tuple[Arrays, Arrays]]],
    say: Say = lambda line: None,
) -> Sides:
    """Return the encoded inputs and outputs as `load_or_encode`, of examples that memory should not hold.

    key: None keeps them for as long as they are used. encode: yields the input and the output of each example.
    Raises BadInput where the disk is full.
    """
    place = cache.folder() / "encoded"
    folder = place / key if key else None
    if folder and (found := _read(folder, arrays)):
        return found
    try:
        if folder:
            files.write_folder(folder, lambda new: _write(new, encode(), arrays), replace=True)
            found = _read(folder, arrays)
        else:
            with files.temporary_folder(place) as temporary:
                _write(temporary, encode(), arrays)
                # What is mapped stays, without a name.
                found = _read(temporary, arrays)
    except OSError as error:
        raise BadInput(
            f"{place}: the encoded examples cannot be written: {error.strerror}; have UNROLLED_CACHE name a folder "
            "with more room, or make room by run.py cache --empty"
        ) from None
    if not found:
        raise BadInput(f"{place}: the encoded examples cannot be read again; is the disk damaged?")
    if folder:
        cache_contents.trim(say, keep=folder)
    return found


def _write(folder: Path, pairs: Iterable[tuple[Arrays, Arrays]], arrays: Sequence[dict[str, Array]]) -> None:
    writers = [Writer(folder, side, known) for side, known in zip(("input", "output"), arrays, strict=True)]
    for pair in pairs:
        for writer, one in zip(writers, pair, strict=True):
            writer.add(one)
    for writer in writers:
        writer.finish()
    sums = {path.name: _digest(path) for path in folder.iterdir()}
    (folder / MARK).write_text(json.dumps(sums))


def _read(folder: Path, arrays: Sequence[dict[str, Array]]) -> Sides | None:
    """Return what `_write` wrote; None if it is not there, or damaged."""
    try:
        held = cache_contents.hold(folder / MARK)
        sums = record.convert(record.load(held.read()), dict[str, str])
        if any(_digest(folder / file) != known for file, known in sums.items()):
            return None
        found = {file.removesuffix(".npy"): Mapped(folder / file) for file in sums}
        inputs, outputs = (
            Encoded(
                found[f"{side}.rows"].array,
                {array: found[f"{side}.{array}"] for array in known},
                {array: found[f"{side}.{array}.ends"].array for array in known if known[array].timed},
                held,
            )
            for side, known in zip(("input", "output"), arrays, strict=True)
        )
        return inputs, outputs
    except (OSError, ValueError, KeyError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
