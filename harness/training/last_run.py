"""The last run (--train-on-validation): the validation examples are learned too, once there is nothing to choose.

What nobody can see any more is when to stop. So the run is as long as one of the same options without it was up to its
best epoch, by the same schedule; that one has to be complete.
"""

import shlex
from dataclasses import asdict
from pathlib import Path

import numpy as np

from harness import runs
from harness.data import keep_quiet
from harness.options import restore, type_in
from harness.runs import states
from harness.runs.schema import Config, LengthFrom, Summary
from harness.runs.seal import open_archive
from harness.training.request import Request, find_changed
from harness.training.schedule import KnownLength, Schedule
from pipeline import record
from pipeline.errors import BadInput


def find_length(request: Request, fingerprint: str, schedule: Schedule) -> LengthFrom:
    """Return how long a run is to be, and which run says so. fingerprint: of the data. schedule: of that run.

    Raises BadInput where no run of the same options without --train-on-validation is complete, or where its data was
    another.
    """
    wanted = request.options.replace(train_on_validation=False)
    folder = request.directory.parent
    for path in sorted(folder.glob("*/scores.json")):
        directory = path.parent
        config = read_config(request, directory)
        if config is None or restore_options(request, config) != wanted.as_dict():
            continue
        if config["data"] != fingerprint:
            raise BadInput(f"{directory}: its data has changed since; train it again with --fresh")
        summary = runs.read_scores(directory, config)
        return {"run": str(directory), **asdict(measure(directory, summary, schedule))}  # type: ignore[typeddict-item]
    changed = find_changed(request.task, wanted)
    command = shlex.join(["python", "run.py", "train", request.task.name, *type_in(changed, request.task)])
    raise BadInput(
        f"--train-on-validation: for how many epochs to train follows from a run of the same options without it, and "
        f"none is complete in {folder}; train that first: {command}"
    )


def read_config(request: Request, directory: Path) -> Config | None:
    """Return the config of a run of the same task; None of what cannot be read: another one may be meant."""
    try:
        config = runs.read_config(directory)
    except BadInput:
        return None
    return config if config["task"] == request.task.name and directory != request.directory else None


def restore_options(request: Request, config: Config) -> dict | None:
    """Return the options of a run; None of one that was begun with others than this version has."""
    try:
        return restore(config["options"], request.task, config.get("format", 1), tell=keep_quiet).as_dict()
    except BadInput:
        return None


def measure(directory: Path, summary: Summary, schedule: Schedule) -> KnownLength:
    """Return how long a complete run was trained up to its best epoch. schedule: its own."""
    best, path = summary["best_epoch"], directory / states.LAST
    if not schedule.converges or not path.exists():
        return KnownLength(best)
    with record.reading(str(path), runs.RESTORE), open_archive(path), np.load(path, allow_pickle=False) as saved:
        progress = states.read_progress(saved)
    if "last" not in progress or "stable" not in progress:
        return KnownLength(best)
    stable = progress["stable"]
    fall = schedule.cool_down(stable)
    # The weights of epoch `stable` were taken up again when the rate began to fall, at the end of this epoch.
    begin = progress["last"] - fall
    return KnownLength(stable + best - begin, stable, fall) if best > begin else KnownLength(best)


def as_length(found: LengthFrom) -> KnownLength:
    """Return how long a run is to be from what its config.json says."""
    return KnownLength(found["epochs"], found["stable"], found["fall"])
