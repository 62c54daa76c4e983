"""Gradients of what a model computes, under every backend: Keras has no operation for them."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

# A tensor of the backend's, or a NumPy array; and those of a batch, by their names.
Tensor: TypeAlias = Any
Tensors = dict[str, Tensor]


def compile_function(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function of tensors, and dictionaries of them, compiled where that is worth it: under JAX."""
    if keras.config.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def differentiate(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the gradient of a function, of a tensor to one number, at a tensor; or of a dictionary at a dictionary."""
    if keras.config.backend() == "jax":
        import jax

        return jax.grad(function)(at)
    if keras.config.backend() == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape() as tape:
            tape.watch(at)
            found = function(at)
        # What the function does not read has the gradient 0.
        return tape.gradient(found, at, unconnected_gradients="zero")
    import torch

    at = keras.tree.map_structure(lambda one: one.detach().requires_grad_(), at)
    gradients = torch.autograd.grad(function(at), keras.tree.flatten(at), materialize_grads=True)
    return keras.tree.pack_sequence_as(at, list(gradients))
