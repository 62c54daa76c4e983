"""A training step that learns from each batch twice: as it is, and with its word vectors moved where the loss rises.

"Adversarial Training Methods for Semi-Supervised Text Classification" (Miyato et al. 2017, equations 2, 5 and 7). A
step takes about twice as long. The loss that is shown is that of the batch as it is.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import ops

from models.backends.replaced_calls import moving
from models.tensor import Tensor
from pipeline.errors import BadInput

# Below every number that a gradient is divided by.
LEAST = 1e-30


def use_adversarial(model: keras.Model, epsilon: float) -> None:
    """Have the compiled model train with an adversarial step; see `perturb`. BadInput where it has no word vectors."""
    check_words(model, epsilon)
    steps: dict[str, Callable] = {"jax": step_on_jax, "tensorflow": step_on_tensorflow, "torch": step_on_torch}
    model.train_step = partial(steps[keras.backend.backend()], model, model.get_layer("embedding"), epsilon)


def check_words(model: keras.Model, epsilon: float) -> None:
    """Raise BadInput for a model without word vectors."""
    if not any(layer.name == "embedding" for layer in model.layers):
        raise BadInput(f"--adversarial {epsilon:g}: the input has no words, and so no vectors to move; leave it out")


def perturb(gradient: Tensor, vectors: Tensor, mask: Tensor, epsilon: float) -> Tensor:
    """Return what is added to word vectors: epsilon |v| g / |g|, for each example.

    gradient: g, of the loss by the vectors, (batch, time, features). mask: (batch, time), true where there is a word.
    |v|: the length of all vectors of the example, as one. So epsilon is a share of it, means the same for short and for
    long texts, and a network does not escape by longer vectors (there they are normalized, equation 1, and the length
    added is the same for all texts). An example without a gradient stays as it is.
    """
    there = ops.expand_dims(ops.cast(mask, "float32"), 2)
    gradient, vectors = ops.cast(gradient, "float32") * there, ops.cast(vectors, "float32") * there
    # The square of a small gradient would be 0.
    gradient = gradient / ops.maximum(ops.max(ops.abs(gradient), axis=(1, 2), keepdims=True), LEAST)
    return epsilon * measure_length(vectors) * gradient / ops.maximum(measure_length(gradient), LEAST)


def measure_length(vectors: Tensor) -> Tensor:
    """Return the length of all vectors of an example as one, (batch, 1, 1). vectors: (batch, time, features)."""
    return ops.sqrt(ops.sum(ops.square(vectors), axis=(1, 2), keepdims=True))


def step_on_jax(
    model: keras.Model, layer: keras.layers.Embedding, epsilon: float, state: tuple, data: tuple
) -> tuple[dict, tuple]:
    """Return the logs and the state after a batch: Keras' own training step on JAX, with the mean of both gradients."""
    import jax
    import jax.numpy as jnp

    trainable, fixed, optimizer_variables, metrics = state
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)

    def loss(values: list, added: Tensor, fixed: list) -> tuple[Tensor, tuple]:
        with moving(layer, added) as given:
            value, rest = model.compute_loss_and_updates(
                values, fixed, metrics, inputs, wanted, weights, training=True, optimizer_variables=optimizer_variables
            )
        return value, (rest, given[0])

    still = jnp.zeros((*inputs["words"].shape, layer.output_dim))
    differentiate = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    (_, ((value, answers, fixed, metrics), vectors)), (gradients, by_vector) = differentiate(trainable, still, fixed)
    added = perturb(by_vector, vectors, inputs["mask"], epsilon)
    (_, ((_, _, fixed, _), _)), moved = jax.value_and_grad(loss, has_aux=True)(trainable, added, fixed)
    gradients = [(one + other) / 2 for one, other in zip(gradients, moved, strict=True)]
    trainable, optimizer_variables = model.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
    logs, metrics = model._update_metrics_variables(metrics, value, inputs, wanted, answers, weights)
    return logs, (trainable, fixed, optimizer_variables, metrics)


def step_on_tensorflow(model: keras.Model, layer: keras.layers.Embedding, epsilon: float, data: tuple) -> dict:
    """Train on a batch, and return the logs."""
    import tensorflow

    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    places = model.trainable_weights

    def differentiate(added: Tensor) -> tuple:
        with tensorflow.GradientTape() as tape, moving(layer, added) as given:
            # The vectors themselves have no gradient where they are frozen.
            tape.watch(added)
            answers = model(inputs, training=True)
            loss = model.compute_loss(x=inputs, y=wanted, y_pred=answers, sample_weight=weights)
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [*(weight.value for weight in places), added])
        return loss, answers, given[0], [tensorflow.convert_to_tensor(one) for one in gradients]

    still = tensorflow.zeros((*tensorflow.unstack(tensorflow.shape(inputs["words"])), layer.output_dim))
    loss, answers, vectors, (*gradients, by_vector) = differentiate(still)
    *_, (*moved, _) = differentiate(perturb(by_vector, vectors, inputs["mask"], epsilon))
    model.optimizer.apply([(one + other) / 2 for one, other in zip(gradients, moved, strict=True)], places)
    note_loss(model, loss, rows=tensorflow.shape(answers)[0])
    return model.compute_metrics(inputs, wanted, answers, sample_weight=weights)


def step_on_torch(model: keras.Model, layer: keras.layers.Embedding, epsilon: float, data: tuple) -> dict:
    """Train on a batch, and return the logs."""
    import torch

    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    places = model.trainable_weights
    model.zero_grad()

    def differentiate(added: Tensor) -> tuple:
        with moving(layer, added) as given:
            answers = model(inputs, training=True)
        loss = model.compute_loss(x=inputs, y=wanted, y_pred=answers, sample_weight=weights)
        # Added to the gradients that are there.
        model.optimizer.scale_loss(loss).backward()
        return loss, answers, given[0]

    words = inputs["words"]
    # The vectors themselves have no gradient where they are frozen.
    still = torch.zeros((*words.shape, layer.output_dim), device=words.device, requires_grad=True)
    loss, answers, vectors = differentiate(still)
    differentiate(perturb(still.grad, vectors.detach(), inputs["mask"], epsilon))
    with torch.no_grad():
        model.optimizer.apply([weight.value.grad / 2 for weight in places], places)
    note_loss(model, loss, rows=len(answers))
    return model.compute_metrics(inputs, wanted, answers, sample_weight=weights)


def note_loss(model: keras.Model, loss: Tensor, rows: Tensor | int) -> None:
    """Take a batch's loss into the mean that is shown."""
    mean = next(metric for metric in model.metrics if metric.name == "loss")
    mean.update_state(loss, sample_weight=rows)
