"""Request: a run that is asked for, and what can be wrong with it without its data looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tasks
from harness import data, runs
from harness.cells import suit_cell
from harness.options import check, defaults, differences, restore
from harness.process.console import say
from harness.runs import included, location
from harness.runs.schema import Config
from harness.training import fine_tuning
from harness.training.conflicts import check_conflicts
from pipeline import record
from pipeline.errors import BadInput
from pipeline.option import Options, Value, make_flag
from pipeline.readers.request import Say
from tasks.task import Task


@dataclass(frozen=True)
class Request:
    """What is to be trained, and where. fresh: whether it starts over."""

    task: Task
    options: Options
    directory: Path
    fresh: bool = False


def settle(task: Task, options: Options, folder: Path, *, name: str | None = None, fresh: bool = False) -> Request:
    """Return the run that options are of, with its directory under `folder`; BadInput for bad options.

    name: of its directory; else see harness/runs/location.py.
    """
    check(options, task)
    check_conflicts(options)
    data.check_folds(task, options)
    runs.check_clock()
    options = fine_tuning.settle(task, suit_cell(options, task, say))
    options = options.replace(data=data.name_source(task, options))
    included.remember(tasks.included())
    directory = location.locate(folder, options, settled_defaults(task, options), name=name)
    if not directory.exists() and name is None:
        directory = _find_earlier(folder, task, options) or directory
    if directory.exists() and not directory.is_dir():
        raise BadInput(f"{directory}: a file stands where the run's directory would; give --name, or other --runs")
    return Request(task, options, directory, fresh=fresh)


def settled_defaults(task: Task, options: Options) -> Options:
    """Return the options of a run for which only the cell and the budget of `options` were given.

    The budget itself is the usual one, so that it is among the options that differ.
    """
    usual = defaults(task, options.budget).replace(cell=options.cell, budget=defaults(task).budget)
    usual = usual.replace(data=data.name_source(task, usual))
    return suit_cell(usual, task, data.keep_quiet)


def find_changed(task: Task, options: Options) -> dict[str, Value]:
    """Return those of a run's options that a command has to give, for they are not what the task sets."""
    usual = settled_defaults(task, options).as_dict() | {"cell": task.options.get("cell", "simple")}
    return {name: value for name, value in options.as_dict().items() if value != usual[name]}


def _find_earlier(folder: Path, task: Task, options: Options) -> Path | None:
    """Return the directory in which an earlier version, which knew no other names, began this run; None if none did."""
    directory = folder / task.name / f"{options.cell}-s{options.seed}"
    if not (directory / "config.json").exists():
        return None
    try:
        if runs.read_config(directory).get("format", 1) > FORMAT_OF_ONE_NAME:
            return None
        read_earlier(Request(task, options, directory), tell=data.keep_quiet)
    except BadInput as error:
        say(f"{str(error).splitlines()[0].rstrip(':')}; this one has a directory of its own")
        return None
    return directory


# Up to this format, all runs of one task, cell and seed had the same directory.
FORMAT_OF_ONE_NAME = 2


def read_earlier(request: Request, *, tell: Say = say) -> tuple[Config, Options]:
    """Return the config of the run in a directory, and the options that it goes on with.

    Where an earlier version began the run, options that it did not have are as the run did, unless they are given.
    tell: takes what is said of them.
    Raises BadInput if the options given are not those of the run, or if the run is of another task.
    """
    task, options, directory = request.task, request.options, request.directory
    stored = runs.read_config(directory)
    with record.reading(str(directory / "config.json"), runs.RESTORE):
        if stored["task"] != task.name:
            raise BadInput(f"expected the task {task.name!r}, got {stored['task']!r:.60}")
        earlier = restore(stored["options"], task, stored.get("format", 1), tell=tell)
    if options.data == data.name_source(task, earlier):
        # Earlier versions kept the path as it was typed, and it is in what they know of the data.
        options = options.replace(data=earlier.data)
    usual, given, before = defaults(task, options.budget).as_dict(), options.as_dict(), earlier.as_dict()
    named = known_names(task, stored["options"])
    for name, value in before.items():
        if name in named or given[name] != usual[name] or value == usual[name]:
            continue
        tell(f"{make_flag(name)} {value}: as this run began, before there was the option")
        options = options.replace(**{name: value})
    if found := differences(before, options.as_dict()):
        raise BadInput(
            f"{directory} holds a run with other options:\n  " + "\n  ".join(found) + "\n"
            "Start over with --fresh, which deletes that run, or keep both with --name or --runs."
        )
    return stored, options


def known_names(task: Task, stored: Mapping[str, Value]) -> set[str]:
    """Return the options that a run has a value for, by their names of today."""
    return {one.name for one in defaults(task).declarations if {one.name, *one.aliases} & stored.keys()}
