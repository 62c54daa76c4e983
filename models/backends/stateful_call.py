"""A model that keeps states, called again and again with small arrays: Keras' own overhead would be most of the time.

JaxCall            JAX: the stateless call, compiled; the states are handed on outside of the model
TensorFlowCall     TensorFlow: the call, compiled
StatefulCall       the portable twin, as torch runs it: the model is called
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Arrays = Mapping[str, np.ndarray]


class StatefulCall:
    """A model called for its answers. States: the variables of the model that are not trained."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.first = [np.array(variable) for variable in model.non_trainable_variables]

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Return the answers by name; those of a model with one output as "output"."""
        return {
            name: keras.ops.convert_to_numpy(answer) for name, answer in name_answers(self.run(dict(arrays))).items()
        }

    def run(self, arrays: dict[str, np.ndarray]) -> Any:
        """Return the answers as the model gives them."""
        return self.model(arrays, training=False)

    def reset(self) -> None:
        """Give the states the values that they began with."""
        self.restore_states(self.first)

    def read_states(self) -> list[Any]:
        """Return the states as they are now."""
        return [keras.ops.convert_to_numpy(variable).copy() for variable in self.model.non_trainable_variables]

    def restore_states(self, states: list[Any]) -> None:
        """Give the states the values that `read_states` returned."""
        for variable, state in zip(self.model.non_trainable_variables, states, strict=True):
            variable.assign(state)


class JaxCall(StatefulCall):
    """See `StatefulCall`. The compiled program is kept by JAX."""

    def __init__(self, model: keras.Model):
        super().__init__(model)
        import jax

        self.weights = [variable.value for variable in model.trainable_variables]
        self.program = jax.jit(lambda *given: model.stateless_call(*given, training=False))
        self.states: list[Any] = list(self.first)

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        answers, self.states = self.program(self.weights, self.states, dict(arrays))
        return {name: np.asarray(answer) for name, answer in name_answers(answers).items()}

    def read_states(self) -> list[Any]:
        return self.states

    def restore_states(self, states: list[Any]) -> None:
        self.states = list(states)


class TensorFlowCall(StatefulCall):
    """See `StatefulCall`."""

    def __init__(self, model: keras.Model):
        super().__init__(model)
        import tensorflow

        self.program = tensorflow.function(lambda arrays: model(arrays, training=False))

    def run(self, arrays: dict[str, np.ndarray]) -> Any:
        # NumPy arrays would be constants of a program each.
        return self.program({name: keras.ops.convert_to_tensor(array) for name, array in arrays.items()})


class TorchCall(StatefulCall):
    """See `StatefulCall`; without what torch keeps for gradients."""

    def run(self, arrays: dict[str, np.ndarray]) -> Any:
        import torch

        with torch.no_grad():
            return super().run(arrays)


CALLS = {"jax": JaxCall, "tensorflow": TensorFlowCall, "torch": TorchCall}


def name_answers(answers: Any) -> dict[str, Any]:
    """Return answers by name; the one of a model with one output as "output"."""
    return answers if isinstance(answers, dict) else {"output": answers}


def compile_call(model: keras.Model) -> StatefulCall:
    """Return a model, built, as Keras' backend calls it fastest."""
    return CALLS.get(keras.config.backend(), StatefulCall)(model)
