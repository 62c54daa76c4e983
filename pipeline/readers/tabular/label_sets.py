"""Label sets: tables of texts with any number of labels each.

comment,toxic,insult,threat             a column per label, of 0 and 1, true and false, yes and no
text,topics                             one column, with a mark between the labels: "war|peace"
{"text": ..., "topics": ["war", ...]}   or with a list of them, in JSON or Parquet, or as Python writes it in CSV
__label__war __label__peace text        fastText
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.errors import BadInput, list_names
from pipeline.example import Example, Splits
from pipeline.on_disk import keep_as
from pipeline.option import option
from pipeline.readers import files
from pipeline.readers.faults import BadRow
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import tables, values
from pipeline.readers.tabular.columns import Columns, choose, matches
from pipeline.readers.tabular.records import Record, Table
from pipeline.readers.tabular.sides import TEXT, Side, fit_label

COLUMNS = Columns(
    ("text", "sentence", "review", "content", "comment", "comment_text", "tweet", "title", "abstract", "body"),
    ("labels", "label", "topics", "topic", "tags", "categories", "category", "genres", "genre", "emotions", "classes"),
)
# What may stand between labels, the surest first.
SEPARATORS = ("|", ";", ",")
YES, NO = frozenset(("1", "true", "yes", "y", "t")), frozenset(("0", "false", "no", "n", "f"))
# The column that those of one label each become.
GATHERED = "labels (one column each)"
# What a column that is not asked for may hold beside 0 and 1, and still be that of a label.
FEWEST_COLUMNS = 2


@dataclass(frozen=True)
class LabelSets:
    """Options of this reader."""

    label_separator: str | None = option(None, "What stands between the labels of a cell, such as |; else found out.")


def read(request: Request, say: Say) -> Splits:
    """Return the rows of tables as texts with their labels, tuples in alphabetical order; see `tables.read`.

    The labels are in one column, or each has a column of its own: those that --label-column names, with commas between
    them, or, where no column has a name that is known, all that hold nothing but 0 and 1. How they are read is said.
    An empty cell is a text without labels. A row that cannot be read is left out, counted and said; refused if
    request.strict. BadInput, with the file and line, where there is nothing to read.
    """
    separator: str | None = request.options.label_separator if request.options else None
    if separator == "":
        raise BadInput("--label-separator: expected a mark, such as | or a blank, got nothing; leave the option out")
    gatherer = Gatherer(divide_given(request.columns.given_output), request, say)
    # Whether a file has a header is seen by one column as well as by many.
    reading = replace(request, columns=replace(request.columns, given_output=next(iter(gatherer.given), None)))
    found = tables.read_files(
        files.find(request, tables.KINDS, say),
        reading,
        say=say,
        sides=(TEXT, Side("list of labels", read_labels, fit_labels)),
        prepare=None if request.inputs_only else gatherer.gather,
    )
    return found if request.inputs_only else divide(found, separator, request=request, say=say)


def divide_given(given: str | None) -> tuple[str, ...]:
    """Return the columns that --label-column names; BadInput where one is empty, or there twice."""
    if given is None:
        return ()
    names = tuple(name.strip() for name in given.split(","))
    if "" in names or len(set(names)) < len(names):
        raise BadInput(
            f"--label-column {given}: expected the names or numbers of columns, each once, with commas between"
        )
    return names


@dataclass
class Gatherer:
    """What makes one column of those that have a label each.

    given: the columns that the user named; one alone may hold labels. chosen: those of the first table, by
    name; numbers where it has no names.
    """

    given: tuple[str, ...]
    request: Request
    say: Say
    chosen: tuple[str, ...] | None = field(default=None, init=False)

    def gather(self, table: Table, columns: Columns) -> tuple[Table, Columns]:
        """Return a table with one column of labels, and which columns to read; both as they are where it has one."""
        first = self.chosen is None
        if self.chosen is None:
            self.chosen = self._take_given(table) or self._find(table)
        if not self.chosen:
            return table, columns
        columns = replace(columns, given_output=GATHERED)
        known = [name for name in self.chosen if matches(name, table.names) or values.is_plain(name)]
        if not first and not known:
            # As in a competition's test. Where some are missing, `choose` says so.
            return table, replace(columns, given_output=None, output=())
        places = [
            choose(table.names, (), given=name, option="--label-column", where=table.where) for name in self.chosen
        ]
        names = [table.names[place] or self.chosen[number] for number, place in enumerate(places) if place is not None]
        pairs = list(zip(names, [place for place in places if place is not None], strict=True))
        records = [(line, self._join(table, record, pairs)) for line, record in table.records]
        return replace(table, names=(*table.names, GATHERED), records=records), columns

    def _take_given(self, table: Table) -> tuple[str, ...]:
        """Return the columns that were asked for; none where it is one, and that holds labels rather than 0 and 1."""
        if len(self.given) != 1:
            return self.given
        place = choose(table.names, (), given=self.given[0], option="--label-column", where=table.where)
        return self.given if place is not None and holds_flags(table.sample[place]) else ()

    def _find(self, table: Table) -> tuple[str, ...]:
        """Return the columns of 0 and 1, where no column is asked for, and none has a name that is known."""
        if self.given or any(matches(name, self.request.columns.output) for name in table.names):
            return ()
        found = [
            name or str(place + 1)
            for place, (name, column) in enumerate(zip(table.names, table.sample, strict=True))
            if holds_flags(column)
        ]
        if len(found) < FEWEST_COLUMNS:
            return ()
        self.say(f"{table.path}: each of these columns is a label: {list_names(found)}; --label-column names others")
        return tuple(found)

    def _join(self, table: Table, record: Record, pairs: Sequence[tuple[str, int]]) -> Record:
        """Return a record with a list of its labels behind its other columns; of one that is none, that."""
        try:
            labels = [name for name, place in pairs if is_there(table.get(record, place), name)]
        except BadRow as error:
            return error
        if isinstance(record, dict):
            return {**record, GATHERED: labels}
        return [*record, labels] if isinstance(record, list) else record  # type: ignore[list-item]


def holds_flags(column: Sequence[object]) -> bool:
    """Return whether a column holds nothing but 0 and 1."""
    return bool(column) and all(str(value).strip().lower() in ("0", "1", "true", "false") for value in column)


def is_there(value: object, name: str) -> bool:
    """Return whether a value of the column of a label says that an example has it; BadRow if it says neither."""
    try:
        written = values.label(value).lower()
    except BadRow:
        written = ""
    if written in YES or written in NO:
        return written in YES
    raise BadRow(
        "a column of a label with neither 0 nor 1",
        f"the column {name!r} holds {values.short(value)}; expected 0 or 1. Mend it, or name other columns: "
        "--label-column.",
        missing=values.is_missing(value),
    )


def read_labels(value: object, folder: Path) -> tuple[str, ...] | str:
    """Return labels; a text as it is, to be divided later, "" where there is none. BadRow for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"\[.*\]", text, re.DOTALL):
            return values.label(text) if text else ""
        try:
            # As pandas writes lists into CSV; JSON's are read as well.
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise BadRow("no list of labels", f"a list of labels that cannot be read: {values.short(text)}.") from None
    if isinstance(value, (list, tuple)):
        return tuple(sorted({values.label(one) for one in value}))
    return (values.label(value),)


