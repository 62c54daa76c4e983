"""Small fields, batches and random weights for the models under test."""

import os

import keras
import numpy as np
import pytest

from models.cells import CELLS as TABLE
from models.families import CAPTIONER, CLASSIFIER, ENCODER_DECODER, GENERATOR, TAGGER, TRANSCRIBER
from pipeline.batches.padding import pad
from pipeline.fields import Tags, Text, Tokens, Transcript
from pipeline.option import declared, make_options

CELLS = ("simple", "lstm", "gru")
# Those beyond Keras' own; see test_whole.py.
NEW = ("indrnn", "mingru", "minlstm", "lru", "delta", "bag", "dnn")
# Those whose inputs are multiplied for all steps at once; see cells/test_projected_rnn.py.
PROJECTED = ("irnn", "peephole", "lnlstm", "lngru", "slstm")
# Of different lengths, none of them the padded one.
SENTENCES = [("Ann", "sees", "Oslo"), ("Bob",), ("Ann", "Bob", "sees", "Ann", "Oslo")]
TAGS = [("B-P", "O", "B-L"), ("B-P",), ("B-P", "I-P", "O", "B-P", "B-L")]

FAMILIES = (TAGGER, CLASSIFIER, ENCODER_DECODER, CAPTIONER, TRANSCRIBER, GENERATOR)
# Those of all families, of the cells, and of the fields that models are told of.
KINDS = [cell.options for cell in TABLE.values() if cell.options]
PARTS = (Transcript, Text, *KINDS, *(family.options for family in FAMILIES))
DECLARED = {one.name: one for part in PARTS for one in declared(part, "model").values()}
SMALL = make_options("small", tuple(DECLARED.values()))(
    units=4, embedding_size=5, dropout=0.0, pooling="max+mean", max_length=20
)


def options(**changes):
    return SMALL.replace(**changes)


def remembering(cell, steps):
    """Return the options of a cell that begins by remembering so many steps; None for one that has no options."""
    kind = TABLE[cell].options
    return kind(chrono=steps) if kind else None


def skip_uncompiled(reason):
    """Skip what needs a C++ compiler; fail in CI, which has one."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has a C++ compiler, and {reason}")
    pytest.skip(reason, allow_module_level=True)


def numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def random_inputs(lengths, steps, features, seed=0):
    """Return (batch, steps, features) of noise, padding too, and the mask of these lengths."""
    noise = np.random.default_rng(seed).normal(size=(len(lengths), steps, features)).astype("float32")
    return noise, np.arange(steps) < np.array(lengths)[:, None]


def randomize(model, seed=0):
    """Give a model weights that are nowhere 0, biases too."""
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def fit(field, values):
    field.fit(values)
    return field


def sentence_fields():
    return fit(Tokens(20, 20, 1, 6), SENTENCES), fit(Tags(spans=True), TAGS)


def text_field():
    return fit(Text(20, 20), [" ".join(sentence) for sentence in SENTENCES])


def encode(field, values, steps):
    return pad([field.encode(value) for value in values], field.arrays, steps)
