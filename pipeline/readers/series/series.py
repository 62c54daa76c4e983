"""Series: users' files of measured series with a class each, in the formats of this folder."""

from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.readers import files, folders
from pipeline.readers.faults import BadRow
from pipeline.readers.request import Request, Say
from pipeline.readers.series import arff, arrays, tables, ts
from pipeline.readers.series.cases import check_channels
from pipeline.readers.tabular.records import SUFFIXES

KINDS = ((".ts",), (".arff",), SUFFIXES, (".txt",))
INPUTS = (".ts", ".arff", ".npy", *SUFFIXES)


def read(request: Request, say: Say) -> Splits:
    """Return the series of a file (all "train"), or of a folder's train, validation and test files.

    A folder of a folder per class, with a file per series, is read as well.
    Raises BadInput, with the file and the line, for what cannot be read, and for series of different channels.
    """
    content = folders.Content("series", arrays.is_array, _read_array)
    if request.path.is_dir() and not request.files and folders.holds_classes(request.path, content):
        return check_channels(folders.read(request, say, content))
    found = files.find(request, KINDS, say)
    return check_channels(
        {split: [one for path in paths for one in read_file(path, request, say)] for split, paths in found.items()}
    )


def _read_array(path: Path, request: Request) -> object:
    try:
        return arrays.read_array(path, request)
    except BadInput as error:
        raise BadRow("a file that cannot be read", str(error)) from None


def read_file(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of one file."""
    kind = files.suffix(path)
    if kind == ".npy":
        if not request.inputs_only:
            raise BadInput(f"--data {path}: one series, and no class; give a folder with a folder of them per class")
        return [Example(arrays.read_npy(path), None, path.name)]
    if kind in (".ts", ".arff"):
        return (ts if kind == ".ts" else arff).read(path, request, say)
    return tables.read(path, request, say)