def fit_labels(column: Sequence[object], folder: Path) -> float:
    """Return 1 where there are lists, or few different labels, whatever stands between them; else 0."""
    if column and all(isinstance(value, list) for value in column):
        return 1.0
    texts = [value for value in column if isinstance(value, str)]
    separator = find_separator(texts)
    pieces = [piece for text in texts for piece in split(text, separator)] if separator else list(column)
    return fit_label(pieces, folder)


def find_separator(texts: Sequence[str]) -> str | None:
    """Return the first of SEPARATORS that stands in any of the texts; None where none does."""
    return next((mark for mark in SEPARATORS if any(mark in text for text in texts)), None)


def split(text: str, separator: str) -> Iterator[str]:
    """Yield the labels of a text."""
    yield from (piece.strip() for piece in text.split(separator if separator.strip() else None) if piece.strip())


def divide(found: Splits, separator: str | None, *, request: Request, say: Say) -> Splits:
    """Return examples whose labels are divided; what they are divided at is said. separator: as the user gave it."""
    path = request.path
    texts = [one.output for one in found["train"] if isinstance(one.output, str)]
    if texts and separator is None:
        separator = find_separator(texts)
        if separator:
            say(f"{path}: its labels are divided at {separator!r}; --label-separator names another mark")
    made: Splits = {
        split: keep_as(examples, (replace(one, output=_divide(one, separator)) for one in examples))
        for split, examples in found.items()
    }
    sizes = Counter(len(one.output) for one in made["train"])
    if 0 in sizes:
        say(f"{path}: {sizes[0]:,} of {sizes.total():,} training texts have no label")
    if max(sizes, default=0) < 2:
        say(f"{path}: no training text has more than one label; --label-separator says what stands between them")
    return made


def _divide(example: Example, separator: str | None) -> tuple[str, ...] | None:
    if not isinstance(example.output, str):
        labels: tuple[str, ...] | None = example.output
        return labels
    pieces = split(example.output, separator) if separator else filter(None, [example.output])
    return tuple(sorted({values.label(piece) for piece in pieces}))
