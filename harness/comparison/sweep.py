"""A sweep: every task by every cell by every seed, each an ordinary run. Free of Keras, which its workers start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.errors import BadInput
from pipeline.option import Options, Value

Match = Literal["units", "params", "seconds"]


@dataclass(frozen=True)
class Entry:
    """One run of a sweep. folder: of all its runs, as for train. directory: its own."""

    task: str
    options: Options
    folder: Path
    directory: Path

    def __str__(self) -> str:
        fold = f" fold {self.options.fold}" if self.options.fold else ""
        return f"{self.task} {self.options.cell} seed {self.options.seed}{fold}"


@dataclass(frozen=True)
class Sweep:
    """What is to be compared.

    each: the options of every task; their seed is the first of `seeds`, and where they have folds, and none is chosen,
    each cell is trained on all of them. match: what the cells of a task have in common
    beside their other options: the number of units, of weights (as the first cell), or the seconds of training.
    folder: of all runs.
    trials: how many were made for each task and cell before its seeds; 0: none. tuned: what they found, by task and
    cell, as options to change.
    """

    each: dict[str, Options]
    cells: tuple[str, ...]
    seeds: int
    match: Match
    folder: Path
    fresh: bool = False
    trials: int = 0
    tuned: Mapping[tuple[str, str], Mapping[str, Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise BadInput for no seeds, and for a cell that is named twice."""
        if self.seeds < 1:
            raise BadInput(f"--seeds {self.seeds}: expected a number of at least 1; 3 or more give an interval")
        if doubled := sorted({cell for cell in self.cells if self.cells.count(cell) > 1}):
            raise BadInput(f"--cells: {', '.join(doubled)} stands there more than once")
        if self.trials < 0:
            raise BadInput(f"--tune {self.trials}: expected a number of trials of at least 1")
        if self.trials and self.match != "units":
            raise BadInput(
                f"--tune chooses the units and the epochs of each type itself; leave out --match {self.match}"
            )
        if self.trials and (folded := [options.folds for options in self.each.values() if validates(options)]):
            raise BadInput(
                f"--tune: with --folds {folded[0]} each fold would need a search of its own, or what is searched on "
                "would be tested on too; leave one of them out"
            )


def validates(options: Options) -> bool:
    """Return whether options are those of all folds of the data, rather than of one run."""
    return bool(options.folds) and options.fold is None


def count_seeds(given: int | None, each: Mapping[str, Options]) -> int:
    """Return how many seeds there are of each cell, where the user may not say: one where there are folds, else 5."""
    if given is not None:
        return given
    return 1 if any(map(validates, each.values())) else 5
