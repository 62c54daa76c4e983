"""A trained run, opened: its task, options, fields and model."""

import importlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import keras

import tasks
from harness import runs
from harness.options import Options
from pipeline.errors import BadInput
from pipeline.quiet import import_tensorflow
from tasks.task import Task


@dataclass(frozen=True)
class Trained:
    """What evaluate and predict need of a run. model gives logits, decoder decoded answers."""

    directory: Path
    task: Task
    options: Options
    input_field: Any
    output_field: Any
    model: keras.Model
    decoder: keras.Model


def load_model(directory: Path, task: Task, output_field: Any) -> tuple[keras.Model, keras.Model]:
    """Return the best model of a run, compiled, and its decoder; BadInput if its file is missing or damaged."""
    path = directory / "best.keras"
    if not path.exists():
        raise BadInput(f"{directory}: no trained model yet (best.keras is missing); run the same train command again")
    # The module holds the layers that the file refers to.
    family = importlib.import_module(task.model)
    import_tensorflow()
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise BadInput(f"{path}: the model cannot be loaded ({error!s:.200}); train again with --fresh") from error
    model.compile(loss=family.loss(output_field))
    return model, family.decode(model, output_field)


def open_run(directory: Path, include: tuple[Path, ...] = ()) -> Trained:
    """Return a trained run; BadInput if the folder is not one, or if a file of it is missing or damaged.

    include: task files to use in place of those that the run was trained with, where these have moved.
    """
    config = runs.read_config(directory)
    task = tasks.get(config["task"], include or tuple(Path(path) for path in config["include"]))
    known = {field.name for field in fields(Options)}
    if set(config["options"]) != known:
        names = ", ".join(sorted(set(config["options"]) ^ known))
        raise BadInput(
            f"{directory / 'config.json'}: the options {names} are missing, or not of this version; train with --fresh"
        )
    options = Options(**config["options"])
    input_field = runs.restore_field(directory, "input", task.input(options))
    output_field = runs.restore_field(directory, "output", task.output(options))
    return Trained(directory, task, options, input_field, output_field, *load_model(directory, task, output_field))
