"""A stored run: what its directory says, without the model, and so without Keras."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tasks
from harness import runs
from harness.data import pointing_at
from harness.options import AS_TRAINED, Decoding, Options, check, override, restore
from harness.runs import included
from models.cells import CELLS
from pipeline.errors import BadInput, unknown
from tasks.task import Task


@dataclass(frozen=True)
class Stored:
    """The task, options and fields of a run. data: the fingerprint of its examples."""

    directory: Path
    task: Task
    options: Options
    data: str
    input_field: Any
    output_field: Any


def read_run(
    directory: Path,
    include: Sequence[Path] = (),
    decoding: Decoding = AS_TRAINED,
    select_backend: Callable[[], Any] = lambda: None,
) -> Stored:
    """Return what a run's directory says; BadInput if it is not one, or if a file of it is missing or damaged.

    include: Python files to run in place of those that it was trained with. Without any, those that it names are run if
        the user has trained with them; see harness/runs/included.py.
    decoding: options to use in place of those that the run was trained with; BadInput if one cannot be.
    select_backend: called before a Python file is run, which may import Keras.
    """
    config = runs.read_config(directory)
    files = [tasks.read(path.resolve()) for path in include] or included.trust(directory, config["include"])
    included.tell_changes(files, config["include"])
    if files:
        select_backend()
    with pointing_at(str(directory)):
        task = tasks.get(config["task"], files)
    try:
        options = restore(config["options"], task, config.get("format", 1))
        check(options, task)
        if options.cell not in CELLS:
            raise unknown("RNN type", options.cell, CELLS)
    except BadInput as error:
        raise BadInput(f"{directory / 'config.json'}: {error}; {runs.RESTORE}") from None
    input_field = runs.restore_field(directory, "input", task.input(options), config)
    output_field = runs.restore_field(directory, "output", task.output(options), config)
    return Stored(directory, task, override(options, decoding, task), config["data"], input_field, output_field)
