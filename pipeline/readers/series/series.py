"""Series: users' files of measured series with a class each, in the formats of this folder."""

from pathlib import Path

from pipeline.example import Example, Splits
from pipeline.readers import files
from pipeline.readers.request import Request, Say
from pipeline.readers.series import arff, ts
from pipeline.readers.series.cases import check_channels
from pipeline.readers.tabular.columns import Columns
from pipeline.readers.tabular.records import SUFFIXES

KINDS = ((".ts",), (".arff",), SUFFIXES, (".txt",))
INPUTS = (".ts", ".arff", *SUFFIXES)
# The columns that say to which series a row belongs, and which class it is.
COLUMNS = Columns(
    ("series", "series_id", "case", "case_id", "sample", "sample_id", "id"), ("label", "class", "target", "y")
)


def read(request: Request, say: Say) -> Splits:
    """Return the series of a file (all "train"), or of a folder's train, validation and test files.

    Raises BadInput, with the file and the line, for what cannot be read, and for series of different channels.
    """
    found = files.find(request, KINDS, say)
    return check_channels(
        {split: [one for path in paths for one in read_file(path, request, say)] for split, paths in found.items()}
    )


def read_file(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of one file."""
    if files.suffix(path) == ".arff":
        return arff.read(path, request, say)
    return ts.read(path, request, say)
