"""Folders of recordings whose transcripts are beside them, in no table.

LibriSpeech: train-clean-100/84/121123/84-121123-0000.flac, and 84-121123.trans.txt with a line for each of them.
VCTK: wav48/p225/p225_001.wav, and txt/p225/p225_001.txt; so is any folder with a text of the same name per recording.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput, list_names, shorten
from pipeline.readers import files
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular.records import SUFFIXES

LIST = ".trans.txt"
TEXTS = (".txt", ".lab")
# VCTK was recorded by two microphones at a time.
SECOND = re.compile(r"_mic[2-9]$")
FIRST = re.compile(r"_mic1$")
# Of the recordings in a folder of texts at least so many have one.
ENOUGH = 0.5


@dataclass(frozen=True)
class Transcript:
    """What is said in a recording. origin: where it was read; number: the line."""

    sound: Path
    text: str
    origin: str
    number: int


def find(request: Request, endings: Sequence[str], say: Say) -> dict[str, list[Transcript]] | None:
    """Return the recordings of each split with their transcripts; None for a folder that has them in a table, or none.

    The splits are folders with a split's word in their names (train-clean-100 and train-clean-360 are one), or those
    that --train-file and the like name; where no name says any, all is train.
    Raises BadInput where there is nothing to train on.
    """
    if not request.path.is_dir():
        return None
    paths = [Path(folder) / name for folder, _, names in sorted(os.walk(request.path)) for name in sorted(names)]
    sounds = [path for path in paths if path.suffix.lower() in endings and not SECOND.search(path.stem)]
    lists = [path for path in paths if path.name.endswith(LIST)]
    if lists:
        found = _read_lists(lists, sounds, request, say)
    else:
        if not sounds or any(path.suffix.lower() in SUFFIXES for path in paths):
            return None
        pairs = _pair(sounds, [path for path in paths if path.suffix.lower() in TEXTS])
        if len(pairs) < ENOUGH * len(sounds):
            return None
        found = [
            Transcript(sound, _read_text(text, request), str(text.relative_to(request.path)), number)
            for number, (sound, text) in enumerate(pairs.items(), 1)
        ]
    left = len(sounds) - len(found)
    if left > 0:
        known = {one.sound for one in found}
        first = next(sound for sound in sounds if sound not in known)
        say(f"{request.path}: {left:,} recordings have no transcript, and are left out, such as {shorten(first.name)}")
    return _divide(request, found, say)


def _read_text(path: Path, request: Request) -> str:
    return files.decode(path, files.read_bytes(path), request.encoding)


def _read_lists(lists: Sequence[Path], sounds: Sequence[Path], request: Request, say: Say) -> list[Transcript]:
    """Return what LibriSpeech's lists have: a line with the name of a recording beside it, and the words."""
    known = {(sound.parent, sound.stem): sound for sound in sounds}
    found, missing = [], []
    for path in lists:
        for number, line in enumerate(files.read_lines(path, request.encoding), 1):
            name, text = [*line.split(maxsplit=1), "", ""][:2]
            if (path.parent, name) in known:
                found.append(Transcript(known[path.parent, name], text, f"{path.name}:{number}", number))
            elif name:
                missing.append(f"{path.name}:{number}")
    if missing:
        say(f"{request.path}: {len(missing):,} transcripts have no recording, and are left out, such as {missing[0]}")
    return found


def _pair(sounds: Sequence[Path], texts: Sequence[Path]) -> dict[Path, Path]:
    """Return the text of each recording that has one: of its name, in its folder or in a folder of the same name."""
    by_name: dict[str, list[Path]] = {}
    for text in texts:
        by_name.setdefault(text.stem.lower(), []).append(text)
    found = {}
    for sound in sounds:
        alike = by_name.get(FIRST.sub("", sound.stem).lower(), [])
        beside = [text for text in alike if text.parent == sound.parent]
        namesakes = [text for text in alike if text.parent.name == sound.parent.name]
        chosen = beside or namesakes or alike
        if len(chosen) == 1:
            found[sound] = chosen[0]
    return found


def _divide(request: Request, found: Sequence[Transcript], say: Say) -> dict[str, list[Transcript]]:
    given = {split: files.resolve(request, split) for split in request.files}
    splits: dict[str, list[Transcript]] = {}
    names: dict[str, dict[str, None]] = {}
    for one in found:
        folders = one.sound.relative_to(request.path).parts[:-1]
        named = next((split for split, folder in given.items() if folder in one.sound.parents), None)
        said = next(((split, part) for part in folders if (split := files.find_split(part))), None)
        if named or (said and said[0] not in given):
            split, name = (named, given[named].name) if named else said  # type: ignore[index,misc]
            splits.setdefault(split, []).append(one)
            names.setdefault(split, {})[name] = None
    if not splits and found:
        return {"train": list(found)}
    if "train" not in splits:
        there = list_names(sorted(entry.name for entry in request.path.iterdir() if entry.is_dir())) or "none"
        raise BadInput(
            f"--data {request.path}: no recordings with transcripts to train on; its folders: {there}. Say which is "
            "which with --train-file, --validation-file and --test-file."
        )
    splits = {split: splits[split] for split in files.WORDS if split in splits}
    parts = [f"{split} {list_names(names[split], between=' and ')}" for split in splits]
    say(f"{request.path}: by its folders, {', '.join(parts)}; --train-file, --validation-file, --test-file name others")
    left = len(found) - sum(map(len, splits.values()))
    if left:
        say(f"{request.path}: {left:,} recordings are in no folder of a split, and left out")
    return splits
