"""N-grams of any order: against the formulas, counted by dictionaries, and as states against themselves."""

from collections import Counter

import numpy as np
import pytest

from pipeline.ngrams import NGrams, estimate_discounts, find_longest_order

SIZE, START = 7, 0
# The end of a text has the number of its beginning, as in a transcript; 2 is the blank, which is never told.
TOLD = np.array([True, True, False, True, True, True, True])
TEXTS = [[3, 4, 5, 3, 4, 6, 3, 4, 5], [4, 5, 6, 3, 4, 5], [6, 3, 4], [3, 4, 5], [5, 5, 5, 6]]


def count(order: int) -> NGrams:
    texts = [np.array([START, *text, START]) for text in TEXTS]
    return NGrams.of_texts(texts, order, size=SIZE, start=START, told=TOLD)


def count_by_hand(order: int) -> dict[int, Counter]:
    """Return the counts of each order: of the highest how often, of a lower one in how many contexts."""
    found = {order: Counter[tuple[int, ...]]()}
    for text in TEXTS:
        padded = (*[START] * (order - 1), *text, START)
        found[order].update(padded[place : place + order] for place in range(len(padded) - order + 1))
    for length in range(order - 1, 0, -1):
        found[length] = Counter()
        for gram, times in found[length + 1].items():
            begins = length > 1 and gram[1] == START
            found[length][gram[1:]] += times if begins else 1
    return found


def interpolate(word: int, context: tuple[int, ...], orders: dict[int, Counter]) -> float:
    """Return p(word | context) as Chen and Goodman 1999 write it, equations 23 to 26, one sum at a time."""
    counts = orders[len(context) + 1]
    lower = interpolate(word, context[1:], orders) if context else TOLD[word] / TOLD.sum()
    seen = {gram: times for gram, times in counts.items() if gram[:-1] == context}
    if not seen:
        return lower
    discounts = estimate_discounts(np.array(list(counts.values())))
    total = sum(seen.values())
    left = sum(discounts[min(times, 3)] for times in seen.values()) / total
    times = seen.get((*context, word), 0)
    return (times - discounts[min(times, 3)]) / total + left * lower


@pytest.mark.parametrize("order", [2, 3, 4])
def test_probabilities_are_those_of_the_formulas(order: int) -> None:
    by_hand, model = count_by_hand(order), count(order)
    assert dict(zip(map(tuple, model.grams.tolist()), model.counts.tolist(), strict=True)) == by_hand[order]
    contexts = [(START, START, START), (START, START, 3), (START, 3, 4), (3, 4, 5), (6, 5, 4), (1, 1, 1), (5, 5, 5)]
    contexts = [context[-(order - 1) :] for context in contexts]
    found = model.predict(contexts)
    for row, context in zip(found, contexts, strict=True):
        expected = [interpolate(word, context, by_hand) for word in range(SIZE)]
        np.testing.assert_allclose(row, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_states_give_the_probabilities_of_the_symbols_before_them(order: int) -> None:
    model = count(order)
    automaton = model.make_automaton()
    generator = np.random.default_rng(0)
    for _ in range(30):
        state, before = automaton.first, [START] * (order - 1)
        for symbol in generator.choice([1, 3, 4, 5, 6], 8).tolist():
            (expected,) = model.predict([before])
            np.testing.assert_allclose(np.exp(automaton.log_probabilities[state])[TOLD], expected[TOLD], rtol=1e-5)
            state, before = int(automaton.after[state, symbol]), [*before[1:], symbol]


def test_a_small_automaton_forgets_the_longest_contexts_and_its_probabilities_still_add_up_to_1() -> None:
    whole = count(4).make_automaton()
    shorter = count(3).make_automaton()
    for states in (1, 5, len(shorter.after) + 2, len(whole.after)):
        small = count(4).make_automaton(states * SIZE)
        assert len(small.after) == len(small.log_probabilities) == states and small.after.max() < states
        np.testing.assert_allclose(np.exp(small.log_probabilities.astype("float64")).sum(axis=1), 1, rtol=1e-5)
        assert 0 <= small.first < states


def test_ngrams_are_as_long_as_their_numbers_fit_into_63_bits() -> None:
    found = {size: find_longest_order(size) for size in (2, 30, 6_208, 6_209, 50_000, 2_000_000)}
    assert found == {2: 62, 30: 12, 6_208: 5, 6_209: 4, 50_000: 4, 2_000_000: 3}
