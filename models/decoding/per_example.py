"""Answers, how sure each of them is, and the loss of each example."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
from keras import ops

from models.layers.conditional_random_field import score_steps
from models.tensor import Tensor

if TYPE_CHECKING:
    from models.family import OutputField


class LossLayer(keras.layers.Layer):
    """A loss as a layer: one number per batch from logits, what is expected, and its weights."""

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(dtype="float32")
        self.loss = loss

    def call(self, logits: Tensor, expected: Tensor, weights: Tensor) -> Tensor:
        return self.loss(expected, logits, weights)


class ExampleLoss(keras.layers.Layer):
    """A loss as a layer: one number per example, rather than one per batch."""

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(dtype="float32")
        self.loss = loss

    def call(self, logits: Tensor, expected: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return "example_loss", (batch,), the weighted mean over an example's answers, and "example_weight", (batch,).

        expected, weights: the outputs of the batch, and their sample weights. The mean of all losses, each counted by
        its weight, is the loss of the batch.
        """
        # Unreduced: one number per answer, (batch,) or (batch, time).
        losses = self.loss.call(expected, logits)
        if len(losses.shape) == 1:
            return {"example_loss": losses, "example_weight": ops.cast(weights, "float32")}
        total = ops.sum(weights, axis=1)
        return {"example_loss": ops.sum(losses * weights, axis=1) / ops.maximum(total, 1.0), "example_weight": total}


def is_one_pass(model: keras.Model, decoder: keras.Model) -> bool:
    """Return whether a decoder begins with the model's own answers, and is no search."""
    return set(model.layers) <= set(decoder.layers)


def make_further_inputs(output_field: "OutputField") -> dict[str, Tensor]:
    """Return "expected" and "weights": what a loss takes beside logits."""
    output = output_field.arrays["output"]
    return {
        "expected": keras.Input(output.shape, dtype=output.dtype, name="expected"),
        "weights": keras.Input((None,) if output.timed and output.per_step else (), name="weights"),
    }


def measure_examples(model: keras.Model, output_field: "OutputField") -> keras.Model:
    """Return a model to the loss of each example: see `ExampleLoss`. model: compiled.

    It has two further inputs, "expected" and "weights".
    """
    further = make_further_inputs(output_field)
    return keras.Model({**model.input, **further}, ExampleLoss(model.loss)(model.output, **further))


def with_details(
    model: keras.Model,
    decoder: keras.Model,
    output_field: "OutputField",
    measures: Mapping[str, keras.losses.Loss] | None = None,
) -> keras.Model:
    """Return a one-pass decoder that gives the loss of each example too, and how likely each step's answer is.

    certainties: (batch, time), the probability that the model gives to the answer of a step, where each step is an
    answer and is one of a few. model: compiled. There are two further inputs, "expected" and "weights".
    measures: what is measured of a batch beside the loss, by name.
    """
    further = make_further_inputs(output_field)
    found = {**decoder.output, **ExampleLoss(model.loss)(model.output, **further)}
    found |= {name: LossLayer(loss)(model.output, **further) for name, loss in (measures or {}).items()}
    output = output_field.arrays["output"]
    # An answer of several suggestions for a step is not one of a few.
    if output.size and output.timed and output.per_step and len(found["output"].shape) == 2:
        chosen = ops.expand_dims(ops.cast(found["output"], "int32"), -1)
        likely = ops.take_along_axis(ops.softmax(score_steps(model.output)), chosen, axis=-1)
        found["certainties"] = ops.squeeze(likely, -1)
    return keras.Model({**decoder.input, **further}, found)
