"""Sides: what the input and the output of an example may be in a table, so that a column is known by its content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput, list_names, shorten
from pipeline.example import Input, Output
from pipeline.readers.request import Say
from pipeline.readers.tabular import values
from pipeline.readers.tabular.columns import Columns, choose, is_number
from pipeline.readers.tabular.records import Table

# A column is not chosen by its content if another fits nearly as well.
CLEAR = 0.8


@dataclass(frozen=True)
class Side:
    """One side of an example.

    name: what messages call it. read: from a value of a table, and the table's folder, to the side of an example;
    BadRow if it is none. fit: from the values of a column, and the folder, to how well they fit: 0 not at all.
    last: of columns that fit alike the last is taken; else the user is asked. optional: there need not be a column.
    join: what is read from the column, and from each further column of the input, to the side; BadRow if they do not
        go together.
    """

    name: str
    read: Callable[[object, Path], Input | Output]
    fit: Callable[[Sequence[object], Path], float]
    last: bool = False
    optional: bool = False
    join: Callable[[Input, Sequence[Input]], Input] | None = None


def fit_text(column: Sequence[object], folder: Path) -> float:
    """Return the mean number of characters; 0 where most are no texts but numbers."""
    texts = [value for value in column if isinstance(value, str) and not _reads(value, values.number)]
    return sum(map(len, texts)) / len(column) if column and len(texts) > len(column) / 2 else 0.0


def fit_label(column: Sequence[object], folder: Path) -> float:
    """Return 1 where there are few different short values, each many times; 0 where there are many, or one."""
    try:
        different = {values.label(value) for value in column}
    except values.BadRow:
        return 0.0
    few = 2 <= len(different) <= max(2, len(column) / 3)
    return float(few and max(map(len, different)) <= 80)


def fit_number(column: Sequence[object], folder: Path) -> float:
    """Return 1 where nearly all are numbers, unless they count the rows."""
    numbers = [values.number(value)[0] for value in column if _reads(value, values.number)]
    if not column or len(numbers) < 0.9 * len(column) or len(set(numbers)) < 2:
        return 0.0
    return float(any(after != before + 1 for before, after in zip(numbers, numbers[1:], strict=False)))


def _reads(value: object, read: Callable[[object], object]) -> bool:
    try:
        read(value)
    except values.BadRow:
        return False
    return True


TEXT = Side("text", lambda value, folder: values.text(value), fit_text)
LABEL = Side("label", lambda value, folder: values.label(value), fit_label)


@dataclass(frozen=True)
class Choice:
    """The columns of a table that hold the two sides, from 0. output: None where there is none.

    names: of all columns of the table that they were chosen for.
    """

    input: int
    output: int | None
    names: tuple[str, ...]


def choose_columns(
    table: Table, columns: Columns, *, sides: tuple[Side, Side | None], say: Say, like: Choice | None = None
) -> Choice:
    """Return the columns of the input and the output: those asked for, else of a known name, else by their content.

    sides: what they hold; no column is looked for where there is no output. What is chosen by its content is said.
    like: what was chosen for the train table. Then the content is not asked, and there need not be an output.
    Raises BadInput where nothing, or more than one column, fits.
    """
    known = (like, like.input) if like else None
    first = _find_by_name(table, columns.input, given=columns.given_input, option="--text-column", like=known)
    second = None
    if sides[1]:
        known = (like, like.output) if like and like.output is not None else None
        given = columns.given_output
        if like and given and not is_number(given) and given not in table.names:
            # Asked for where there are outputs.
            given = None
        second = _find_by_name(table, columns.output, given=given, option="--label-column", like=known)
    if first is None and second is None and sides[0] is sides[1]:
        first, second = _find_pair(table, sides[0], say)
    if first is None and not like:
        first = _find_by_content(table, sides[0], taken=second, say=say)
    if first is None:
        if not any(table.names) and not any(sides[0].fit(column, table.path.parent) for column in table.sample):
            found = list_names(repr(column[0]) for column in table.sample if column)
            raise BadInput(
                f"{table.where}: no column holds a {sides[0].name}; the first row that can be read: {found}."
            )
        raise BadInput(_explain(table, columns.input))
    if sides[1] and second is None and not like:
        second = _find_by_content(table, sides[1], taken=first, say=say)
        if second is None and not sides[1].optional:
            raise BadInput(_explain(table, columns.output))
    if first == second:
        raise BadInput(
            f"{table.where}: column {shorten(table.names[first]) or first + 1!r} would be both the text and the label. "
            "Choose them with --text-column and --label-column."
        )
    return Choice(first, second, table.names)


def _find_by_name(
    table: Table, candidates: tuple[str, ...], *, given: str | None, option: str, like: tuple[Choice, int] | None
) -> int | None:
    """Return the column that is asked for, else the one of that name in the train table, else of a known name."""
    names = [name for name in candidates if not is_number(name)]
    if like and not given:
        train, column = like
        if not any(train.names) and not any(table.names) and len(train.names) == len(table.names):
            return column
        names = [name for name in (train.names[column],) if name] + names
    return choose(table.names, names, given=given, option=option, where=table.where)


def _find_by_content(table: Table, side: Side, taken: int | None, say: Say) -> int | None:
    """Return the column that alone fits a side, or that is the only one left; None if there is none."""
    free = [column for column in range(len(table.names)) if column != taken and table.sample[column]]
    scores = {column: side.fit(table.sample[column], table.path.parent) for column in free}
    best = max(free, key=lambda column: scores[column], default=None)
    left_alone = len(free) == 1 and taken is not None and not side.optional
    if best is None or not (scores[best] or left_alone):
        return None
    alike = [column for column in free if scores[column] > CLEAR * scores[best]]
    if len(alike) > 1 and not side.last:
        return None
    best = alike[-1] if alike else best
    say(f"{table.path}: its {side.name} is column {_name(table, best)}; --text-column, --label-column name others")
    return best


def _find_pair(table: Table, side: Side, say: Say) -> tuple[int | None, int | None]:
    """Return the columns of an input and an output that are alike: two that fit, in their order, English before others.

    In a table without names there may be credits and comments after them.
    """
    fitting = [column for column in range(len(table.names)) if side.fit(table.sample[column], table.path.parent)]
    if len(fitting) < 2 or (len(fitting) > 2 and any(table.names)):
        return None, None
    pair = sorted(fitting[:2], key=lambda column: table.names[column].rpartition(".")[2].lower() != "en")
    say(
        f"{table.path}: column {_name(table, pair[0])} is the input and {_name(table, pair[1])} the output; "
        "--text-column, --label-column name others"
    )
    return pair[0], pair[1]


def _name(table: Table, column: int) -> str:
    return repr(shorten(table.names[column])) if table.names[column] else str(column + 1)


def _explain(table: Table, candidates: tuple[str, ...]) -> str:
    if not any(table.names):
        return (
            f"{table.where}: its {len(table.names)} columns have no names, and their content does not tell which is "
            "which. Say it with --text-column and --label-column, such as 1 and 2."
        )
    return (
        f"{table.where}: no column named {' or '.join(candidates)}. "
        f"Found: {list_names(map(repr, table.names))}. Say which to use with --text-column and "
        "--label-column: names, or numbers such as 1 and 2 if the file has no header."
    )
