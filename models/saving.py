"""The names under which classes stand in saved models. A class may be renamed; what it is called in files may not."""

from collections.abc import Callable
from typing import TypeVar

import keras

PACKAGE = "unrolled"
Class = TypeVar("Class", bound=type)


def saved_as(name: str) -> Callable[[Class], Class]:
    """Return a decorator that registers a class with Keras under the name that it has in saved files.

    Keras finds the class by its registered name, "unrolled>NAME", and a layer's weights by `__name__` in snake case.
    """

    def register(kind: Class) -> Class:
        kind.__name__ = name
        return keras.saving.register_keras_serializable(PACKAGE, name=name)(kind)

    return register
