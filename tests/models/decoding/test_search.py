from itertools import product

import keras
import numpy as np
import pytest

from models.decoding.search import BLOCK, find_highest, find_likeliest
from models.decoding.viterbi import FORBIDDEN, BestPath, viterbi
from pipeline.fields import Tags
from tests.models import fit, numpy


def best_of_all(scores, length, first, transitions):
    def total(path):
        steps = sum(scores[step, tag] for step, tag in enumerate(path))
        return first[path[0]] + steps + sum(transitions[a, b] for a, b in zip(path, path[1:], strict=False))

    return max(product(range(scores.shape[1]), repeat=length), key=total)


def draw(seed, rows=4, steps=5, tags=3):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(rows, steps, tags)).astype("float32")
    lengths = generator.integers(1, steps + 1, rows)
    lengths[0] = steps
    mask = np.arange(steps) < lengths[:, None]
    first, transitions = generator.normal(size=tags), generator.normal(size=(tags, tags))
    return scores, lengths, mask, first.astype("float32"), transitions.astype("float32")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("forbidden", [0.0, 0.4])
def test_path_is_the_best_of_all_paths(seed, forbidden):
    scores, lengths, mask, first, transitions = draw(seed)
    refused = np.random.default_rng(seed + 100).random(transitions.shape) < forbidden
    np.fill_diagonal(refused, False)
    transitions = np.where(refused, FORBIDDEN, transitions).astype("float32")
    path = numpy(viterbi(scores, mask, first, transitions))
    for row, length in enumerate(lengths):
        assert tuple(path[row, :length]) == best_of_all(scores[row], length, first, transitions)
        assert (path[row, length:] == path[row, length - 1]).all()


def test_padding_changes_no_path():
    scores, _, mask, first, transitions = draw(9)
    short = numpy(viterbi(scores, mask, first, transitions))
    more = ((0, 0), (0, 4))
    padded = np.pad(scores, (*more, (0, 0)), constant_values=50.0)
    long = numpy(viterbi(padded, np.pad(mask, more), first, transitions))
    np.testing.assert_array_equal(long[:, :5][mask], short[mask])


def test_a_single_step_takes_the_best_first_tag():
    scores = np.array([[[1.0, 2.0]], [[5.0, 2.0]]], "float32")
    mask = np.ones((2, 1), "bool")
    path = numpy(viterbi(scores, mask, np.array([0.0, 1.5], "float32"), np.zeros((2, 2), "float32")))
    assert path.tolist() == [[1], [0]]


def test_a_path_of_span_tags_is_always_valid_and_as_scored_where_that_is_valid_already():
    tags = fit(Tags(spans=True), [("B-X", "B-Y", "O")])
    allowed = tags.transitions
    scores = np.random.default_rng(0).normal(size=(40, 8, 5)).astype("float32")
    mask = np.arange(8) < np.random.default_rng(1).integers(1, 9, 40)[:, None]
    path = numpy(BestPath(allowed.tolist())(scores, mask))
    kept = 0
    for row, (found, real) in enumerate(zip(path, mask, strict=True)):
        found, free = found[real], scores[row, real].argmax(axis=1)
        steps = list(zip([0, *(found + 1)], found, strict=False))
        assert all(allowed[before, after] for before, after in steps)
        if all(allowed[before, after] for before, after in zip([0, *(free + 1)], free, strict=False)):
            assert (found == free).all()
            kept += 1
    assert 0 < kept < 40


def test_best_path_layer_is_restored_from_its_configuration():
    layer = BestPath([[True, False], [True, True], [False, True]])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.allowed == layer.allowed


@pytest.mark.parametrize(("size", "count"), [(1, 1), (7, 7), (BLOCK * 3, 2), (BLOCK * 5 + 1, 5), (BLOCK * 9 - 1, 1)])
def test_the_likeliest_are_those_of_a_sort(size, count):
    scores = np.random.default_rng(0).normal(size=(20, size)).astype("float32") - 5
    # In one block, or one in the last.
    scores[0, :count] += 20
    scores[1, -1] += 20
    found, places = map(numpy, find_likeliest(scores, count))
    np.testing.assert_array_equal(places, np.argsort(-scores, axis=1)[:, :count])
    np.testing.assert_array_equal(found, np.take_along_axis(scores, places, axis=1))


def test_the_highest_is_the_first_of_equals():
    scores = np.random.default_rng(0).integers(0, 4, size=(50, 30)).astype("float32")
    highest, place = map(numpy, find_highest(scores))
    np.testing.assert_array_equal(highest, scores.max(axis=1))
    np.testing.assert_array_equal(place, scores.argmax(axis=1))
