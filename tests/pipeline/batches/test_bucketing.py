from dataclasses import replace

import numpy as np
import pytest

from pipeline.batches.bucketing import Batches
from pipeline.batches.lengths import Lengths
from pipeline.errors import BadInput
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


def test_a_curriculum_begins_with_the_shortest_and_ends_with_all():
    lengths = draw(100, 40)
    batches = replace(make(lengths, 10, 3), curriculum=4)
    longest = []
    for epoch in range(5):
        plan = batches.plan(epoch)
        drawn = np.concatenate([members for _, members, _ in plan])
        # As many steps in each epoch, all of them with examples that are real.
        assert len(plan) == 10 and all(real == 10 for *_, real in plan)
        # The shortest fifth, two fifths and so on; those of one length stay together.
        most = np.sort(lengths)[-(-(epoch + 1) * 99 // 5)]
        assert set(drawn) == set(np.flatnonzero(lengths <= most))
        longest.append(lengths[drawn].max())
    assert longest == sorted(longest) and longest[0] < longest[-1] == lengths.max()
    assert sorted(drawn) == list(range(100))
    # What is compiled, counted and scheduled is that of all examples.
    assert [entry[0] for entry in batches.plan()] == [entry[0] for entry in batches.plan(4)]


def test_a_curriculum_of_one_length_and_one_without_an_order_draw_all():
    for batches in (make([7] * 30, 10, 3), make(draw(30, 9), 10)):
        for epoch in range(2):
            plan = replace(batches, curriculum=3).plan(epoch)
            assert sorted(np.concatenate([members for _, members, _ in plan])) == list(range(30))


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


@pytest.mark.parametrize("pairs", [False, True])
def test_training_on_the_lengths_of_a_run_pads_its_batches_and_changes_nothing_else(pairs):
    batches = make_pairs(8) if pairs else make(draw(61, 40), 8, seed=3)
    known = Lengths((batches.lengths[2], batches.lengths[-1]), (batches.output_lengths[-1],) if pairs else ())
    further = replace(batches, known=known)
    for one, other in zip(batches.plan(1), further.plan(1), strict=True):
        assert one[1].tolist() == other[1].tolist() and one[2] == other[2]
        lengths = batches.shape(*one)[0], further.shape(*other)[0]
        assert lengths[1] == min(length for length in known.inputs if length >= lengths[0])
        drawn = [batch.draw(*entry) for batch, entry in ((batches, one), (further, other))]
        assert drawn[1][0]["words"].sum() == drawn[0][0]["words"].sum()
        assert drawn[1][2].sum() == drawn[0][2].sum()
    if pairs:
        assert {further.shape(*entry)[1] for entry in further.plan()} == {known.outputs[0]}


def test_batches_to_answer_have_the_lengths_of_the_run_longer_ones_where_needed_and_few_numbers_of_rows():
    shapes = set()
    for lengths in ([3], [9, 2], [12, 7, 5], [1, 1, 2, 9], [4] * 40):
        for entry in replace(make(lengths, 32, outputs=False), known=Lengths((5, 12))).plan():
            assert entry[0] >= max(lengths[member] for member in entry[1])
            shapes.add((entry[0], len(entry[1])))
    assert shapes == {(5, 1), (12, 2), (12, 4), (5, 32)}
    longer = replace(make([20, 3], 32, outputs=False), known=Lengths((5, 12)))
    assert [entry[0] for entry in longer.plan()] == [20]


def test_a_few_short_inputs_to_answer_are_not_padded_to_the_longest():
    known = Lengths((5, 12, 40))
    for lengths, padded in (([3, 4, 2], 5), ([3, 9, 2], 12), ([3], 5), ([3, 40, 2], 40)):
        assert [entry[0] for entry in replace(make(lengths, 32, outputs=False), known=known).plan()] == [padded]


def test_an_epoch_has_examples_of_its_own_and_those_that_are_too_long_stay_as_they_are():
    usual = [{"words": np.arange(1, 1 + length)} for length in (3, 5, 4)]
    asked = [{"output": np.array([1, 2])}] * 3

    def resample(epoch):
        return [{"words": np.full(2 * epoch + place, 7)} for place in range(3)], asked

    arrays = {"words": Array((None,), "int32", 9)}, {"output": Array((None,), "int32", 3)}
    batches = Batches(usual, arrays[0], 3, asked, arrays[1], seed=0, known=Lengths((5,), (2,)), resample=resample)
    assert batches.at(1).steps.tolist() == [2, 3, 4]
    # Of 4, 5 and 6 steps the last would need another program.
    assert batches.at(2).steps.tolist() == [4, 5, 4]
    assert {length for length, _, _ in batches.at(2).plan(2)} == {5}
    assert batches.count_different() == 1 + 9
    with pytest.raises(BadInput, match="--batch-tokens: with --subword-sampling"):
        Batches(usual, arrays[0], 3, asked, arrays[1], seed=0, tokens=20, resample=resample)
