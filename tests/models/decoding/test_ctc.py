from itertools import groupby, product

import keras
import numpy as np
import pytest

from models.decoding.ctc import CTC, CertainBlank, collapse, measure_lengths, search_prefixes
from models.decoding.fusion import Fusion
from models.decoding.viterbi import FORBIDDEN
from pipeline.ngrams import NGrams
from tests.models import numpy

# Numbers as a Transcript has them: padding, unknown, blank, three characters.
BLANK, SYMBOLS = 2, 6


def draw(seed, rows=3, steps=5, lengths=(5, 3, 4)):
    """Return logits as a model gives them, (rows, steps, symbols), and the true lengths."""
    logits = np.random.default_rng(seed).normal(scale=2, size=(rows, steps, SYMBOLS)).astype("float32")
    return numpy(CertainBlank(BLANK)(logits, np.arange(steps) < np.array(lengths)[:, None])), np.array(lengths)


def spell(alignment):
    return tuple(symbol for symbol, _ in groupby(alignment) if symbol != BLANK)


def probabilities(logits):
    """Return the probability of every text, by going through all alignments of (steps, symbols)."""
    waves = np.exp(logits.astype("float64") - logits.max(axis=1, keepdims=True))
    each = waves / waves.sum(axis=1, keepdims=True)
    texts = {}
    for alignment in product(range(1, SYMBOLS), repeat=len(logits)):
        chance = np.prod([each[step, symbol] for step, symbol in enumerate(alignment)])
        texts[spell(alignment)] = texts.get(spell(alignment), 0.0) + chance
    return texts


def pad(texts, length):
    return np.array([[*text, *[0] * (length - len(text))] for text in texts], "int32")


def losses(texts, logits):
    return numpy(CTC(BLANK, padding=0).call(texts, logits))


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_sum_over_all_alignments(seed):
    logits, lengths = draw(seed)
    every = [probabilities(row[:length]) for row, length in zip(logits, lengths, strict=True)]
    assert all(sum(texts.values()) == pytest.approx(1) for texts in every)
    for texts in ([(3,), (4, 5), (5, 5)], [(3, 4, 3), (3, 3), (1,)], [(4, 4, 5), (5, 4, 3), (3, 4, 5, 4)]):
        expected = [-np.log(found[text]) for found, text in zip(every, texts, strict=True)]
        np.testing.assert_allclose(losses(pad(texts, 4), logits), expected, rtol=1e-4)


def test_padding_of_frames_or_of_the_text_changes_no_loss():
    texts = [(3, 4, 3), (3, 3), (1, 5)]
    logits, lengths = draw(0)
    alone = losses(pad(texts, 3), logits)
    longer = np.concatenate([logits, np.full((3, 4, SYMBOLS), 7.0, "float32")], axis=1)
    padded = numpy(CertainBlank(BLANK)(longer, np.arange(9) < lengths[:, None]))
    assert numpy(measure_lengths(padded, BLANK)).tolist() == lengths.tolist() == [5, 3, 4]
    np.testing.assert_allclose(losses(pad(texts, 8), padded), alone, rtol=1e-5)


def test_the_loss_is_averaged_over_the_rows_that_count():
    texts, (logits, _) = pad([(3, 4), (3,), (5,)], 2), draw(1)
    each = losses(texts, logits)
    assert float(CTC(BLANK, padding=0)(texts, logits, np.array([1.0, 1.0, 0.0], "float32"))) == pytest.approx(
        each[:2].mean()
    )


def test_on_the_padding_the_blank_is_certain_and_padding_is_never_given():
    logits, lengths = draw(2)
    chance = numpy(keras.ops.softmax(logits))
    assert (chance[:, :, 0] == 0).all()
    for row, length in zip(chance, lengths, strict=True):
        assert (row[length:, BLANK] == 1).all() and (row[:length, BLANK] < 1).all()


def spelt(symbols):
    return tuple(int(symbol) for symbol in numpy(symbols) if symbol)


def test_the_likeliest_symbols_spell_what_they_do_by_hand():
    logits = draw(3, rows=40, steps=12, lengths=[12] * 40)[0]
    by_hand = [spell(row) for row in logits.argmax(axis=2).tolist()]
    assert [spelt(row) for row in collapse(logits, BLANK, padding=0)] == by_hand
    certain = np.eye(SYMBOLS)[[[3, 3, 2, 3, 4, 4, 2, 2, 5]]]
    assert spelt(collapse(certain, BLANK, padding=0)[0]) == (3, 3, 4, 5)


