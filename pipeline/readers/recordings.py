"""Recordings: sound files, and their transcripts in a table (LJ Speech, Common Voice, audiofolders) or beside them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pipeline import cache
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import recording
from pipeline.files import write
from pipeline.readers import media, transcripts
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.grouping import PATH
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import tables, values
from pipeline.readers.tabular.sides import TEXT, Side

ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".au")


def read(request: Request, say: Say) -> Splits:
    """Return the recordings of a table (all "train") or of a folder's train, validation and test tables.

    An example's input is the path of a sound file, found as media.Finder says; its output the transcript; its origin
    the line of the table. Where a recording has two transcripts the last is
    taken: LJ Speech's has its numbers in words. Without a table, transcripts are found as transcripts.find says.
    A row whose recording is missing or none is left out, counted and said. Raises BadInput as tables.read does.
    """
    endless: list[str] = []
    beside = transcripts.find(request, ENDINGS, say)
    if beside is not None:
        splits: Splits = {split: _read_beside(request, found, endless, say) for split, found in beside.items()}
    else:
        finder = media.Finder(ENDINGS, request)
        audio = Side("recording", partial(_find, finder, endless), partial(_fit, finder))
        splits = tables.read_sides(request, say, (audio, replace(TEXT, name="transcript", last=True)))
    if endless:
        say(
            f"{request.path}: {len(endless):,} recordings do not tell their length, as they were written to a pipe; "
            f"they are read to their end, such as {Path(endless[0]).name}"
        )
    return splits


def _read_beside(
    request: Request, found: Sequence[transcripts.Transcript], endless: list[str], say: Say
) -> list[Example]:
    """Return recordings whose transcripts are beside them as examples. endless: as of _open."""
    examples: list[Example] = []
    faults, grouping = Faults(request.path, request.strict), request.grouping
    if grouping and grouping.column != PATH:
        raise BadInput(
            f"--split-by {grouping.column}: {request.path} has no table, and so no columns; expected {PATH}, that of "
            "each recording under it, and --split-pattern"
        )
    for one in found:
        with faults.row(one.number):
            text = values.text(" ".join(one.text.split()))
            group = grouping.find(one.sound.relative_to(request.path).as_posix()) if grouping else None
            examples.append(Example(_open(one.sound, endless), text, one.origin, group))
    faults.conclude(len(examples), say, "recording")
    return examples


def _find(finder: media.Finder, endless: list[str], value: object, folder: Path) -> str:
    """Return the path of a recording that a table names. endless: as of _open."""
    name = values.text(value).strip()
    path = finder.find(name, folder)
    if path is None:
        where = f"the current directory is {Path.cwd()}"
        message = f"{folder / name}: there is no such file ({where}); expected a sound file, WAV or FLAC"
        raise BadRow("there is no such recording", message)
    return _open(path, endless)


def _open(path: Path, endless: list[str]) -> str:
    """Return the path of a recording that can be read. endless: takes in one whose file does not tell its length."""
    try:
        recording.check(path)
    except BadInput as error:
        raise BadRow("no recording that can be read", str(error)) from None
    if recording.is_endless(path):
        endless.append(str(path))
    return str(path)


def _fit(finder: media.Finder, column: Sequence[object], folder: Path) -> float:
    """Return the share of names for which there is a file."""
    names = [value for value in column[:50] if isinstance(value, str)]
    found = sum(finder.holds(name.strip(), folder) for name in names if name.strip())
    return found / len(names) if names else 0.0


def save_samples(samples: np.ndarray, rate: int) -> str:
    """Write integer samples, (time,) or (time, channels), to a FLAC file of the cache; return its path.

    The file is named by what is in it, and written once. Samples wider than 16 bits are scaled down together.
    """
    import soundfile

    peak = max(int(samples.max(initial=0)), -1 - int(samples.min(initial=0)))
    content = np.ascontiguousarray(samples if peak < 2**15 else samples * ((2**15 - 1) / peak), "int16")
    name = hashlib.sha256(content.tobytes() + f"{content.shape} {rate}".encode()).hexdigest()[:32]
    path = cache.folder() / "recordings" / name[:2] / f"{name}.flac"
    if not path.exists():
        write(path, lambda temporary: soundfile.write(temporary, content, rate))
    return str(path)
