"""A request: which files of the user's are read, and how, as the command line has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.option import Options, option
from pipeline.readers.tabular.columns import Columns

if TYPE_CHECKING:
    from pipeline.readers.grouping import Grouping

Header = Literal["auto", "yes", "no"]

# Takes one line for the user: what was guessed, left out or cut.
Say = Callable[[str], None]


@dataclass(frozen=True)
class Files:
    """Options: files whose names do not say which split they are."""

    train_file: str | None = option(None, "File of the training examples, in the folder of --data or alone.")
    validation_file: str | None = option(None, "File of the validation examples, likewise.", rare=True)
    test_file: str | None = option(None, "File of the test examples, likewise.", rare=True)
    split_by: str | None = option(
        None, "Column of whose values none is in two of the splits that are drawn, such as the speaker.", rare=True
    )
    split_pattern: str | None = option(
        None, "Regular expression of the part of --split-by's values that counts.", rare=True
    )
    leave_out: str | None = option(
        None, "Test on the rows with this value of --split-by, and train on all others.", rare=True
    )


@dataclass(frozen=True)
class Reading:
    """Options of reading one's own files; evaluate and predict have them too, for the data that they are given."""

    text_column: str | None = option(None, "Column of the input: name, number from 1, path (a.b) or language.")
    label_column: str | None = option(None, "Column of the expected output, likewise.")
    header: Header = option("auto", "Does the first row of a table name its columns?", rare=True)
    encoding: str = option("utf-8", "Of text files, such as cp1252.", rare=True)
    strict: bool = option(False, "Refuse a row that cannot be read, in place of leaving it out.", rare=True)
    allow_outside: bool = option(
        False, "Read files that tables or links name outside of the folder of the data.", rare=True
    )


@dataclass(frozen=True)
class Request:
    """What a reader is asked for.

    path: a file, or a folder in which the files of the splits are found by their names.
    columns: the candidates of the task, and the columns that the user named.
    files: by split, "train", "validation" or "test", files that are not to be found by their names.
    header: whether the first row of a table holds the names of its columns; "auto" looks at it.
    encoding: of text files.
    strict: refuse a row that cannot be read; else it is left out, counted and said.
    allow_outside: whether files outside of the data's folder are read; see boundary.py.
    inputs_only: the outputs are neither needed nor read; they are None.
    options: of the run, for those that a reader has of its own.
    grouping: which rows belong in one split; None: any may be in any.
    """

    path: Path
    columns: Columns
    files: Mapping[str, Path] = field(default_factory=dict)
    header: Header = "auto"
    encoding: str = "utf-8"
    strict: bool = False
    allow_outside: bool = False
    inputs_only: bool = False
    options: Options | None = None
    grouping: "Grouping | None" = None
