"""A training step that learns from each batch, and to answer the same where its word vectors are moved.

"Adversarial Training Methods for Semi-Supervised Text Classification" (Miyato et al. 2017, equations 8 to 10). To the
loss of the batch is added KL(p || q): p is the model's answer to a text, q that to its word vectors moved by r, and no
gradient goes through p. r has a given length, and the direction in which KL rises the fastest. Where r is 0, so is the
slope of KL. So one step of the power method finds the direction: the gradient of KL at a short random vector.

The right answers have no part in it. A step takes about three times as long. All its passes have the same dropout, so
that nothing but the vectors is different. The loss that is shown is that of the batch as it is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import keras
from keras import ops

from models.backends.adversarial import check_words, note_loss, perturb
from models.backends.replaced_calls import moving
from models.tensor import Tensor

if TYPE_CHECKING:
    from models.family import Array

# The length of the random vector, as a share of that of a text's vectors.
XI = 0.01
# From answers and others, (batch, size), to how far apart they are, (batch,).
Divergence = Callable[[Tensor, Tensor], Tensor]


def use_virtual_adversarial(model: keras.Model, epsilon: float, output: "Array", seed: int) -> None:
    """Have the compiled model train with a virtual adversarial step. BadInput where it has no word vectors.

    epsilon: the length of r, as a share of that of a text's vectors. output: what the model answers. seed: of the
    random vectors.
    """
    check_words(model, epsilon)
    steps: dict[str, Callable] = {"jax": step_on_jax, "tensorflow": step_on_tensorflow, "torch": step_on_torch}
    step, layer = steps[keras.backend.backend()], model.get_layer("embedding")
    model.train_step = partial(step, model, layer, epsilon, choose_divergence(output), seed)


def choose_divergence(output: "Array") -> Divergence:
    """Return how far two answers of a classifier or regressor are apart, in the units of its loss."""
    if output.independent:
        return diverge_labels
    return diverge_classes if output.size or output.shape else diverge_numbers


def diverge_classes(logits: Tensor, others: Tensor) -> Tensor:
    """Return KL(p || q), (batch,), of p and q that are the softmax of logits, (batch, size)."""
    likely = ops.log_softmax(logits)
    return ops.sum(ops.exp(likely) * (likely - ops.log_softmax(others)), axis=-1)


def diverge_labels(logits: Tensor, others: Tensor) -> Tensor:
    """Return the mean of KL(p || q) over the labels, (batch,), each of which is there or not; see `diverge_classes`."""
    there = ops.sigmoid(logits) * (ops.log_sigmoid(logits) - ops.log_sigmoid(others))
    absent = ops.sigmoid(-logits) * (ops.log_sigmoid(-logits) - ops.log_sigmoid(-others))
    return ops.mean(there + absent, axis=-1)


def diverge_numbers(numbers: Tensor, others: Tensor) -> Tensor:
    """Return the squared difference of numbers, (batch, 1): KL of normal distributions with a variance of 1/2."""
    return ops.mean(ops.square(numbers - others), axis=-1)


def average(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values, (batch,), by the sample weights, as a loss does."""
    weights = ops.cast(weights, "float32")
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1e-7)


def step_on_jax(
    model: keras.Model,
    layer: keras.layers.Embedding,
    epsilon: float,
    diverge: Divergence,
    seed: int,
    state: tuple,
    data: tuple,
) -> tuple[dict, tuple]:
    """Return the logs and the state after a batch: Keras' own training step on JAX, with both gradients."""
    import jax

    trainable, fixed, optimizer_variables, metrics = state
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    shape = (*inputs["words"].shape, layer.output_dim)

    def loss(values: list) -> tuple[Tensor, tuple]:
        with moving(layer, ops.zeros(shape)) as given:
            value, rest = model.compute_loss_and_updates(
                values, fixed, metrics, inputs, wanted, weights, training=True, optimizer_variables=optimizer_variables
            )
        return value, (rest, given[0])

    def diverge_moved(values: list, added: Tensor) -> Tensor:
        # From the same state, the same dropout.
        with moving(layer, added):
            others, _ = model.stateless_call(values, fixed, inputs, training=True)
        return average(diverge(answers, others), weights)

    (_, ((value, answers, after, metrics), vectors)), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
    place = next(number for number, one in enumerate(model.optimizer.variables) if one is model.optimizer.iterations)
    start = draw_on_jax(shape, seed, optimizer_variables[place])
    slope = jax.grad(diverge_moved, argnums=1)(trainable, perturb(start, vectors, inputs["mask"], XI))
    moved = jax.grad(diverge_moved)(trainable, perturb(slope, vectors, inputs["mask"], epsilon))
    gradients = [one + other for one, other in zip(gradients, moved, strict=True)]
    trainable, optimizer_variables = model.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
    logs, metrics = model._update_metrics_variables(metrics, value, inputs, wanted, answers, weights)
    return logs, (trainable, after, optimizer_variables, metrics)


