"""Embeddings whose look-up is another one for a while, as a training step of its own needs it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import keras
from keras import ops

from models.tensor import Tensor


@contextmanager
def replace_calls(
    layers: Mapping[int, keras.layers.Embedding], call: Callable[[int, Tensor], Tensor]
) -> Iterator[None]:
    """Inside, a call of one of the layers is one of `call`, with the place of the layer and the word numbers."""
    for place, layer in layers.items():
        layer.call = partial(call, place)
    try:
        yield
    finally:
        for layer in layers.values():
            del layer.call


@contextmanager
def moving(layer: keras.layers.Embedding, added: Tensor) -> Iterator[list[Tensor]]:
    """Inside, what a layer gives has a tensor added to it; give the list of what it gave."""
    given: list[Tensor] = []

    def call(_: int, numbers: Tensor) -> Tensor:
        vectors = type(layer).call(layer, numbers)
        vectors = vectors + ops.cast(added, vectors.dtype)
        given.append(vectors)
        return vectors

    with replace_calls({0: layer}, call):
        yield given