def search(logits, width):
    """Return the likeliest text of each row, and all texts with their log-probabilities."""
    texts, likely = map(numpy, search_prefixes(logits, BLANK, width=width, padding=0))
    assert (np.diff(likely, axis=1) <= 0).all()
    return texts[:, 0], texts, likely


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_of_all_texts(seed):
    logits, lengths = draw(seed)
    found, texts, likely = search(logits, 200)
    for row, length, text, ranked, chances in zip(logits, lengths, found, texts, likely, strict=True):
        every = probabilities(row[:length])
        assert every[spelt(text)] == pytest.approx(max(every.values()))
        assert not text[len(spelt(text)) :].any()
        # The next after it, and how likely each is.
        best = sorted(every.values(), reverse=True)[:5]
        assert [every[spelt(other)] for other in ranked[:5]] == pytest.approx(best)
        np.testing.assert_allclose(np.exp(chances[:5]), best, rtol=1e-4)


def test_where_there_are_fewer_texts_than_the_beam_is_wide_the_others_have_no_probability():
    likely = search(draw(0, rows=1, steps=1, lengths=[1])[0], 20)[2]
    # The empty text, and each of four symbols; of padding nothing is spelt.
    assert (likely[0] > FORBIDDEN / 2).sum() == 5


def test_a_beam_adds_up_alignments_where_the_likeliest_symbols_do_not():
    # Of two steps: the blank twice is likeliest, 0.36, and yet the text of one 3 has 0.64 (Graves et al. 2006, fig. 2).
    logits = np.log(np.array([[[1e-9, 1e-9, 0.6, 0.4, 1e-9, 1e-9]] * 2]))
    assert spelt(collapse(logits, BLANK, padding=0)[0]) == ()
    assert spelt(search(logits, 4)[0][0]) == (3,)


def test_a_narrow_beam_is_never_likelier_than_a_wide_one_and_padding_changes_nothing():
    logits, lengths = draw(7, rows=3, steps=6, lengths=(6, 4, 5))
    for width in (2, 5):
        found = search(logits, width)[0]
        longer = np.concatenate([logits, np.zeros((3, 5, SYMBOLS), "float32")], axis=1)
        padded = numpy(CertainBlank(BLANK)(longer, np.arange(11) < lengths[:, None]))
        np.testing.assert_array_equal(search(padded, width)[0][:, :6], found)
        for row, length, text in zip(logits, lengths, found, strict=True):
            every = probabilities(row[:length])
            assert 0 < every[spelt(text)] <= max(every.values()) + 1e-9


def fuse(weight, bonus):
    """Return trigrams of three symbols, 0 before and after each text, as a beam adds them; and their probabilities."""
    told = np.arange(SYMBOLS) != BLANK
    texts = [np.array([0, *text, 0]) for text in ([3, 4, 5], [4, 3], [3, 4, 3, 4], [5, 5, 4], [3])]
    counted = NGrams.of_texts(texts, 3, size=SYMBOLS, start=0, told=told)
    # 4 is the space.
    automaton = counted.make_automaton()
    return Fusion.of_automaton(automaton, end=0, separators=[4], weight=weight, bonus=bonus), counted


def speak(text, counted):
    """Return the logarithm of a text's probability, and how many words it has, by hand."""
    padded = [0, 0, *text, 0]
    likely = [counted.predict([padded[place - 2 : place]])[0, padded[place]] for place in range(2, len(padded))]
    return np.log(likely).sum(), len("".join(" " if symbol == 4 else "x" for symbol in text).split())


@pytest.mark.parametrize("weight, bonus", [(0.0, 0.0), (0.7, 0.0), (1.5, 1.0), (0.0, -2.0)])
def test_with_a_language_model_a_wide_beam_finds_the_best_of_all_texts(weight, bonus):
    logits, lengths = draw(11)
    fusion, counted = fuse(weight, bonus)
    texts, scores = map(numpy, search_prefixes(logits, BLANK, width=200, padding=0, fusion=fusion))
    for row, length, ranked, found in zip(logits, lengths, texts, scores, strict=True):
        every = {}
        for text, heard in probabilities(row[:length]).items():
            said, words = speak(text, counted)
            every[text] = np.log(heard) + weight * said + bonus * words
        best = sorted(every.values(), reverse=True)[:8]
        assert [every[spelt(text)] for text in ranked[:8]] == pytest.approx(best, abs=1e-3)
        np.testing.assert_allclose(found[:8], best, atol=1e-3)


def test_a_narrow_beam_with_a_language_model_gives_the_score_of_what_it_found_at_most():
    logits, lengths = draw(12, steps=6, lengths=(6, 4, 5))
    fusion, counted = fuse(1.0, 0.5)
    texts, scores = map(numpy, search_prefixes(logits, BLANK, width=2, padding=0, fusion=fusion))
    for row, length, text, score in zip(logits, lengths, texts[:, 0], scores[:, 0], strict=True):
        said, words = speak(spelt(text), counted)
        whole = np.log(probabilities(row[:length])[spelt(text)]) + said + 0.5 * words
        assert score <= whole + 1e-3
