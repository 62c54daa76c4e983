"""Calibration of a model: its logits, divided by a temperature (Guo et al. 2017, equation 9)."""

from typing import TYPE_CHECKING

import keras

from models.layers.ngrams import NGrams

if TYPE_CHECKING:
    from models.family import OutputField


def can_calibrate(model: keras.Model, output_field: "OutputField") -> bool:
    """Return whether an answer is one of a few labels, or several, by logits that a dense layer of that name gives."""
    output = output_field.arrays["output"]
    dense = any(isinstance(layer, keras.layers.Dense) for layer in model.layers if layer.name == "logits")
    return (bool(output.size) or output.independent) and not output.timed and dense


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide the logits that a model gives: the weights of its last layers are changed, so that no program has to be.

    What has been compiled for the model serves it still.
    """
    if temperature == 1:
        return
    for layer in model.layers:
        # What n-grams add to the logits is a multiple of their ratios.
        linear = [layer.ratios] if isinstance(layer, NGrams) else layer.weights if layer.name == "logits" else []
        for weight in linear:
            weight.assign(weight / temperature)
