"""What results.json holds: one result per run, and their summary for each task. A number that is not finite is null."""

import math
from typing import Literal, NotRequired, TypedDict

from harness.runs.schema import Environment, Memory, Scores
from pipeline.option import Value

# The costs of a run, and those of a cell: their medians over its seeds, with the half-lives of its gradients.
RunCost = Literal[
    "weights",
    "tokens_per_second",
    "prediction_tokens_per_second",
    "seconds_to_best",
    "compiling",
    "megabytes",
    "units",
    "seconds",
]
HalfLife = Literal["half_life_before", "half_life_after"]
CellCost = Literal[RunCost, HalfLife]


class EpochResult(TypedDict):
    """One point of a learning curve. seconds: without compilation."""

    epoch: int
    loss: float | None
    seconds: float
    validation: float | None


class Result(TypedDict):
    """One run of a comparison: what it was, what it scored, what it cost.

    status: "done" or "failed". message: why it failed. run: the run directory. command: trains this run alone.
    reused: it was complete before the comparison began. device: what it was computed on, in words.
    monitor: the score that the task monitors; scores and baselines: on the test split; validation: of the best epoch.
    seconds: of training, of which `compiling` for compilation. seconds_to_best: to the best epoch, without compilation.
    tokens_per_second: throughput of the fastest epoch. prediction_tokens_per_second: of prediction on the test split.
    megabytes: peak RAM of the process. memory: how far back its gradients reach; measured on one seed of each cell.
    ensemble: what all seeds of its cell score together, averaged; with the first of them, where they can be.
    spent: seconds of the comparison. limitation: why the cell cannot do what the task asks.
    fold, folds: of cross-validation, which part of how many it was tested on; None: the task's test.
    """

    task: str
    cell: str
    seed: int
    fold: NotRequired[int | None]
    folds: NotRequired[int | None]
    status: str
    message: NotRequired[str | None]
    units: NotRequired[int]
    run: NotRequired[str]
    command: NotRequired[list[str]]
    reused: NotRequired[bool]
    device: NotRequired[str]
    monitor: NotRequired[str]
    lower_is_better: NotRequired[bool]
    scores: NotRequired[Scores | None]
    baselines: NotRequired[dict[str, Scores]]
    validation: NotRequired[float | None]
    weights: NotRequired[int]
    epochs: NotRequired[int]
    best_epoch: NotRequired[int]
    seconds: NotRequired[float]
    compiling: NotRequired[float]
    seconds_to_best: NotRequired[float]
    tokens_per_second: NotRequired[int]
    prediction_tokens_per_second: NotRequired[int | None]
    megabytes: NotRequired[int | None]
    curve: NotRequired[list[EpochResult] | None]
    memory: NotRequired[Memory | None]
    ensemble: NotRequired[Scores | None]
    spent: NotRequired[float]
    limitation: NotRequired[str | None]


class CellSummary(TypedDict):
    """One cell of one task over its seeds, or over its folds; see `harness.comparison.significance.Summary`.

    seeds: how many there are of either. score: mean and interval in words. Each cost is the median over the runs for
    which it is known; None: for none.
    """

    cell: str
    seeds: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    score: str
    weights: float | None
    tokens_per_second: float | None
    prediction_tokens_per_second: float | None
    seconds_to_best: float | None
    compiling: float | None
    megabytes: float | None
    half_life_before: float | None
    half_life_after: float | None
    units: float | None
    seconds: float | None


class PairSummary(TypedDict):
    """Two cells of one task; see `harness.comparison.significance.Comparison`. sentence: the same in words."""

    better: str
    worse: str
    seeds: tuple[int, int]
    gap: float
    low: float | None
    high: float | None
    p: float | None
    corrected: float | None
    comparisons: int
    needed: int | None
    resamples: int
    note: str
    folds: int
    sentence: str


class TunedCell(TypedDict):
    """What the trials of one cell found before its seeds were trained.

    trials: how many were made, of which `failed` failed. options: the best. expected: the best validation score that
    1, 2, ... trials may be expected to find; see harness/tuning/expected_best.py.
    """

    cell: str
    trials: int
    failed: int
    options: dict[str, Value]
    expected: list[float]


class EnsembleSummary(TypedDict):
    """The seeds of one cell, averaged. single: the mean of their own scores. score: that of all together."""

    cell: str
    seeds: int
    single: float
    score: float


class TaskSummary(TypedDict):
    """One task: its cells, best first, every pair of them, and what they say in words.

    ensembles: the seeds of each cell, averaged, where that can be.

    tuned: what was found for each cell before; empty where nothing was searched.
    summary: of the task. monitor: the score that is compared; None where no run is done. verdict: one sentence or two.
    notes: what was left out, and what the intervals do not cover.
    folds: of cross-validation, into how many the data is divided; 0: all runs have the same test.
    """

    task: str
    summary: str
    monitor: str | None
    lower_is_better: bool
    cells: list[CellSummary]
    verdict: str
    pairs: list[PairSummary]
    notes: list[str]
    tuned: list[TunedCell]
    folds: int
    ensembles: list[EnsembleSummary]


class Report(TypedDict):
    """results.json."""

    environment: Environment
    tasks: list[TaskSummary]
    runs: list[Result]


def monitored_score(run: Result) -> float | None:
    """Return the score that the run's task monitors; None if it has none, or one that is no finite number."""
    value = (run.get("scores") or {}).get(run["monitor"])
    return value if value is not None and math.isfinite(value) else None


def name_run(run: Result) -> str:
    """Return "TASK CELL seed SEED", and of cross-validation the fold."""
    fold = run.get("fold")
    return f"{run['task']} {run['cell']} seed {run['seed']}" + (f" fold {fold}" if fold else "")