def draw_on_jax(shape: Sequence[int], seed: int, step: Tensor) -> Tensor:
    """Return random numbers of a normal distribution: the same for the same seed and training step."""
    import jax

    return jax.random.normal(jax.random.fold_in(jax.random.PRNGKey(seed), step), shape)


def step_on_tensorflow(
    model: keras.Model,
    layer: keras.layers.Embedding,
    epsilon: float,
    diverge: Divergence,
    seed: int,
    data: tuple,
) -> dict:
    """Train on a batch, and return the logs."""
    import tensorflow

    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    places, seeds = model.trainable_weights, list_seeds(model)
    shape = (*tensorflow.unstack(tensorflow.shape(inputs["words"])), layer.output_dim)
    before = [tensorflow.identity(one.value) for one in seeds]

    def measure(added: Tensor) -> Tensor:
        for one, value in zip(seeds, before, strict=True):
            one.assign(value)
        with moving(layer, added):
            others = model(inputs, training=True)
        return average(diverge(answers, others), weights)

    with tensorflow.GradientTape() as tape, moving(layer, tensorflow.zeros(shape)) as given:
        outputs = model(inputs, training=True)
        loss = model.compute_loss(x=inputs, y=wanted, y_pred=outputs, sample_weight=weights)
        scaled = model.optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, [weight.value for weight in places])
    answers, vectors = tensorflow.stop_gradient(outputs), tensorflow.stop_gradient(given[0])
    start = tensorflow.random.stateless_normal(
        shape, (seed, tensorflow.cast(model.optimizer.iterations.value, "int32"))
    )
    added = perturb(start, vectors, inputs["mask"], XI)
    with tensorflow.GradientTape() as tape:
        tape.watch(added)
        found = measure(added)
    added = perturb(tensorflow.convert_to_tensor(tape.gradient(found, added)), vectors, inputs["mask"], epsilon)
    with tensorflow.GradientTape() as tape:
        scaled = model.optimizer.scale_loss(measure(added))
    moved = tape.gradient(scaled, [weight.value for weight in places], unconnected_gradients="zero")
    gradients = [
        tensorflow.convert_to_tensor(one) + tensorflow.convert_to_tensor(other)
        for one, other in zip(gradients, moved, strict=True)
    ]
    model.optimizer.apply(gradients, places)
    note_loss(model, loss, rows=tensorflow.shape(outputs)[0])
    return model.compute_metrics(inputs, wanted, outputs, sample_weight=weights)


def step_on_torch(
    model: keras.Model,
    layer: keras.layers.Embedding,
    epsilon: float,
    diverge: Divergence,
    seed: int,
    data: tuple,
) -> dict:
    """Train on a batch, and return the logs."""
    import torch

    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    places, seeds = model.trainable_weights, list_seeds(model)
    words = inputs["words"]
    shape = (*words.shape, layer.output_dim)
    before = [one.value.detach().clone() for one in seeds]
    # Keras' dropout has the random numbers of torch itself.
    own, devices = torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    model.zero_grad()

    def measure(added: Tensor) -> Tensor:
        for one, value in zip(seeds, before, strict=True):
            one.assign(value)
        torch.set_rng_state(own)
        if devices:
            torch.cuda.set_rng_state_all(devices)
        with moving(layer, added):
            others = model(inputs, training=True)
        return average(diverge(answers, others), weights)

    with moving(layer, torch.zeros(shape, device=words.device)) as given:
        outputs = model(inputs, training=True)
    loss = model.compute_loss(x=inputs, y=wanted, y_pred=outputs, sample_weight=weights)
    model.optimizer.scale_loss(loss).backward()
    answers, vectors = outputs.detach(), given[0].detach()
    # On the processor, so that a device changes nothing.
    generator = torch.Generator().manual_seed(seed + (int(model.optimizer.iterations.value) << 32))
    start = torch.randn(shape, generator=generator).to(words.device)
    added = perturb(start, vectors, inputs["mask"], XI).requires_grad_()
    (slope,) = torch.autograd.grad(measure(added), added)
    # Added to the gradients that are there.
    model.optimizer.scale_loss(measure(perturb(slope, vectors, inputs["mask"], epsilon))).backward()
    with torch.no_grad():
        model.optimizer.apply([weight.value.grad for weight in places], places)
    note_loss(model, loss, rows=len(outputs))
    return model.compute_metrics(inputs, wanted, outputs, sample_weight=weights)


def list_seeds(model: keras.Model) -> list[keras.Variable]:
    """Return the states of a model's random numbers."""
    weights = {id(weight) for weight in model.weights}
    return [one for one in model.non_trainable_variables if id(one) not in weights]
