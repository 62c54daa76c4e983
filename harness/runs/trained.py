"""A trained run, opened: a stored one with its model."""

import importlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import keras

from harness import runs
from harness.options import AS_TRAINED, Decoding, Options
from harness.process import backend
from harness.runs import model_file
from harness.runs.stored import Stored, read_run
from models.layers.losses import judge as add_loss
from pipeline.errors import BadInput
from tasks.task import Task


@dataclass(frozen=True)
class Trained(Stored):
    """A stored run with its model, which gives logits; decoder: decoded answers; judge: their loss beside them."""

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
    return model, decoder, add_loss(model, decoder, output_field)


def open_run(directory: Path, include: tuple[Path, ...] = (), decoding: Decoding = AS_TRAINED) -> Trained:
    """Return a trained run; see harness/runs/stored.py and `load`."""
    return load(read_run(directory, include, decoding))


def load(stored: Stored) -> Trained:
    """Return a stored run with its model; BadInput if there is none, or if its file is damaged or of another run."""
    models = load_fitting(stored.directory, stored.task, stored.options, stored.input_field, stored.output_field)
    model, decoder, judge = models
    known = {part.name: getattr(stored, part.name) for part in fields(stored)}
    return Trained(**known, model=model, decoder=decoder, judge=judge)


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
