"""A trained run, opened: its task, options, fields and model."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import tasks
from harness import model_file, runs
from harness.options import AS_TRAINED, Decoding, Options, check, override, restore
from models.losses import judge
from pipeline.errors import BadInput
from tasks.task import Task


@dataclass(frozen=True)
class Trained:
    """What evaluate and predict need of a run.

    data: the fingerprint of its examples. model gives logits, decoder decoded answers, judge their loss beside them.
    """

    directory: Path
    task: Task
    options: Options
    data: str
    input_field: Any
    output_field: Any
    model: keras.Model
    decoder: keras.Model
    judge: keras.Model


def load_model(
    directory: Path, task: Task, output_field: Any, options: Options
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return the best model of a run, compiled, its decoder and judge; BadInput if its file is missing or damaged."""
    path = directory / "best.keras"
    if not path.exists():
        raise BadInput(f"{directory}: no trained model yet (best.keras is missing); run the same train command again")
    # The module holds the layers that the file refers to.
    family = importlib.import_module(task.model)
    try:
        model = model_file.load(path)
    except BadInput as error:
        raise BadInput(
            f"{path}: the model cannot be loaded: {error}; restore the file, or train again with --fresh"
        ) from error
    model.compile(loss=family.loss(output_field, options))
    decoder = family.decode(model, output_field, options)
    return model, decoder, judge(model, decoder, output_field)


def open_run(directory: Path, include: tuple[Path, ...] = (), decoding: Decoding = AS_TRAINED) -> Trained:
    """Return a trained run; BadInput if the folder is not one, or if a file of it is missing or damaged.

    include: task files to use in place of those that the run was trained with, where these have moved.
    decoding: options to use in place of those that the run was trained with; BadInput if one cannot be.
    """
    config = runs.read_config(directory)
    files = include or tuple(Path(str(path)) for path in config["include"])
    for path in files:
        if not path.is_file():
            raise BadInput(f"{directory}: its task file {path} is not there; say with --include FILE where it is now")
    task = tasks.get(config["task"], files)
    try:
        options = restore(config["options"])
        check(options, task)
    except BadInput as error:
        raise BadInput(f"{directory / 'config.json'}: {error}; restore the file, or train with --fresh") from None
    options = override(options, decoding, task)
    input_field = runs.restore_field(directory, "input", task.input(options))
    output_field = runs.restore_field(directory, "output", task.output(options))
    return Trained(
        directory,
        task,
        options,
        config["data"],
        input_field,
        output_field,
        *load_model(directory, task, output_field, options),
    )
