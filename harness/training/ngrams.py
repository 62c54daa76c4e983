"""N-grams: what is counted in the training data before a run with --ngrams begins."""

from typing import TYPE_CHECKING

import numpy as np

from models.layers.ngrams import NGrams, measure_ratios
from pipeline.batches.encoded import read_column

if TYPE_CHECKING:
    import keras

    from pipeline.batches.bucketing import Batches
    from pipeline.fields import OutputField


def set_ratios(model: "keras.Model", batches: "Batches", output_field: "OutputField") -> None:
    """Tell a new model in which training texts its n-grams are; nothing is done to a model without any."""
    for layer in model.layers:
        if isinstance(layer, NGrams):
            wanted = state_truths(read_column(batches.outputs or (), "output"), output_field)
            texts = (one["words"] for one in batches.inputs)
            ratios = measure_ratios(texts, wanted, codes=layer.codes, buckets=layer.buckets)
            layer.ratios.assign(ratios)


def state_truths(found: np.ndarray, output_field: "OutputField") -> np.ndarray:
    """Return what is true of each output, (outputs, logits) from 0 to 1: that it has a label, or is in a range.

    found: the encoded outputs, (outputs, ...). Of a number as such: that it is above the mean.
    """
    array = output_field.arrays["output"]
    if array.size:
        return (found[:, None] == np.arange(array.size)).astype("float32")
    return found.astype("float32") if array.shape else (found[:, None] > 0).astype("float32")
