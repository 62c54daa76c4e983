"""A training step that computes a batch in parts, one after the other, and updates the weights once.

It takes the memory of a part. The gradient is that of the whole batch, within rounding; dropout draws other numbers.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import ops

from models.backends.adversarial import note_loss
from models.tensor import Tensor

# A weight that counts the training steps; see models/layers/decoder.py.
COUNTER = "steps_seen"


def use_parts(model: keras.Model, parts: int) -> None:
    """Have the compiled model, whose loss is a mean by sample weights, train on each batch in so many parts."""
    steps: dict[str, Callable] = {"jax": step_on_jax, "tensorflow": step_on_tensorflow, "torch": step_on_torch}
    model.train_step = partial(steps[keras.backend.backend()], model, parts)


def take_part(data: tuple, number: Tensor | int, parts: int) -> tuple[dict, Tensor, Tensor, Tensor]:
    """Return the inputs, outputs and weights of a part of a batch, and its share of all weights.

    All parts have as many rows; where the batch has fewer, the last one is repeated with weight 0.
    """
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    rows = ops.shape(weights)[0]
    size = -(-rows // parts)
    places = number * size + ops.arange(size)
    real = ops.cast(places < rows, weights.dtype)
    places = ops.minimum(places, rows - 1)
    some = ops.take(weights, places, axis=0)
    some = some * ops.reshape(real, (size,) + (1,) * (len(some.shape) - 1))
    inputs = {name: ops.take(array, places, axis=0) for name, array in inputs.items()}
    share = ops.divide_no_nan(ops.sum(some), ops.sum(weights))
    return inputs, ops.take(wanted, places, axis=0), some, share


def step_on_jax(model: keras.Model, parts: int, state: tuple, data: tuple) -> tuple[dict, tuple]:
    """Return the logs and the state after a batch: Keras' own training step on JAX, its gradient summed over parts."""
    import jax
    import jax.numpy as jnp

    trainable, fixed, optimizer_variables, metrics = state
    counters = [place for place, one in enumerate(model.non_trainable_variables) if one.name == COUNTER]

    def measure(values: list, fixed: list, number: Tensor) -> tuple[Tensor, tuple]:
        *part, share = take_part(data, number, parts)
        scaled, (loss, _, after, _) = model.compute_loss_and_updates(
            values, fixed, metrics, *part, training=True, optimizer_variables=optimizer_variables
        )
        return scaled * share, (loss * share, after)

    def advance(carried: tuple, number: Tensor) -> tuple:
        before, total, gradients = carried
        (_, (loss, after)), found = jax.value_and_grad(measure, has_aux=True)(trainable, before, number)
        gradients = [one + other for one, other in zip(gradients, found, strict=True)]
        counted = [after[place] for place in counters]
        # One step, in however many parts.
        after = [before[place] if place in counters else value for place, value in enumerate(after)]
        return (after, total + loss, gradients), counted

    zeros = [jnp.zeros_like(value) for value in trainable]
    each: list[Tensor]
    # In a loop, so that XLA computes one part after the other.
    (fixed, loss, gradients), each = jax.lax.scan(advance, (fixed, jnp.zeros(()), zeros), jnp.arange(parts))
    for place, values in zip(counters, each, strict=True):
        fixed[place] = values[-1]
    trainable, optimizer_variables = model.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    logs, metrics = model._update_metrics_variables(metrics, loss, inputs, wanted, None, weights)
    return logs, (trainable, fixed, optimizer_variables, metrics)


def step_on_tensorflow(model: keras.Model, parts: int, data: tuple) -> dict:
    """Train on a batch, and return the logs."""
    import tensorflow

    places = model.trainable_weights
    counters = [one for one in model.non_trainable_variables if one.name == COUNTER]
    counted: list[Tensor] = [tensorflow.identity(one.value) for one in counters]

    def advance(number: Tensor, total: Tensor, *gradients: Tensor) -> tuple:
        for counter, value in zip(counters, counted, strict=True):
            counter.assign(value)
        inputs, wanted, weights, share = take_part(data, number, parts)
        with tensorflow.GradientTape() as tape:
            answers = model(inputs, training=True)
            loss = share * model.compute_loss(x=inputs, y=wanted, y_pred=answers, sample_weight=weights)
            scaled = model.optimizer.scale_loss(loss)
        found = tape.gradient(scaled, [weight.value for weight in places], unconnected_gradients="zero")
        sums = [one + tensorflow.convert_to_tensor(other) for one, other in zip(gradients, found, strict=True)]
        return number + 1, total + loss, *sums

    start = (0, 0.0, *(tensorflow.zeros_like(weight.value) for weight in places))
    _, loss, *gradients = tensorflow.while_loop(
        lambda number, *_: number < parts, advance, start, parallel_iterations=1
    )
    model.optimizer.apply(gradients, places)
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    note_loss(model, loss, rows=tensorflow.shape(weights)[0])
    return model.compute_metrics(inputs, wanted, None, sample_weight=weights)


def step_on_torch(model: keras.Model, parts: int, data: tuple) -> dict:
    """Train on a batch, and return the logs."""
    import torch

    places = model.trainable_weights
    counters = [one for one in model.non_trainable_variables if one.name == COUNTER]
    counted = [one.value.clone() for one in counters]
    model.zero_grad()
    total = 0.0
    for number in range(parts):
        for counter, value in zip(counters, counted, strict=True):
            counter.assign(value)
        inputs, wanted, weights, share = take_part(data, number, parts)
        answers = model(inputs, training=True)
        loss = share * model.compute_loss(x=inputs, y=wanted, y_pred=answers, sample_weight=weights)
        # Added to the gradients that are there.
        model.optimizer.scale_loss(loss).backward()
        total = total + loss.detach()
    with torch.no_grad():
        model.optimizer.apply([weight.value.grad for weight in places], places)
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    note_loss(model, total, rows=len(weights))
    return model.compute_metrics(inputs, wanted, None, sample_weight=weights)
