"""Positions of columns: which one an option, or a list of candidate names, stands for."""

import re
from collections.abc import Sequence

from pipeline.errors import BadInput, unknown


def is_number(name: str | None) -> bool:
    """Tell whether the name of a column is a number: 1 the first, -1 the last."""
    return name is not None and re.fullmatch("-?[0-9]+", name) is not None


def choose(names: Sequence[str], candidates: Sequence[str], given: str | None, option: str, where: str) -> int | None:
    """Return the index, from 0, of the column that is given, or of the first candidate that exists.

    names: the columns' names, "" for one without.
    candidates: names or numbers; if none of them exists, None is returned.
    given: the name or number the user gave with `option`; if it does not exist, BadInput names `where`.
    """
    if given is None:
        found = (_index(candidate, names) for candidate in candidates)
        return next((index for index in found if index is not None), None)
    index = _index(given, names)
    if index is not None:
        return index
    if is_number(given):
        raise BadInput(
            f"{where}: {option} {given}: there is no such column. There are {len(names)}, counted from 1 "
            "(-1 is the last)."
        )
    if not any(names):
        raise BadInput(
            f"{where}: {option} {given!r}: the columns of this file have no names. "
            f"Give a number from 1 to {len(names)} (-1 is the last)."
        )
    raise BadInput(f"{where}: {option}: {unknown('column', given, filter(None, names))}")


def _index(name: str, names: Sequence[str]) -> int | None:
    if is_number(name):
        number = int(name)
        index = number - 1 if number > 0 else number + len(names)
        return index if number and 0 <= index < len(names) else None
    if name in names:
        return names.index(name)
    folded = [known.casefold() for known in names]
    return folded.index(name.casefold()) if name.casefold() in folded else None
