"""Variables: all that changes while a model is trained, to a file and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np


def list_variables(model: keras.Model) -> list[keras.Variable]:
    """Return all that changes while a model is trained."""
    return [*model.variables, *model.optimizer.variables]


def bring_up_to_date(model: keras.Model) -> None:
    """Give the variables of a model their values after the last step of an epoch under way; on JAX they have not."""
    if keras.config.backend() == "jax":
        model.jax_state_sync()


def find_broken(model: keras.Model) -> str | None:
    """Return the path of the first trained weight that is not finite; None where all are."""
    for weight in model.trainable_variables:
        if not np.isfinite(np.asarray(weight, "float32")).all():
            return weight.path
    return None


def save_variables(path: Path | BinaryIO, model: keras.Model, **more: np.ndarray) -> None:
    """Write all that changes while a model is trained, by its place, and more arrays by their names."""
    values = {str(number): np.asarray(variable) for number, variable in enumerate(list_variables(model))}
    np.savez(path, allow_pickle=False, **more, **values)


def take_up(saved: Mapping[str, np.ndarray], model: keras.Model) -> None:
    """Give a model, and its optimizer, what `save_variables` wrote."""
    for number, variable in enumerate(list_variables(model)):
        variable.assign(saved[str(number)])
