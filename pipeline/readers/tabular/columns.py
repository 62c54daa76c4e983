"""Columns: which of a table's hold the input and the output."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.errors import BadInput, list_names, shorten, unknown


@dataclass(frozen=True)
class Columns:
    """Candidate names, tried in order; a number (as text, from 1) is a position.

    input, output: names such as ("text", "review"); the first that exists is used.
    given_input, given_output: what the user asked for by option; when set, nothing else is tried.
    given_features: further columns of the input, which the user asked for.
    """

    input: tuple[str, ...]
    output: tuple[str, ...]
    given_input: str | None = None
    given_output: str | None = None
    given_features: tuple[str, ...] = ()

    def choose_features(self, names: Sequence[str], *, where: str) -> tuple[int, ...]:
        """Return the indices, from 0, of the further columns of the input; BadInput as `choose`."""
        found = (choose(names, (), given=name, option="--feature-columns", where=where) for name in self.given_features)
        return tuple(place for place in found if place is not None)


def divide_names(names: str | None) -> tuple[str, ...]:
    """Return the names of columns that have commas between them; BadInput where one is empty."""
    if names is None:
        return ()
    found = tuple(name.strip() for name in names.split(","))
    if "" in found or len(set(found)) < len(found):
        raise BadInput(
            f"--feature-columns {names}: expected the names or numbers of columns, each once, with commas between them"
        )
    return found


def is_number(name: str | None) -> bool:
    """Tell whether the name of a column is a number: 1 the first, -1 the last."""
    return name is not None and re.fullmatch("-?[0-9]{1,9}", name) is not None


def choose(
    names: Sequence[str], candidates: Iterable[str], *, given: str | None, option: str, where: str
) -> int | None:
    """Return the index, from 0, of the column that is given, or of the first candidate that exists.

    names: the columns' names, "" for one without; those inside an object have dots: data.text.
    candidates: names or numbers; if none of them exists, None is returned.
    given: the name or number that the user gave with `option`.
    Raises BadInput, with `where`, if what is given does not exist, and for a name that several columns have.
    """
    if given is None:
        found = (_index(candidate, names, where=where, option=option) for candidate in candidates)
        return next((index for index in found if index is not None), None)
    index = _index(given, names, where=where, option=option)
    if index is not None:
        return index
    if is_number(given):
        raise BadInput(
            f"{where}: {option} {shorten(given)}: there is no such column. There are {len(names)}, counted from 1 "
            "(-1 is the last)."
        )
    if not any(names):
        raise BadInput(
            f"{where}: {option} {shorten(given)!r}: the columns of this file have no names. "
            f"Give a number from 1 to {len(names)} (-1 is the last)."
        )
    if "," in given and {part.strip() for part in given.split(",")} <= set(names):
        raise BadInput(f"{where}: {option} {given}: one column is expected; the task labels reads a column per label")
    raise BadInput(f"{where}: {option}: {unknown('column', given, filter(None, names))}")


def matches(name: str, candidates: Iterable[str]) -> bool:
    """Tell whether a column's name is one of the candidates, whatever their case and the marks between their words."""
    return _fold(name) in map(_fold, candidates)


# The names of a table are compared with each candidate, and again by each delimiter that is tried.
@lru_cache(maxsize=2**16)
def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold() or name


def _index(name: str, names: Sequence[str], where: str, option: str) -> int | None:
    if is_number(name):
        number = int(name)
        index = number - 1 if number > 0 else number + len(names)
        return index if number and 0 <= index < len(names) else None
    wanted = _fold(name)
    for places, spelled in zip(_list_places(tuple(names)), (name, wanted, wanted), strict=True):
        found = places.get(spelled, ())
        if len(found) > 1:
            listed, named = list_names(index + 1 for index in found), shorten(name)
            raise BadInput(
                f"{where}: {len(found)} columns are named {named!r} ({listed}). Give the number of one: {option} "
                f"{found[0] + 1}."
            )
        if found:
            return found[0]
    return None


@lru_cache(maxsize=4)
def _list_places(names: tuple[str, ...]) -> tuple[Mapping[str, Sequence[int]], ...]:
    """Return where each column stands by its name: as it is written; in any case, whatever its marks; and likewise by
    the last part of a name with dots.
    """
    written: dict[str, list[int]] = {}
    folded: dict[str, list[int]] = {}
    last: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name:
            written.setdefault(name, []).append(index)
            folded.setdefault(_fold(name), []).append(index)
            last.setdefault(_fold(name.rpartition(".")[2]), []).append(index)
    return written, folded, last
