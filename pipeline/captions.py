"""Captions: a table of image files and what they show, in CSV, TSV or JSON lines."""

from pathlib import Path

from pipeline import tables
from pipeline.columns import Columns
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example, Splits
from pipeline.images import Picture


def read(path: Path, columns: Columns) -> Splits:
    """Return a picture an image file, with its caption, or all of its captions as `Alternatives` if it has several.

    path: a table, or a folder with one, or with a train, a validation and a test table. An image's name is relative to
    the table's folder, or to a folder in it.
    Raises BadInput, with the table's file and line, for an image that is not there, and as pipeline/tables.py does.
    """
    path = Path(path)
    if path.is_dir():
        inside = [file for file in sorted(path.iterdir()) if file.suffix.lower() in tables.SUFFIXES]
        if len(inside) == 1:
            path = inside[0]
    folder = path if path.is_dir() else path.parent
    return {split: _group(folder, examples) for split, examples in tables.read(path, columns).items()}


def _group(folder: Path, rows: list[Example]) -> list[Example]:
    """Return an example an image out of one a caption, in the order in which the images come first."""
    folders = [folder, *sorted(inside for inside in folder.iterdir() if inside.is_dir())]
    pictures: dict[str, Picture] = {}
    captions: dict[Picture, dict[str, str]] = {}
    for row in rows:
        if row.input not in pictures:
            pictures[row.input] = _open(folders, row.input.strip(), folder / row.origin)
        captions.setdefault(pictures[row.input], {}).setdefault(row.output, row.origin)
    return [
        Example(picture, Alternatives(found) if len(found) > 1 else next(iter(found)), next(iter(found.values())))
        for picture, found in captions.items()
    ]


def _open(folders: list[Path], name: str, where: Path) -> Picture:
    """Return the picture of a file's name in the first folder that has it; BadInput at `where` if none has."""
    for folder in folders:
        if (folder / name).is_file():
            return Picture.from_file(folder / name, name)
    raise BadInput(
        f"{where}: there is no image {name!r} in {folders[0]} or a folder in it; mend the name, or remove the row"
    )
