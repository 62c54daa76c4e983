from itertools import combinations

import numpy as np
import pytest

from pipeline.batches.lengths import STEPS_TO_COMPILE, Lengths, choose_lengths, merge_lengths, suit_lengths


def draw(count, longest, seed=0):
    return np.random.default_rng(seed).integers(1, longest + 1, count)


def padded_total(lengths, chosen):
    return sum(min(length for length in chosen if length >= step) for step in lengths)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_chosen_lengths_pad_no_more_than_any_other_choice(seed, count):
    lengths = draw(25, 9 if seed % 2 else 60, seed)
    values = sorted(set(lengths.tolist()))[:-1]
    if len(values) > 12:  # brute force stays small
        lengths = np.array([length for length in lengths if length in values[:9]])
        values = sorted(set(lengths.tolist()))[:-1]
    longest = int(lengths.max())
    best = min(
        padded_total(lengths, [*some, longest])
        for size in range(min(count, len(values) + 1))
        for some in combinations(values, size)
    )
    chosen = choose_lengths(lengths, count)
    assert chosen == sorted(set(chosen)) and chosen[-1] == longest and len(chosen) <= count
    assert padded_total(lengths, chosen) == best


def test_chosen_lengths_of_long_texts_cover_all_and_stay_few():
    lengths = draw(500, 1999)
    chosen = choose_lengths(lengths)
    assert len(chosen) == 6 and chosen[-1] == lengths.max()
    # At most one grain of 32 steps worse than without rounding.
    even = np.linspace(0, lengths.max(), 7)[1:]
    assert padded_total(lengths, chosen) <= padded_total(lengths, even)
    assert choose_lengths([5, 5, 5]) == [5]


# 90 batches of 10 time steps and 10 of 100: 19 on the mean.
SKEWED = {(10, 10): 90, (100, 100): 10}


def test_a_short_training_has_one_length_and_a_long_one_all_that_save_more_than_their_compilation():
    found = Lengths((10, 100))
    # One length: 100 batches of 100 steps in place of 1,900 steps, 426 training steps more per epoch.
    more = (100 * 100 / 1900 - 1) * 100
    enough = STEPS_TO_COMPILE / more
    for epochs in range(1, 10):
        chosen = merge_lengths(found, SKEWED, epochs)
        assert chosen.inputs == ((10, 100) if epochs > enough else (100,))
    assert merge_lengths(Lengths((10, 100)), {(10, 10): 1, (100, 100): 10}, 1).inputs == (100,)


def test_inputs_and_outputs_are_merged_together_for_each_pair_of_lengths_is_a_program():
    found = Lengths((10, 20), (5, 50))
    batches = {(10, 5): 100, (10, 50): 1, (20, 5): 1, (20, 50): 100}
    # With the inputs merged, two programs are left of four, and little more is padded.
    chosen = merge_lengths(found, batches, 1)
    assert chosen == Lengths((20,), (5, 50))
    assert merge_lengths(found, batches, 1000) == found
    assert merge_lengths(found, dict.fromkeys(batches, 1), 1) == Lengths((20,), (50,))


def test_many_examples_to_answer_get_lengths_of_their_own_and_few_those_that_there_are_programs_for():
    lengths = np.array([3] * 90 + [40] * 10)
    assert suit_lengths((40,), lengths, batches=4) == [40]
    assert suit_lengths((40,), lengths, batches=1000) == [3, 40]
    assert suit_lengths((20,), lengths, batches=4) == [20, 40]
