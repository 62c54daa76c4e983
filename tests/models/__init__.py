"""Small fields, batches and random weights for the models under test."""

import dataclasses

import keras
import numpy as np

from harness.options import Options
from pipeline.batches.padding import pad
from pipeline.fields import Tags, Text, Tokens

CELLS = ("simple", "lstm", "gru")
# Those beyond Keras' own; see test_whole.py.
NEW = ("indrnn", "mingru", "minlstm", "lru", "bag", "dnn")
# Of different lengths, none of them the padded one.
SENTENCES = [("Ann", "sees", "Oslo"), ("Bob",), ("Ann", "Bob", "sees", "Ann", "Oslo")]
TAGS = [("B-P", "O", "B-L"), ("B-P",), ("B-P", "I-P", "O", "B-P", "B-L")]

SMALL = Options(units=4, embedding_size=5, dropout=0.0, pooling="max+mean", max_length=20, vocabulary=20, min_count=1)


def options(**changes):
    return dataclasses.replace(SMALL, **changes)


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
