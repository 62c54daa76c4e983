"""A trained run, opened: its task, options, fields and model."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import tasks
from harness import backend, included, model_file, runs
from harness.data import pointing_at
from harness.options import AS_TRAINED, Decoding, Options, check, override, restore
from models.losses import judge
from models.recurrent import CELLS
from pipeline.errors import BadInput, unknown
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

    include: Python files to run in place of those that it was trained with. Without any, those that it names are run if
        the user has trained with them; see harness/included.py.
    decoding: options to use in place of those that the run was trained with; BadInput if one cannot be.
    """
    config = runs.read_config(directory)
    files = [tasks.read(path.resolve()) for path in include] or included.trust(directory, config["include"])
    included.tell_changes(files, config["include"])
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
    options = override(options, decoding, task)
    models = load_fitting(directory, task, options, input_field, output_field)
    return Trained(directory, task, options, config["data"], input_field, output_field, *models)


def load_fitting(
    directory: Path, task: Task, options: Options, input_field: Any, output_field: Any
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return what `load_model` does; BadInput too if the model is not the one that the options and fields make."""
    try:
        with backend.shapes_only(options.seed, options.precision):
            expected = importlib.import_module(task.model).build(input_field, output_field, options)
        models = load_model(directory, task, output_field, options)
    except BadInput:
        raise
    # Of options or fields that make no model, anything may be raised by Keras.
    except Exception as error:
        raise BadInput(
            f"{directory}: config.json and fields/ make no model ({error!s:.200}); {runs.RESTORE}"
        ) from error
    shapes, found = ([weight.shape for weight in model.weights] for model in (expected, models[0]))
    if shapes != found:
        raise BadInput(f"{directory}: best.keras is not the model of config.json and fields/; {runs.RESTORE}")
    return models
