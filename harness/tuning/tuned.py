"""What a search found."""

from dataclasses import dataclass

from pipeline.option import Options, Value


@dataclass(frozen=True)
class Trial:
    """One trial, as it ended. score: None of one that failed. status: done, stopped early or failed."""

    number: int
    options: dict[str, Value]
    score: float | None
    status: str
    run: str


@dataclass(frozen=True)
class Tuned:
    """What a search found. best: the options, all of them. chosen: those of
    them that were searched. score: theirs on the validation split."""

    best: Options
    chosen: dict[str, Value]
    score: float
    trials: tuple[Trial, ...]
    command: tuple[str, ...]
