"""Classifier, and regressor: many to one. One label, several or none, a number, or how likely each range of it is."""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.family import count_values
from models.layers.argmax import ArgMax
from models.layers.dropout import Dropout
from models.layers.embedding import encode_sequence
from models.layers.losses import BinaryFocalCrossEntropy, WeightedCrossEntropy, cross_entropy
from models.layers.ngrams import EitherOrBoth, NGrams
from models.layers.ordinal import ContinuationRatios
from models.layers.pooling import make_pool
from models.tensor import Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import InputField, OutputField
    from pipeline.option import Options

# In the table of the n-grams: 32 MiB.
MOST_NUMBERS = 2**23


def build(input_field: "InputField", output_field: "OutputField", options: "Options") -> keras.Model:
    """Return a model from a text's arrays to logits, (batch, labels or ranges); or to a number, (batch, 1)."""
    inputs, states = encode_sequence(input_field, options)
    logits = answer(states, inputs["mask"], output_field, options)
    if options.ngrams:
        scores = weigh_ngrams(inputs, input_field, logits.shape[-1], options)
        logits = EitherOrBoth(name="together", dtype="float32")(logits, scores)
    return keras.Model(inputs, logits, name="classifier")


def weigh_ngrams(inputs: dict[str, Tensor], input_field: "InputField", size: int, options: "Options") -> Tensor:
    """Return scores by a text's n-grams, (batch, size); BadInput for an input without words."""
    if "words" not in inputs:
        raise BadInput("--ngrams: the input has no words; leave the option out")
    layer = NGrams(
        size,
        count_values(input_field.arrays["words"]),
        longest=options.ngrams,
        buckets=min(options.ngram_buckets, max(1, MOST_NUMBERS // size)),
        dropout=options.dropout,
        dtype="float32",
        name="ngrams",
    )
    return layer(inputs["words"], inputs["mask"])


def answer(states: Tensor, mask: Tensor, output_field: "OutputField", options: "Options") -> Tensor:
    """Return logits, (batch, labels or ranges), or a number, (batch, 1), from hidden states, (batch, time, units)."""
    pooled = make_pool(options.pooling, options.bidirectional)(states, mask)
    if options.dropout:
        pooled = Dropout(options.dropout)(pooled)
    expected = output_field.arrays["output"]
    size = expected.size or (*expected.shape, 1)[0] or 1
    if expected.ordered:
        above = layers.Dense(size - 1, dtype="float32", name="logits")(pooled)
        return ContinuationRatios(dtype="float32", name="levels")(above)
    return layers.Dense(size, dtype="float32", name="logits")(pooled)


def loss(output_field: "OutputField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of labels, or of the likelihood of ranges; or the squared error of numbers.

    Where there may be several labels, it is the binary cross-entropy of each, on the mean. Labels may be weighted, and
    options.focal is the gamma of a focal loss; BadInput for one without labels.
    """
    expected = output_field.arrays["output"]
    if expected.independent:
        return BinaryFocalCrossEntropy(expected.weights, options.focal)
    if options.focal and not expected.size:
        raise BadInput(f"--focal {options.focal:g}: the answer is a number, and no label; leave the option out")
    if options.focal or expected.weights:
        return WeightedCrossEntropy(expected.weights, options.focal)
    if expected.size:
        return cross_entropy()
    if expected.shape:
        return keras.losses.CategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    return keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")


def decode(model: keras.Model, output_field: "OutputField", options: "Options") -> keras.Model:
    """Return a model to {"output": ...}: the best label, with its "probability"; the number; or the likelihoods.

    Labels and numbers: (batch,). The likelihood of each range of numbers: (batch, ranges). Where there may be several
    labels, how likely each is: (batch, labels).
    """
    expected = output_field.arrays["output"]
    if expected.independent:
        return keras.Model(model.input, {"output": ops.sigmoid(model.output)})
    if expected.size:
        likely = ops.softmax(model.output)
        return keras.Model(model.input, {"output": ArgMax()(model.output), "probability": ops.max(likely, axis=-1)})
    answered = ops.softmax(model.output) if expected.shape else ops.squeeze(model.output, 1)
    return keras.Model(model.input, {"output": answered})
