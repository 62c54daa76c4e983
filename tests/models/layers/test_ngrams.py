"""N-grams: counted by brute force, over words rather than hashes."""

import keras
import numpy as np
import pytest

from models.layers.ngrams import FIRST_WEIGHT, EitherOrBoth, NGrams, draw_codes, hash_ngrams, measure_ratios
from tests.models import numpy

BUCKETS, WORDS = 2**18, 10
CODES = draw_codes(WORDS, 3, BUCKETS)
TEXTS = [[5, 3, 5, 3, 7], [3, 5], [9, 9, 9, 9], [7]]
LABELS = np.array([[1, 0], [1, 0], [0, 1], [0.25, 0.75]], "float32")


def list_ngrams(words, longest):
    return {tuple(words[at : at + size]) for size in range(1, longest + 1) for at in range(len(words) - size + 1)}


def ratio_by_hand(ngram, longest):
    """Return the log-count ratio of an n-gram for each label, from the sets of n-grams."""
    known = sorted(set().union(*(list_ngrams(text, longest) for text in TEXTS)))
    having = np.array([[one in list_ngrams(text, longest) for text in TEXTS] for one in known], "float64")
    p, q = 1 + having @ LABELS, 1 + having @ (1 - LABELS)
    return np.log((p / p.sum(axis=0)) / (q / q.sum(axis=0)))[known.index(ngram)]


def pad(texts, steps):
    words = np.zeros((len(texts), steps), "int32")
    for row, text in zip(words, texts, strict=True):
        row[: len(text)] = text
    return words, np.arange(steps) < np.array([len(text) for text in texts])[:, None]


def bucket(ngram):
    return sum(int(CODES[place, word]) for place, word in enumerate(ngram)) % BUCKETS


def make_layer(longest=2, **options):
    layer = NGrams(2, WORDS, longest, BUCKETS, **options)
    layer.build((None, None), (None, None))
    texts = [np.array(text, "int32") for text in TEXTS]
    layer.ratios.assign(measure_ratios(texts, LABELS, codes=layer.codes, buckets=BUCKETS))
    return layer


def test_as_few_ngrams_share_a_bucket_as_by_chance():
    numbers = np.arange(400)
    pairs = np.stack(np.meshgrid(numbers, numbers), axis=-1).reshape(-1, 2)
    found = hash_ngrams(draw_codes(400, 2, BUCKETS)[:, pairs], 2, BUCKETS)[:, 0]
    # Of so many balls in so many urns.
    expected = BUCKETS * (1 - np.exp(-len(pairs) / BUCKETS))
    assert len(np.unique(found)) == pytest.approx(expected, rel=0.02)


def test_the_codes_are_those_of_splitmix():
    """The reference: Java's SplittableRandom, whose first two numbers after the seed 0 these are."""
    first, second = 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4
    assert draw_codes(1, 2, 2**20).tolist() == [[first % 2**20], [second % 2**20]]
    # Of a vocabulary that is extended, the first words keep theirs.
    np.testing.assert_array_equal(draw_codes(WORDS, 3, BUCKETS)[:2, :4], draw_codes(4, 2, BUCKETS))


def test_the_order_of_the_words_counts():
    assert bucket((5, 3)) != bucket((3, 5))


@pytest.mark.parametrize("ngram", [(5,), (9,), (5, 3), (9, 9), (3, 7)])
def test_ratios_are_those_of_the_texts_that_have_an_ngram(ngram):
    ratios = numpy(make_layer().ratios)
    np.testing.assert_allclose(ratios[bucket(ngram)], ratio_by_hand(ngram, 2), rtol=1e-5)


def test_an_ngram_that_no_training_text_has_counts_nothing():
    assert not numpy(make_layer().ratios)[bucket((7, 9))].any()


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_a_text_is_scored_by_its_different_ngrams_and_not_by_its_padding(longest):
    layer = make_layer(longest)
    scales = np.random.default_rng(0).normal(size=BUCKETS).astype("float32")
    layer.scales.assign(scales)
    expected = [
        sum(scales[bucket(one)] * ratio_by_hand(one, longest) for one in list_ngrams(text, longest)) for text in TEXTS
    ]
    for steps in (5, 8):
        np.testing.assert_allclose(numpy(layer(*pad(TEXTS, steps))), expected, rtol=1e-4, atol=1e-5)


def test_dropped_ngrams_are_made_up_for_on_the_mean():
    layer = make_layer(dropout=0.5)
    batch = pad([TEXTS[0]] * 400, 5)
    once, exact = numpy(layer(*batch, training=True)), numpy(layer(*batch))[0]
    assert np.abs(once - exact).max() > 0.01
    error = once.std(axis=0) / np.sqrt(len(once))
    assert (np.abs(once.mean(axis=0) - exact) < 4 * error).all()


def test_in_training_each_of_two_scores_answers_alone_for_a_third():
    one, other = np.full((3000, 2), 1.0, "float32"), np.full((3000, 2), 10.0, "float32")
    layer = EitherOrBoth()
    np.testing.assert_array_equal(numpy(layer(one, other)), np.full((3000, 2), 11.0))
    found = numpy(layer(one, other, training=True))
    assert (found[:, 0] == found[:, 1]).all()
    values, counts = np.unique(found[:, 0], return_counts=True)
    assert values.tolist() == [1, 10, 11] and (np.abs(counts - 1000) < 120).all()


def test_the_weights_learn_and_the_ratios_stay(tmp_path):
    words = keras.Input((None,), dtype="int32", name="words")
    mask = keras.Input((None,), dtype="bool", name="mask")
    layer = make_layer()
    model = keras.Model({"words": words, "mask": mask}, layer(words, mask))
    model.compile(keras.optimizers.Adam(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before, (padded, real) = numpy(layer.ratios), pad(TEXTS, 5)
    model.train_on_batch({"words": padded, "mask": real}, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(numpy(layer.ratios), before)
    changed = np.flatnonzero(numpy(layer.scales) != np.float32(FIRST_WEIGHT))
    assert set(changed) == {bucket(one) for text in TEXTS for one in list_ngrams(text, 2)}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = {"words": padded, "mask": real}
    np.testing.assert_allclose(numpy(again(inputs)), numpy(model(inputs)), rtol=1e-6)
