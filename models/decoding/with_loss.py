"""Answers and their loss in one pass."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras

from models.decoding.per_example import LossLayer, is_one_pass, make_further_inputs

if TYPE_CHECKING:
    from models.family import OutputField


def with_loss(
    model: keras.Model,
    decoder: keras.Model,
    output_field: "OutputField",
    measures: Mapping[str, keras.losses.Loss] | None = None,
) -> keras.Model:
    """Return a model to what `decoder` gives and, from the same pass, to the "loss" of a batch, ().

    measures: what is measured beside the loss, by name, and given likewise.
    It has two further inputs, "expected" and "weights": the outputs of the batch and their sample weights. A decoder
    that does not begin with the model's own answers, but is a search, is returned as it is. model: compiled.
    """
    if not is_one_pass(model, decoder):
        return decoder
    further = make_further_inputs(output_field)
    losses = {"loss": model.loss, **(measures or {})}
    found = {name: LossLayer(loss)(model.output, **further) for name, loss in losses.items()}
    return keras.Model({**decoder.input, **further}, {**decoder.output, **found})
