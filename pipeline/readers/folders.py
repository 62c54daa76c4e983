"""Folders of files: one folder per label, one input per file, as aclImdb comes and Keras reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example, Input, Splits
from pipeline.readers import files
from pipeline.readers.faults import Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular.values import text as read_value

# aclImdb keeps its unlabelled reviews in a folder of this name.
UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")


@dataclass(frozen=True)
class Content:
    """What the files hold. name: in the plural. holds: whether a file may be one. read: what is in it, or BadInput."""

    name: str
    holds: Callable[[Path], bool]
    read: Callable[[Path, Request], Input]


def _is_text(file: Path) -> bool:
    return file.suffix.lower() in (".txt", ".text", "") and not file.name.startswith(".") and file.is_file()


def _read_text(file: Path, request: Request) -> str:
    return read_value(files.decode(file, files.read_bytes(file), request.encoding).strip())


TEXTS = Content("texts", _is_text, _read_text)


def holds_classes(folder: Path, content: Content = TEXTS) -> bool:
    """Return whether a folder, or each split's folder in it, has folders of such files, at least two of them."""
    parts = list(_find_splits(folder).values()) or [_find_root(folder)]
    return all(len(_find_classes(part, content)) >= 2 for part in parts)


def _find_splits(folder: Path) -> dict[str, Path]:
    found = {}
    for entry in _list_folders(folder):
        split = files.find_split(entry.name)
        if split and _list_folders(entry):
            found[split] = entry
    return {split: found[split] for split in files.WORDS if split in found} if "train" in found else {}


def _find_root(folder: Path) -> Path:
    """Return the only folder in a folder, as archives of texts have it; else the folder itself."""
    inside = _list_folders(folder)
    return inside[0] if len(inside) == 1 else folder


def _list_folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith((".", "_"))]


def _find_classes(folder: Path, content: Content) -> list[Path]:
    return [entry for entry in _list_folders(folder) if any(map(content.holds, entry.iterdir()))]


def read(request: Request, say: Say, content: Content = TEXTS) -> Splits:
    """Return the files of each split's folder, or of the folder itself as "train", with their folder's name as label.

    Raises BadInput if there is none.
    """
    parts = _find_splits(request.path) or {"train": _find_root(request.path)}
    splits: dict[str, list[Example]] = {}
    for split, part in parts.items():
        splits[split] = []
        for folder in _find_classes(part, content):
            found = [file for file in sorted(folder.iterdir()) if content.holds(file)]
            if folder.name.lower() in UNLABELLED:
                say(f"{folder}: left out, as its {len(found):,} {content.name} have no label")
                continue
            splits[split] += _read_class(folder, found, content, request=request, say=say)
    if not splits["train"]:
        raise BadInput(f"--data {request.path}: no {content.name} in it to train on.")
    return {**splits}


def _read_class(folder: Path, found: list[Path], content: Content, *, request: Request, say: Say) -> list[Example]:
    examples: list[Example] = []
    # A folder has no lines: the number of the file stands for one.
    faults = Faults(folder, request.strict)
    for number, file in enumerate(found, 1):
        with faults.row(number):
            examples.append(Example(content.read(file, request), folder.name, f"{folder.name}/{file.name}"))
    faults.conclude(len(examples), say, "file")
    return examples
