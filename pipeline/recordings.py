"""Recordings of the user's: sound files, and a table with their transcripts."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import cache, files, sound, tables
from pipeline.columns import Columns
from pipeline.errors import BadInput
from pipeline.example import Example, Splits


def read(path: Path, columns: Columns) -> Splits:
    """Return the recordings of a table (all "train") or of a directory's train, validation and test tables.

    An example's input is the path of a sound file, written in the table from the table's folder; its output the
    transcript; its origin the line of the table.
    Raises BadInput as `tables.read`, and with the line of a file that is missing or not a recording.
    """
    folder = path if path.is_dir() else path.parent
    splits = tables.read(path, columns)
    return {split: [_find(example, folder) for example in examples] for split, examples in splits.items()}


def _find(example: Example, folder: Path) -> Example:
    path = folder / example.input
    try:
        sound.find_rate(path)
    except BadInput as error:
        raise BadInput(f"{folder / example.origin}: {error}") from None
    return replace(example, input=str(path))


def keep(samples: np.ndarray, rate: int) -> str:
    """Write integer samples, (time,) or (time, channels), to a FLAC file of the cache; return its path.

    The file is named by what is in it, and written once. Samples wider than 16 bits are scaled down together.
    """
    import soundfile

    peak = max(int(samples.max(initial=0)), -1 - int(samples.min(initial=0)))
    content = np.ascontiguousarray(samples if peak < 2**15 else samples * ((2**15 - 1) / peak), "int16")
    name = hashlib.sha256(content.tobytes() + f"{content.shape} {rate}".encode()).hexdigest()[:32]
    path = cache.folder() / "recordings" / name[:2] / f"{name}.flac"
    if not path.exists():
        files.write(path, lambda temporary: soundfile.write(temporary, content, rate))
    return str(path)
