"""The trigram model: against the formulas, counted by dictionaries."""

import math
from collections import Counter

import numpy as np
import pytest

import tasks
from harness.options import defaults
from pipeline import trigrams
from pipeline.example import Example
from pipeline.fields.vocabulary import END_ID, START_ID, WRITTEN
from pipeline.ngrams import estimate_discounts
from pipeline.readers.running_text import Line, cut
from pipeline.suggestions import count_saved
from pipeline.trigrams import Frequencies, SavedCounter, count_trigrams

SIZE = 9
TEXTS = [np.array([START_ID, *text]) for text in ([4, 5, 6, 4, 5, 7, 4, 5, 6, 3], [5, 6, 8, 4, 5, 6, 3], [7, 4, 5, 3])]


def count_contexts(grams: Counter, order: int) -> Counter:
    """Return in how many contexts each shorter n-gram was seen; how often, after the beginning of a text."""
    found: Counter = Counter()
    for gram, count in grams.items():
        shorter = gram[1:]
        found[shorter] += count if shorter[0] == START_ID and order == 2 else 1
    return found


def interpolate(word: int, context: tuple[int, ...], orders: dict[int, Counter]) -> float:
    """Return p(word | context) as Chen and Goodman 1999 write it, equations 23 to 26, one sum at a time."""
    if not context:
        discounts = estimate_discounts(np.array(list(orders[1].values())))
        total = sum(orders[1].values())
        left = sum(discounts[min(count, 3)] for count in orders[1].values()) / total
        count = orders[1][(word,)]
        return (count - discounts[min(count, 3)]) / total + left / (SIZE - 2)
    counts = orders[len(context) + 1]
    seen = {gram: count for gram, count in counts.items() if gram[:-1] == context}
    lower = interpolate(word, context[1:], orders)
    if not seen:
        return lower
    discounts = estimate_discounts(np.array(list(counts.values())))
    total = sum(seen.values())
    left = sum(discounts[min(count, 3)] for count in seen.values()) / total
    count = seen.get((*context, word), 0)
    return (count - discounts[min(count, 3)]) / total + left * lower


def test_probabilities_are_those_of_the_formulas() -> None:
    three = Counter(
        gram
        for text in TEXTS
        for gram in zip([START_ID, *text.tolist()], text.tolist(), text[1:].tolist(), strict=False)
    )
    two = count_contexts(three, 2)
    one = count_contexts(two, 1)
    model = count_trigrams(TEXTS, SIZE)
    contexts = [(START_ID, START_ID), (START_ID, 4), (4, 5), (5, 6), (8, 8), (6, 8), (1, 1)]
    found = model.predict(contexts)
    for row, context in zip(found, contexts, strict=True):
        for word in range(1, SIZE):
            if word != START_ID:
                expected = interpolate(word, context, {3: three, 2: two, 1: one})
                assert row[word] == pytest.approx(expected, abs=1e-12)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert not found[:, [0, START_ID]].any()


def test_discounts_are_those_of_chen_and_goodman() -> None:
    # n1 = 4, n2 = 2, n3 = 1, n4 = 1, so that Y = 4 / 8.
    found = estimate_discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4]))
    assert found == pytest.approx([0, 1 - 2 * 0.5 * 2 / 4, 2 - 3 * 0.5 * 1 / 2, 3 - 4 * 0.5 * 1 / 1])
    assert estimate_discounts(np.array([5, 5])) == pytest.approx([0, 0.5, 0.5, 0.5])


def test_frequencies_are_counts_and_one() -> None:
    (row,) = Frequencies(TEXTS, SIZE).predict([(1, 1)])
    # 21 words and ends, and one more for each of the seven that there are.
    assert row[4] == pytest.approx(6 / 28)
    assert row[1] == pytest.approx(1 / 28)
    assert row.sum() == pytest.approx(1)


def test_saved_keystrokes_are_those_of_the_plain_count() -> None:
    symbols = [*WRITTEN, "a", "an", "and", "ant", "the", "then", "they", "."]
    likely = np.random.default_rng(0).random((40, len(symbols)))
    words = np.arange(40) % (len(symbols) - 1) + 1
    found = SavedCounter(symbols).count(likely, words)
    for row, word, saved in zip(likely, words, found, strict=True):
        ranked = [symbols[place] for place in np.argsort(-row) if place >= len(WRITTEN)]
        assert saved == (count_saved(symbols[word], ranked) if word >= len(WRITTEN) else 0)


def test_a_text_learned_by_heart_is_told_and_its_windows_are_one_text() -> None:
    words = tuple(f"w{number % 50}" for number in range(300))
    windows = list(cut([Line((*words, "<end>"), "a:1", begins=True)]))
    task = tasks.find()["suggest"]
    splits = {"train": windows, "test": [Example("", "w0 w1 w2 <end>", "b:1")]}
    scores = trigrams.score_trigrams(defaults(task), splits)
    assert scores["found_in_1"] == 1
    # Two letters and a blank each, all of which one key writes.
    assert scores["keystrokes_saved"] == pytest.approx(2 / 3)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["nats"]))
    assert trigrams.score_frequencies(defaults(task), splits)["perplexity"] > scores["perplexity"]
    assert END_ID not in range(len(WRITTEN), 9)
