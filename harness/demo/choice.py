"""Choice: which trained runs a demo shows, and small ones that are trained where there are none."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tasks
from harness import runs
from harness.experiment import Experiment
from harness.options import choose
from harness.process.console import say
from harness.runs import listing
from harness.runs.restored import read_run
from pipeline.errors import BadInput
from pipeline.option import Value

# One task of each shape, with options that train it in some tens of seconds.
SMALL: Mapping[str, Mapping[str, Value]] = {
    "ner": {"cell": "gru", "limit": 3000, "epochs": 3},
    "novel": {"cell": "gru", "limit": 6000, "epochs": 4},
    "sentiment": {"cell": "gru", "limit": 5000, "epochs": 2, "max_length": 100},
    "translation": {"cell": "gru", "limit": 4000, "epochs": 3, "units": 128, "embedding_size": 128},
}


def find_runs(named: Sequence[Path], folder: Path, prepare: Callable[[], object]) -> list[Experiment]:
    """Return the runs that are named; else the best complete run of each task in a folder, which may be none at all.

    prepare: called before a Python file of the user's own is run; see `read_run`.
    Raises BadInput for a named run that cannot be read; one that is not named is said, and left out.
    """
    if named:
        found = [read_run(directory, prepare) for directory in dict.fromkeys(named)]
        for experiment in found:
            if not is_complete(experiment.directory):
                say(f"{experiment.directory}: its training is not complete; the best model so far answers")
        return found
    found = []
    for directory in find_best(folder):
        try:
            found.append(read_run(directory, prepare))
        except BadInput as error:
            say(f"left out: {error}")
    return found


def is_complete(directory: Path) -> bool:
    """Return whether the training of a run has ended: its scores are written last."""
    return (directory / "scores.json").exists()


def find_best(folder: Path) -> list[Path]:
    """Return the complete run of each task that has the best score, and say how many others there are."""
    if not folder.is_dir():
        return []
    rows = [row for row in listing.find_runs(folder) if row["complete"]]
    best = [listing.rank(rows, task)[0] for task in dict.fromkeys(row["task"] for row in rows)]
    if len(best) < len(rows):
        say(f"{len(best)} of {len(rows)} complete runs in {folder}: the best of each task; name others to see them")
    return [Path(row["run"]) for row in best]


def train_small(folder: Path, start: Callable[[], str]) -> list[Path]:
    """Train a small run of each task in SMALL, with a progress bar each; return their directories.

    What has been trained is not trained again. start: starts Keras, and returns what it runs on.
    """
    say(f"no complete runs in {folder}: {len(SMALL)} small ones are trained first, which takes a few minutes")
    directories = []
    for number, (name, options) in enumerate(SMALL.items(), 1):
        say(f"\ntraining {number} of {len(SMALL)}")
        directories.append(train_one(name, options, folder, start=start))
    say("")
    return directories


def train_one(name: str, options: Mapping[str, Value], folder: Path, *, start: Callable[[], str]) -> Path:
    """Train a task, or go on where that stopped; return the directory of the run."""
    from harness.training import request
    from harness.training.begin import begin
    from harness.training.completion import read_complete

    task = tasks.get(name)
    asked = request.settle(task, choose(task, options), folder)
    if read_complete(asked) is None:
        with begin(asked) as training:
            where = start()
            from harness.training.train import train_run

            summary = train_run(training, where)
        score = runs.read_scores(asked.directory, runs.read_config(asked.directory))["scores"][summary["monitor"]]
        say(f"{asked.directory}: {summary['monitor']} {score:.3f}")
    return asked.directory
