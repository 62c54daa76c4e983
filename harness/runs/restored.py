"""A stored run as an experiment: what its directory says, without the model, and so without Keras."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tasks
from harness import runs
from harness.experiment import Experiment, pointing_at
from harness.options import check, restore
from harness.runs import included
from harness.runs.schema import Config
from models.cells import CELLS
from pipeline.batches.lengths import Lengths
from pipeline.errors import BadInput, unknown
from pipeline.fields import InputField, OutputField
from pipeline.option import Options
from tasks.task import Task


def do_nothing() -> None:
    """Prepare nothing for the Python files of the user's own: Keras has started."""


def read_run(directory: Path, prepare: Callable[[], object] = do_nothing) -> Experiment:
    """Return what a run's directory says; BadInput if it is not one, or if a file of it is missing or damaged.

    Python files that this process has included are used in place of those that the run was trained with. Without any,
    those that it names are run if the user has trained with them; see harness/runs/included.py.
    prepare: called before such a file is run, which may import Keras.
    """
    config = runs.read_config(directory)
    files: Sequence[tasks.File] = tasks.included()
    if not files and config["include"]:
        files = included.trust(directory, config["include"])
        prepare()
        tasks.include(files)
    included.tell_changes(files, config["include"])
    with pointing_at(str(directory)):
        task = tasks.get(config["task"])
    options = restore_options(directory, task, config)
    fields = restore_fields(directory, task, options, config=config)
    lengths = restore_lengths(directory, config)
    return Experiment(task, options, directory, *fields, fingerprint=config["data"], lengths=lengths)


def restore_options(directory: Path, task: Task, config: Config) -> Options:
    """Return the options of a run; BadInput if they are damaged, or none that its task takes."""
    try:
        options = restore(config["options"], task, config.get("format", 1))
        if options.cell not in CELLS:
            raise unknown("RNN type", options.cell, CELLS)
        check(options, task)
    except BadInput as error:
        raise BadInput(f"{directory / 'config.json'}: {error}; {runs.RESTORE}") from None
    return options


def restore_lengths(directory: Path, config: Config) -> Lengths | None:
    """Return what a run pads its batches to; None where an earlier version began it; BadInput if it is damaged."""
    if "lengths" not in config:
        return None
    inputs, outputs = config["lengths"]["inputs"], config["lengths"]["outputs"]
    for lengths in (inputs, outputs):
        if lengths != sorted(set(lengths)):
            raise BadInput(
                f"{directory / 'config.json'}: expected padded lengths that ascend, got {lengths}; {runs.RESTORE}"
            )
    return Lengths(tuple(inputs), tuple(outputs))


def restore_fields(directory: Path, task: Task, options: Options, *, config: Config) -> tuple[InputField, OutputField]:
    """Return the fields of a run as its training fitted them; BadInput if their files are damaged."""
    input_field = runs.restore_field(directory, "input", field=task.input(options), config=config)
    output_field = runs.restore_field(directory, "output", field=task.output(options), config=config)
    output_field.attach(input_field)
    return input_field, output_field
