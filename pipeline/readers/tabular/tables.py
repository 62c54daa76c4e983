"""Tables: one example per row, in CSV and its kin, JSON or Parquet.

Not by pandas: it does not keep the line where a row starts, which every message here names, and it guesses one type per
column, so that the labels 0 and 1 become 0.0 and 1.0 where one is missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.errors import BadInput, list_names, shorten
from pipeline.example import Example, Splits
from pipeline.on_disk import LARGE_TO_ANSWER, Writer, is_large
from pipeline.readers import aligned, files, folders, settings
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import records, values
from pipeline.readers.tabular.columns import Columns, choose, matches
from pipeline.readers.tabular.records import SUFFIXES, Parsed, Record, Table
from pipeline.readers.tabular.sides import LABEL, TEXT, Choice, Side, choose_columns, fit_number

# Endings of names, the usual ones first.
KINDS = (SUFFIXES, (".txt",))
# Names of a column that says which split a row belongs to.
DIVISION = ("split", "partition", "subset", "set")


def read(request: Request, say: Say, number: bool = False) -> Splits:
    """Return the rows of a table (all "train") or of a folder's train, validation and test tables.

    An example's input is a text, as it stands in the file; its output is a label, or a float if `number`, in the units
    that the file has ("4/5" is 4); its origin the line where its row starts. A folder of a folder per label, with a
    text per file, is read as well.
    A row that cannot be read, or lacks its text or label, is left out, counted and said; refused if request.strict.
    Raises BadInput, with the file and the line, where there is nothing to read, and for ratings out of several totals.
    """
    if not number and request.path.is_dir() and not request.files and folders.holds_classes(request.path):
        return folders.read(request, say)
    if settings.is_settings(request.path):
        return _read_settings(request, say, number)
    scales: dict[float | None, str] = {}
    worded: list[str] = []
    output = Side("number", partial(_read_rating, scales, worded), fit_number) if number else LABEL
    splits = read_sides(request, say, (TEXT, output))
    if len(scales) > 1:
        raise BadInput(
            f"--data {request.path}: its ratings are out of several totals: "
            + list_names(scales.values())
            + ". Bring them to one scale first."
        )
    for example in worded[:1]:
        say(f"{request.path}: a rating such as {example}")
    for scale, example in scales.items():
        if scale is not None:
            say(f"{request.path}: a rating such as {example} is read as the number of {scale:g} that it gives")
    return splits


def _read_settings(request: Request, say: Say, number: bool) -> Splits:
    """Return the texts and labels, or numbers, of the files that the settings of another suite name."""

    def convert(line: str) -> float | str:
        return values.number(line)[0] if number else values.label(line)

    return {
        split: [one for pair in pairs for one in aligned.pair(*pair, request, say, convert=convert)]
        for split, pairs in settings.read(request, say).items()
    }


def _read_rating(scales: dict[float | None, str], worded: list[str], value: object, folder: Path) -> float:
    """Return a number. scales: takes in what ratings are out of. worded: those that are more than a number."""
    number, scale = values.number(value)
    if isinstance(value, str) and scale is None and not worded and not values.is_plain(value):
        worded.append(f"{value.strip()!r} is read as {number:g}")
    scales.setdefault(scale, values.short(value))
    return number


def read_sides(request: Request, say: Say, sides: tuple[Side, Side]) -> Splits:
    """Return the rows of the tables of a request as examples with these sides; see `read`."""
    return read_files(files.find(request, KINDS, say), request, say=say, sides=sides)


def read_files(
    found: Mapping[str, Sequence[Path]],
    request: Request,
    say: Say,
    sides: tuple[Side, Side],
    prepare: Callable[[Table, Columns], tuple[Table, Columns]] | None = None,
) -> Splits:
    """Return the rows of the tables of each split as examples with these sides; see `read`.

    A table that is all there is, and has a column which says the split of each row, is divided by it.
    prepare: what a table becomes before its columns are chosen, and among which they are; the train table comes first.
    """
    alone = sum(map(len, found.values())) == 1
    above = LARGE_TO_ANSWER if request.inputs_only else None
    large = is_large((path for paths in found.values() for path in paths), above)
    tables = [
        (name or split, table)
        for split, paths in found.items()
        for path in paths
        # What prepares a table reads it whole.
        for name, table in records.read(path, request, say, large=large and prepare is None).items()
    ]
    if alone and len(tables) == 1:
        tables = divide(tables[0][1], say)
    splits: dict[str, list[Example] | Writer] = {}
    like: Choice | None = None
    # The train table first: it says which columns the others have.
    for split, table in sorted(tables, key=lambda pair: pair[0] != "train"):
        asked = sides[0], None if request.inputs_only else sides[1]
        table, columns = prepare(table, request.columns) if prepare else (table, request.columns)
        chosen = choose_columns(table, columns, sides=asked, say=say, like=like)
        if like and chosen.output is not None and not table.sample[chosen.output]:
            chosen = replace(chosen, output=None)
        like = like or chosen
        rows = read_rows(table, chosen, request=request, say=say, sides=sides)
        splits.setdefault(split, Writer() if large else []).extend(rows)
    if "train" not in splits:
        raise BadInput(f"--data {request.path}: it holds {', '.join(splits)}, and nothing to train on.")
    whole = {split: some if isinstance(some, list) else some.finish() for split, some in splits.items()}
    return {split: whole[split] for split in files.WORDS if split in whole}


def divide(table: Table, say: Say) -> list[tuple[str, Table]]:
    """Return a table as those of its splits, where a column of it says them; else as train, whole."""
    for column, name in enumerate(table.names):
        words = {str(value).lower() for value in table.sample[column]} if matches(name, DIVISION) else set()
        if words and all(map(files.find_split, words)):
            parts = divide_records(table, column)
            if "train" in parts:
                say(f"{table.path}: divided into {', '.join(parts)} by its column {shorten(name)!r}")
                return [(split, replace(table, records=rows)) for split, rows in parts.items()]
    return [("train", table)]


def divide_records(table: Table, column: int) -> dict[str, Sequence[tuple[int, Record]]]:
    """Return the records of each split, by a column that says it."""
    if isinstance(table.records, Parsed):
        names = dict.fromkeys(_find_split(table, record, column) for _, record in table.records)
        return {name: table.records.keep(partial(_is_of_split, table, column, name)) for name in names}
    parts: dict[str, list[tuple[int, Record]]] = {}
    for line, record in table.records:
        parts.setdefault(_find_split(table, record, column), []).append((line, record))
    return dict(parts)


def _is_of_split(table: Table, column: int, name: str, record: Record) -> bool:
    return _find_split(table, record, column) == name


def _find_split(table: Table, record: Record, column: int) -> str:
    try:
        return files.find_split(str(table.get(record, column)).lower()) or "train"
    except BadRow:
        # Found again, and counted, where the row is read.
        return "train"


def read_rows(
    table: Table, chosen: Choice, *, request: Request, say: Say, sides: tuple[Side, Side]
) -> Iterator[Example]:
    """Yield the rows of a table as examples; their outputs are None where there are none, as in a competition's test.

    chosen: the columns that hold the sides.
    """
    column, grouping = chosen.output, request.grouping
    by = choose(table.names, (), given=grouping.column, option="--split-by", where=table.where) if grouping else None
    if column is None and not request.inputs_only and not sides[1].optional:
        say(f"{table.path}: no {sides[1].name} in it, so what is answered to it is not scored")
    count = 0
    features = request.columns.choose_features(table.names, where=table.where)
    faults = Faults(table.path, request.strict)
    for line, record in table.records:
        found: Example | None = None
        with faults.row(line):
            given = sides[0].read(table.get(record, chosen.input), table.path.parent)
            if features and sides[0].join:
                folder = table.path.parent
                given = sides[0].join(given, [sides[0].read(table.get(record, one), folder) for one in features])
            wanted = None if column is None else sides[1].read(table.get(record, column), table.path.parent)
            group = grouping.find(table.get(record, by)) if grouping and by is not None else None
            found = Example(given, wanted, f"{table.path.name}:{line}", group)
        if found:
            count += 1
            yield found
        elif request.inputs_only:
            # In its place, so that the answers are as many as the rows.
            yield Example(None, None, f"{table.path.name}:{line}")
    faults.conclude(count, say)
