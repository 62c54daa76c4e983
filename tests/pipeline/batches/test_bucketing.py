from itertools import combinations

import numpy as np
import pytest

from pipeline.batches.bucketing import Batches, choose_lengths
from pipeline.fields import Array

ARRAYS = {"words": Array((None,), "int32", 1000)}
TAGS = {"output": Array((None,), "int32", 1000)}


def make(lengths, size, seed=None, outputs=True):
    """Example number i is i + 1, `lengths[i]` times."""
    words = [{"words": np.full(length, number + 1, "int32")} for number, length in enumerate(lengths)]
    tags = [{"output": example["words"]} for example in words] if outputs else None
    return Batches(words, ARRAYS, size, tags, TAGS if outputs else {}, seed)


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


@pytest.mark.parametrize("size", [1, 3, 8, 32, 100])
@pytest.mark.parametrize("seed", [None, 0, 7])
def test_every_example_is_once_among_the_real_rows_of_an_epoch(size, seed):
    lengths = draw(61, 40)
    batches = make(lengths, size, seed)
    for epoch in range(3):
        plan = batches.plan(epoch)
        real = np.concatenate([members[:count] for _, members, count in plan])
        assert sorted(real.tolist()) == list(range(61))
        assert {len(members) for _, members, _ in plan} == {min(size, 61)}
        assert all(length in batches.lengths and lengths[members].max() <= length for length, members, _ in plan)
        assert sum(count < len(members) for _, members, count in plan) <= 1
        assert all(count > 0 for *_, count in plan)


@pytest.mark.parametrize("size", [4, 32])
def test_batches_have_few_shapes_no_empty_row_and_weights_on_what_is_real(size):
    lengths = draw(50, 30)
    batches = make(lengths, size, 1)
    shapes = set()
    for length, members, real in batches.plan():
        inputs, outputs, weights = batches.draw(length, members, real)
        shapes.add(inputs["words"].shape)
        assert inputs["mask"].any(axis=1).all()
        steps = np.arange(length) < lengths[members][:, None]
        assert (inputs["mask"] == steps).all()
        assert (inputs["words"] == np.where(steps, members[:, None] + 1, 0)).all()
        assert (outputs == inputs["words"]).all()
        assert (weights == steps * (np.arange(len(members)) < real)[:, None]).all()
    assert len(shapes) <= 6


def test_the_same_seed_and_epoch_give_the_same_plan_and_others_do_not():
    lengths = draw(40, 20)

    def order(seed, epoch):
        return [members.tolist() for _, members, _ in make(lengths, 4, seed).plan(epoch)]

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)
    assert order(None, 0) == order(None, 5)


def test_prediction_draws_inputs_alone():
    batches = make([2, 1], 2, outputs=False)
    drawn = [batches.draw(*entry) for entry in batches.plan()]
    assert len(drawn) == 1 and len(drawn[0]) == 1
    assert sorted(drawn[0][0]) == ["mask", "words"]


def make_pairs(size, seed=0, count=400):
    """Outputs of lengths of their own, more or less as long as the inputs."""
    generator = np.random.default_rng(2)
    inputs = generator.integers(3, 40, count)
    outputs = np.maximum(1, (inputs * generator.normal(1, 0.3, count)).astype(int))
    sides = ([{name: np.ones(length, "int32")} for length in lengths] for name, lengths in
             (("words", inputs), ("output", outputs)))  # fmt: skip
    return Batches(next(sides), ARRAYS, size, next(sides), TAGS, seed, start=2)


def test_batches_of_two_lengths_hold_every_example_once_in_few_shapes():
    batches = make_pairs(8)
    plan = batches.plan()
    assert sorted(np.concatenate([members[:real] for _, members, real in plan]).tolist()) == list(range(400))
    shapes = set()
    for entry in plan:
        inputs, outputs, weights = batches.draw(*entry)
        assert (inputs["words"].shape[1], outputs.shape[1]) == batches.shape(*entry)
        assert inputs["previous"].shape == outputs.shape == weights.shape
        assert weights.sum() == sum(batches.output_steps[member] for member in entry[1][: entry[2]])
        shapes.add(batches.shape(*entry))
    assert len(shapes) <= len(batches.lengths) * len(batches.output_lengths)


def test_batches_of_two_lengths_are_alike_in_both():
    batches = make_pairs(8)
    padded = sum(batches.shape(*entry)[1] * len(entry[1]) for entry in batches.plan())
    mixed = make_pairs(8)
    mixed.aligned = True  # as if no output had a length of its own: not sorted by it
    longest = [mixed.output_steps[members].max() * len(members) for _, members, _ in mixed.plan()]
    assert padded < 0.92 * sum(longest)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("tokens", [1, 64, 1000, 10**6])
def test_with_a_number_of_tokens_shorter_batches_have_more_rows_and_every_example_is_there_once(seed, tokens):
    lengths = draw(300, 40)
    batches = make(lengths, 7, seed)
    batches.tokens = tokens
    plan = batches.plan()
    for length, members, real in plan:
        assert len(members) == min(max(1, tokens // length), 300) and 0 < real <= len(members)
        assert max(lengths[members]) <= length
        inputs, _, weights = batches.draw(length, members, real)
        assert inputs["words"].shape == (len(members), length) and (weights[real:] == 0).all()
    assert sorted(np.concatenate([members[:real] for _, members, real in plan])) == list(range(300))


def test_no_batch_has_more_different_values_than_are_counted():
    inputs = [{"words": np.array(words, "int32")} for words in ([2, 3, 2], [3, 4, 5], [6, 6, 6], [7, 7, 6])]
    outputs = [{"output": np.array([1, 1, 1], "int32")} for _ in inputs]
    arrays = {"words": Array((None,), "int32", 9)}, {"output": Array((None,), "int32", 3)}
    assert Batches(inputs, arrays[0], 2, outputs, arrays[1]).count_different() == 3 + 2 + 1
    assert Batches(inputs, arrays[0], 4, outputs, arrays[1]).count_different() == 3 + 2 + 2 + 1 + 1
