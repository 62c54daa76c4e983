"""A trial, as a worker trains it: an ordinary run that is never scored on the test split."""

import time
from dataclasses import dataclass

import tasks
from harness import runs
from harness.comparison.sweep import Entry
from harness.tuning.study import Place, open_trial


@dataclass(frozen=True)
class Outcome:
    """What came of a trial. score: the best on the validation split. pruned: whether it was ended before its time."""

    score: float
    epochs: int
    seconds: float
    pruned: bool


def run(entry: Entry, place: Place, number: int, deadline: float, *, device: str) -> Outcome:
    """Train the run of a trial, or go on with it, until it ends or is not worth going on with.

    deadline: see `Pruning`. Raises BadInput as `harness.training.train.train` does.
    """
    from harness.training.begin import begin
    from harness.training.fit import fit
    from harness.training.request import settle
    from harness.training.train import build, record, restore
    from harness.tuning.pruning import Pruning

    started = time.perf_counter()
    task = tasks.get(entry.task)
    request = settle(task, entry.options, entry.folder, name=entry.directory.name)
    with begin(request) as training:
        loop = build(training, device)
        restore(training, loop)
        record(training, loop, device)
        trial = open_trial(place, number)
        before = loop.checkpoint.progress["epoch"]
        for line in runs.read_metrics(entry.directory, before, task.monitor) if before else ():
            trial.report(line[f"validation_{task.monitor}"], line["epoch"] - 1)
        pruning = Pruning(trial, loop.checkpoint, monitor=task.monitor, deadline=deadline)
        fit(training, loop, watching=[pruning])
        progress = loop.checkpoint.progress
    score = progress["best"]
    assert score is not None
    return Outcome(score, progress["epoch"], round(time.perf_counter() - started, 1), pruning.ended)
