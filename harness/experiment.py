"""Experiment: a run that is about to be trained, and all that can be wrong with it without Keras looked at."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tasks
from harness import data, runs
from harness.cells import suit_cell
from harness.data import Prepared
from harness.options import Options, check, defaults, differences, restore
from harness.process.console import say
from harness.process.cost import forget_peak
from harness.process.lock import hold
from harness.runs import included
from harness.runs.schema import Config
from pipeline import record
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from tasks.task import Task


@dataclass(frozen=True)
class Run:
    """What is to be trained, and where. files: those that the user included. fresh: whether it starts over."""

    task: Task
    options: Options
    directory: Path
    files: Sequence[tasks.File] = ()
    fresh: bool = False


@dataclass(frozen=True)
class Experiment:
    """A run with its data.

    prepared: examples and fitted fields. batches: by split. begun: the config of a run that goes on; None of a new one.
    """

    run: Run
    prepared: Prepared
    batches: dict[str, Batches]
    begun: Config | None


def settle(task: Task, options: Options, folder: Path, include: Sequence[Path] = (), fresh: bool = False) -> Run:
    """Return the run that options are of; its directory is folder/TASK/CELL-sSEED. BadInput for bad options."""
    check(options, task)
    runs.check_clock()
    options = suit_cell(options, task, say)
    options = dataclasses.replace(options, data=data.name_source(task, options))
    paths = [Path(path).resolve() for path in include]
    files = [tasks.ran.get(path) or tasks.read(path) for path in paths]
    included.remember(files)
    return Run(task, options, runs.locate(folder, task.name, options), files, fresh)


def read_complete(run: Run) -> dict[str, Any] | None:
    """Return the summary of a run that is complete, and is not to be trained again; None of any other.

    BadInput if its directory holds a run of other options.
    """
    if run.fresh or not (run.directory / "scores.json").exists() or not runs.holds_run(run.directory):
        return None
    stored, _ = read_earlier(run)
    included.tell_changes(run.files, stored["include"])
    say(f"{run.directory} is complete; --fresh trains it again")
    return {**runs.read_scores(run.directory, stored), "run": str(run.directory)}


@contextmanager
def begin(run: Run) -> Iterator[Experiment]:
    """Read and encode the data of a run; inside, no other process writes to its directory.

    Raises BadInput for bad data, and if the directory holds another run, or another process trains this one.
    """
    with hold(run.directory):
        exists, stored = runs.holds_run(run.directory), None
        if exists and not run.fresh:
            stored, options = read_earlier(run)
            included.tell_changes(run.files, stored["include"])
            run = dataclasses.replace(run, options=options)
        say(f"{run.task.name}: {run.task.summary}")
        forget_peak()
        prepared = data.prepare(run.task, run.options, say)
        if stored and stored["data"] != prepared.fingerprint:
            raise BadInput(f"{run.directory}: the data has changed since this run began; start over with --fresh")
        begun = stored if (run.directory / "state.npz").exists() else None
        if begun:
            # Those that the weights belong to: another version, or another machine, may fit them otherwise.
            restored = {
                f"{name}_field": runs.restore_field(run.directory, name, make(run.options), begun)
                for name, make in (("input", run.task.input), ("output", run.task.output))
            }
            prepared = dataclasses.replace(prepared, **restored)
        batches = {
            split: prepared.batches(split, run.options.seed if split == "train" else None)
            for split in ("train", "validation", "test")
        }
        lengths = ", ".join(map(str, batches["train"].lengths))
        say(
            f"{len(batches['train'].inputs):,} examples to train on ({batches['train'].count_tokens():,} tokens), "
            f"{len(batches['validation'].inputs):,} to validate, {len(batches['test'].inputs):,} to test; padded to "
            f"{lengths}"
        )
        yield Experiment(run, prepared, batches, begun)


def read_earlier(run: Run) -> tuple[Config, Options]:
    """Return the config of the run in a directory, and the options that it goes on with.

    Where an earlier version began the run, options that it did not have are as the run did, unless they are given.
    Raises BadInput if the options given are not those of the run, or if the run is of another task.
    """
    task, options = run.task, run.options
    stored = runs.read_config(run.directory)
    with record.reading(str(run.directory / "config.json"), runs.RESTORE):
        if stored["task"] != task.name:
            raise BadInput(f"expected the task {task.name!r}, got {stored['task']!r:.60}")
        earlier = restore(stored["options"], task, stored.get("format", 1))
    if options.data == data.name_source(task, earlier):
        # Earlier versions kept the path as it was typed, and it is in what they know of the data.
        options = dataclasses.replace(options, data=earlier.data)
    usual = defaults(task)
    for field in dataclasses.fields(options):
        name, value = field.name, getattr(earlier, field.name)
        if name in stored["options"] or getattr(options, name) != getattr(usual, name) or value == getattr(usual, name):
            continue
        say(f"--{name.replace('_', '-')} {value}: as this run began, before there was the option")
        options = dataclasses.replace(options, **{name: value})
    if found := differences(dataclasses.asdict(earlier), dataclasses.asdict(options)):
        raise BadInput(
            f"{run.directory} holds a run with other options:\n  " + "\n  ".join(found) + "\n"
            "Start over with --fresh, which deletes that run, or keep both with --runs DIR."
        )
    return stored, options
