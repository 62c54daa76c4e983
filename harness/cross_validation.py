"""Cross-validation: a run for each fold of the data (--folds), and what their scores say together.

Each fold's run is as `train` makes it, in a directory of its own, and goes on where it was stopped.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from harness import runs
from harness.comparison import significance
from harness.comparison.folds import Spread, measure_spread
from harness.experiment import Experiment
from harness.process.console import print_table, say
from harness.runs.schema import Scores, Summary
from harness.training import request
from harness.training.begin import begin
from harness.training.completion import read_complete
from harness.training.devices import ALONE, Devices
from harness.training.request import Request
from harness.training.save_every import EVERY
from pipeline.errors import BadInput
from pipeline.option import Options
from tasks.task import Task

# Trains a run that has begun; given the experiment first, what Keras runs on.
Starts = Callable[[Experiment], str]


class Fold(TypedDict):
    """One fold. run: its directory. scores, baselines: on its test; validation: of the best epoch."""

    fold: int
    run: str
    scores: Scores
    validation: float | None
    baselines: dict[str, Scores]


class CrossValidation(TypedDict):
    """What folds.json holds. scores: over the folds, by name, the monitored one first."""

    task: str
    monitor: str
    folds: list[Fold]
    scores: dict[str, Spread]
    baselines: dict[str, dict[str, float]]


def list_requests(
    task: Task, options: Options, folder: Path, *, name: str | None = None, fresh: bool = False
) -> list[Request]:
    """Return the run of each fold. name: of their directories, each with its number. BadInput as `request.settle`."""
    return [
        request.settle(
            task,
            options.replace(fold=number),
            folder,
            name=None if name is None else f"{name}-fold{number}",
            fresh=fresh,
        )
        for number in range(1, (options.folds or 0) + 1)
    ]


def cross_validate(
    asked: Sequence[Request],
    start: Starts,
    *,
    tensorboard: bool = False,
    save_every: float = EVERY,
    auto_batch: bool = False,
    devices: Devices = ALONE,
) -> CrossValidation:
    """Train the run of each fold that is not complete, write what they say together, and return it.

    start: starts Keras, before the first training; what is wrong with the data is told sooner. tensorboard, save_every,
    auto_batch, devices: see `train_run`.
    """
    found: list[Fold] = []
    device: str | None = None
    for number, one in enumerate(asked, 1):
        say(f"fold {number} of {len(asked)}")
        summary = read_complete(one)
        if summary is None:
            with begin(one) as training:
                device = start(training.experiment) if device is None else device
                from harness import learning_curve
                from harness.training.train import train_run

                summary = train_run(
                    training,
                    device,
                    tensorboard=tensorboard,
                    save_every=save_every,
                    auto_batch=auto_batch,
                    devices=devices,
                )
                learning_curve.draw(one.directory, one.task.monitor)
        found.append(describe(number, summary))
    result = summarise(asked[0].task, found)
    path = locate(asked[0])
    runs.write_json(path, result)
    say(f"all folds: {path}")
    return result


def locate(first: Request) -> Path:
    """Return the file of what the folds say together, beside their directories: their name without the number."""
    directory = first.directory
    return directory.parent.parent / "folds" / directory.parent.name / f"{name_folds(first)}.json"


def name_folds(first: Request) -> str:
    """Return what the directories of all folds are named, as those of runs are, but for the number of the fold."""
    return first.directory.name.replace("fold=1,", "").removesuffix("-fold1")


def describe(number: int, summary: Summary) -> Fold:
    """Return a fold of which the run is complete; BadInput where its scores cannot be counted in."""
    score = summary["scores"].get(summary["monitor"])
    if score is None or not math.isfinite(score):
        raise BadInput(f"{summary['run']}: fold {number} has no finite {summary['monitor']}, so no mean can be had")
    return {
        "fold": number,
        "run": summary["run"],
        "scores": summary["scores"],
        "validation": summary["validation"],
        "baselines": summary["baselines"],
    }


def summarise(task: Task, folds: Sequence[Fold]) -> CrossValidation:
    """Return the mean, the spread and the interval of each score that every fold has; see comparison/folds.py."""
    scores = collect([fold["scores"] for fold in folds])
    baselines = {title: collect([fold["baselines"][title] for fold in folds]) for title in folds[0]["baselines"]}
    return {
        "task": task.name,
        "monitor": task.monitor,
        "folds": list(folds),
        "scores": {
            name: measure_spread(scores[name])
            for name in [task.monitor, *(name for name in scores if name != task.monitor)]
        },
        "baselines": {
            title: {name: statistics.fmean(values) for name, values in known.items()}
            for title, known in baselines.items()
        },
    }


def collect(every: Sequence[Scores]) -> dict[str, list[float]]:
    """Return the values of each score, by name; of those that are finite everywhere."""
    found: dict[str, list[float]] = {}
    for name in every[0]:
        values = [value for scores in every if (value := scores.get(name)) is not None and math.isfinite(value)]
        if len(values) == len(every):
            found[name] = values
    return found


def print_folds(found: CrossValidation) -> None:
    """Print the score of each fold, and below them the mean with its interval, the spread, and the baselines."""
    names = list(found["scores"])
    rows = [{"fold": str(fold["fold"]), **show(fold["scores"], names)} for fold in found["folds"]]
    spreads = found["scores"]

    def tell(name: str) -> str:
        return str(significance.Summary(len(found["folds"]), **spreads[name]))

    rows += [
        {"fold": "mean, 95% interval"} | {name: tell(name) for name in names},
        {"fold": "standard deviation"} | {name: f"{spreads[name]['deviation']:.4f}" for name in names},
        *({"fold": f"baseline: {title}", **show(scores, names)} for title, scores in found["baselines"].items()),
    ]
    print_table(rows)
    print("The interval allows for what the folds have in common: they train on the same examples, but for two parts.")


def show(scores: Scores | dict[str, float], names: Sequence[str]) -> dict[str, str]:
    """Return scores as the table has them."""
    return {name: "" if (value := scores.get(name)) is None else f"{value:.4f}" for name in names}
