"""Several models that write together, against what their training passes say of every sequence."""

from itertools import product

import keras
import numpy as np
import pytest

from models import encoder_decoder
from models.decoding.ensemble import combine_writers
from pipeline.fields import SourceText, TargetText
from tests.models import encode, fit, numpy, options, randomize

TEXTS, LONGEST = ["a b", "b c c", "a"], 2


def build(*kinds):
    reading, writing = fit(SourceText("word", 30), TEXTS), fit(TargetText("word", 30), ["x y", "y"])
    writing.longest = LONGEST
    given = [options(cell=cell, attention=attention, units=units) for cell, attention, units in kinds]
    models = [randomize(encoder_decoder.build(reading, writing, one), seed) for seed, one in enumerate(given)]
    return reading, writing, models, given[0]


def score_all(models, inputs, sequences):
    """Return the mean log-probability of each symbol by the models, normalised: (inputs, sequences, LONGEST, size)."""
    rows = len(inputs["words"])
    previous = np.concatenate([np.full((len(sequences), 1), 2), sequences[:, :-1]], axis=1).astype("int32")
    given = {name: np.repeat(array, len(sequences), axis=0) for name, array in inputs.items()}
    given["previous"] = np.tile(previous, (rows, 1))
    each = [numpy(model(given)).astype("float64") for model in models]
    mean = sum(one - np.log(np.exp(one).sum(-1, keepdims=True)) for one in each) / len(each)
    mean -= np.log(np.exp(mean).sum(-1, keepdims=True))
    return mean.reshape(rows, len(sequences), LONGEST, -1)


@pytest.mark.parametrize(
    "kinds",
    [
        [("gru", "luong", 4), ("lstm", "bahdanau", 5)],
        [("gru", "none", 4), ("simple", "luong", 6)],
    ],
)
def test_a_beam_of_all_sequences_ranks_them_by_the_mean_log_probability_of_each_symbol(kinds):
    reading, writing, models, given = build(*kinds)
    size = len(writing.symbols)
    every = {row[: row.index(3) + 1] if 3 in row else row for row in product(range(size), repeat=LONGEST)}
    sequences = np.array([[*row, *[0] * (LONGEST - len(row))] for row in every])
    inputs = encode(reading, TEXTS, 3)
    scores = score_all(models, inputs, sequences)
    steps = np.take_along_axis(scores, sequences[None, :, :, None], axis=3)[..., 0]
    length = np.array([len(row) for row in every])
    likely = (steps * (np.arange(LONGEST) < length[:, None])).sum(axis=2)
    together = combine_writers(models)
    search = encoder_decoder.decode(together, writing, given.replace(beam=len(sequences), length_penalty=0.0))
    found = {name: numpy(array) for name, array in search(inputs).items()}
    for row, chances in enumerate(likely):
        ranked = (-chances).argsort()
        np.testing.assert_array_equal(found["hypotheses"][row, :20], sequences[ranked[:20]])
        np.testing.assert_allclose(found["log_probabilities"][row], chances[ranked], rtol=1e-4, atol=1e-4)
    # Its training pass says the same, and so does greedy search by its first symbol.
    taught = numpy(together({**inputs, "previous": np.full((3, 1), 2, "int32")}))[:, 0]
    taught = taught - np.log(np.exp(taught).sum(-1, keepdims=True))
    np.testing.assert_allclose(taught, scores[:, 0, 0], atol=1e-5)
    greedy = numpy(encoder_decoder.decode(together, writing, given)(inputs)["output"])
    np.testing.assert_array_equal(greedy[:, 0], taught.argmax(axis=1))


def test_one_model_with_itself_writes_what_it_writes_alone_and_looks_where_it_looks():
    reading, writing, models, given = build(("gru", "luong", 4))
    inputs = encode(reading, TEXTS, 3)
    alone = encoder_decoder.decode(models[0], writing, given.replace(beam=3))(inputs)
    again = keras.models.clone_model(models[0])
    again.set_weights(models[0].get_weights())
    twice = encoder_decoder.decode(combine_writers([models[0], again]), writing, given.replace(beam=3))(inputs)
    for name, array in alone.items():
        np.testing.assert_allclose(numpy(twice[name]), numpy(array), rtol=1e-4, atol=1e-5)
