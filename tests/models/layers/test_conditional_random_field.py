"""A conditional random field against all paths of tags, one after the other."""

import itertools

import keras
import numpy as np
import pytest

from models.decoding.viterbi import BestPath
from models.layers.conditional_random_field import ConditionalRandomField, Marginals, PathCrossEntropy
from tests.models import numpy

TAGS = 3
LENGTHS = [5, 3, 1, 2]
MASK = np.arange(5) < np.array(LENGTHS)[:, None]
# Tag 2 begins no sentence, and does not follow tag 0.
ALLOWED = [[True, True, False], [True, True, False], [True, True, True], [True, True, True]]


def make(allowed=None):
    """Return a field with weights that are nowhere 0, and logits, (4, 5, 3)."""
    generator = np.random.default_rng(0)
    field = ConditionalRandomField(allowed)
    field.build((None, None, TAGS))
    field.set_weights([generator.normal(size=weight.shape) for weight in field.weights])
    return field, generator.normal(0, 3, (4, 5, TAGS)).astype("float32")


def score_paths(field, logits, allowed):
    """Return the score of every allowed path through the logits of one sentence, (time, tags), in float64."""
    first, last, transitions = (numpy(one).astype("float64") for one in (field.first, field.last, field.transitions))
    scores = {}
    for path in itertools.product(range(TAGS), repeat=len(logits)):
        before = [0, *(1 + tag for tag in path)]
        if allowed and not all(allowed[row][tag] for row, tag in zip(before, path, strict=False)):
            continue
        score = first[path[0]] + last[path[-1]]
        score += sum(transitions[before, tag] for before, tag in zip(path, path[1:], strict=False))
        scores[path] = score + sum(float(logits[step, tag]) for step, tag in enumerate(path))
    return scores


@pytest.mark.parametrize("allowed", [None, ALLOWED])
def test_loss_best_path_and_marginals_are_those_of_all_paths(allowed):
    field, logits = make(allowed)
    chain = field(logits, MASK)
    assert tuple(chain.shape) == (4, 5, TAGS, TAGS)
    best = numpy(BestPath(allowed)(chain, MASK))
    likely = np.exp(numpy(Marginals()(chain)))
    for row, length in enumerate(LENGTHS):
        scores = score_paths(field, logits[row, :length], allowed)
        total = np.logaddexp.reduce(list(scores.values()))
        for path, score in scores.items():
            tags = np.zeros((4, 5), "int32")
            tags[row, :length] = path
            losses = numpy(PathCrossEntropy().call(tags, chain))[row, :length]
            assert losses.sum() == pytest.approx(total - score, abs=1e-4)
        assert tuple(best[row, :length]) == max(scores, key=scores.get)
        for step, tag in itertools.product(range(length), range(TAGS)):
            share = sum(np.exp(score - total) for path, score in scores.items() if path[step] == tag)
            assert likely[row, step, tag] == pytest.approx(share, abs=1e-5)


def test_padding_changes_nothing_and_is_not_read():
    field, logits = make(ALLOWED)
    chain = numpy(field(logits, MASK))
    padded = np.pad(logits, ((0, 0), (0, 4), (0, 0)), constant_values=1e6)
    padded[:, :5][~MASK] = -1e6
    longer = numpy(field(padded, np.pad(MASK, ((0, 0), (0, 4)))))
    np.testing.assert_allclose(longer[:, :5][MASK], chain[MASK], atol=1e-5)
    assert (longer[:, :5][~MASK] == 0).all()
    assert (longer[:, 5:] == 0).all()


def test_what_is_not_allowed_is_in_no_best_path_whatever_the_logits():
    field, logits = make(ALLOWED)
    logits[:, :, 2] += 1e4
    for row, path in enumerate(numpy(BestPath(ALLOWED)(field(logits, MASK), MASK))):
        found = path[: LENGTHS[row]]
        assert all(ALLOWED[before][tag] for before, tag in zip([0, *(found + 1)], found, strict=False))


def test_a_long_sentence_has_as_exact_a_loss_as_a_short_one():
    # In float32 the sum over all paths of 3,000 steps is near 40,000, with an error of 0.004: the factors know no sum.
    field = ConditionalRandomField()
    field.build((None, None, TAGS))
    logits = np.random.default_rng(0).normal(0, 10, (1, 3000, TAGS)).astype("float32")
    tags = np.random.default_rng(1).integers(0, TAGS, (1, 3000))
    losses = numpy(PathCrossEntropy().call(tags, field(logits, np.ones((1, 3000), "bool"))))
    # Without transitions each tag is alone.
    exact = logits.astype("float64")
    expected = np.logaddexp.reduce(exact, axis=2) - np.take_along_axis(exact, tags[:, :, None], 2)[:, :, 0]
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-4)


def test_it_computes_in_float32_under_mixed_precision_and_is_restored_from_its_configuration():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        field = ConditionalRandomField(ALLOWED, dtype="float32")
    finally:
        keras.config.set_dtype_policy("float32")
    field.build((None, None, TAGS))
    assert field.compute_dtype == "float32"
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(field))
    assert again.allowed == ALLOWED
    loss = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(PathCrossEntropy()))
    assert loss.reduction == "mean_with_sample_weight"
