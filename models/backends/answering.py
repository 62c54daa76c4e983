"""A model asked for its answers to one batch after another, where a call of Keras' own would take longer than they do.

Keras' `predict_on_batch` collects the variables of a model anew for each batch, and writes all of its states back: a
third of a millisecond, a quarter of a short answer. On JAX the model is asked here without that; elsewhere Keras is.
"""

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

Arrays = Mapping[str, np.ndarray]
Program = Callable[[Arrays], Mapping[str, Any]]
# What is compiled for a model lives as long as the model does.
_programs: "weakref.WeakKeyDictionary[keras.Model, Program]" = weakref.WeakKeyDictionary()


def answer_batch(model: keras.Model, arrays: Arrays) -> dict[str, np.ndarray]:
    """Return what a built model that gives answers by name gives for a batch, with its weights as they are now.

    As in `predict_on_batch`, nothing is dropped. On JAX the states of the model, such as those of its generators of
    random numbers, stay as they were.
    """
    # What runs an exported model has the same method.
    if keras.config.backend() == "jax" and isinstance(model, keras.Model):
        if model not in _programs:
            _programs[model] = _compile(model)
        answers = _programs[model](arrays)
    else:
        answers = model.predict_on_batch(arrays)
    return {name: np.asarray(answer) for name, answer in answers.items()}


def _compile(model: keras.Model) -> Program:
    import jax

    # The program must not keep the model, by which it is found.
    reference = weakref.ref(model)
    weights, states = list(model.trainable_variables), list(model.non_trainable_variables)

    def call(weights: list, states: list, arrays: Arrays) -> Any:
        known = reference()
        assert known is not None
        answers, _ = known.stateless_call(weights, states, arrays, training=False)
        return answers

    program = jax.jit(call)
    return lambda arrays: program([one.value for one in weights], [one.value for one in states], dict(arrays))
