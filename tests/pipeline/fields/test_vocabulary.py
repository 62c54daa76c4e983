"""Vocabularies: which symbols get an id, and which id."""

import random
from collections import Counter

from pipeline.fields import UNSEEN, Text, Vocabulary
from pipeline.fields.vocabulary import ALIGNED, PADDING, PADDING_ID, READ, UNKNOWN, UNKNOWN_ID, WRITTEN
from tests.pipeline.fields import fitted


def test_values_are_ordered_by_count_then_by_text_whatever_the_order_of_the_data():
    values = ["b"] * 2 + ["a"] * 2 + ["c"] * 3 + ["d"]
    for seed in range(5):
        random.Random(seed).shuffle(values)
        assert fitted(Text(20, 9), values).words == ["<padding>", "<unknown>", "c", "a", "b", "d"]


def test_values_are_cut_to_the_size_and_to_the_smallest_count():
    counts = Counter({"x": 5, "y": 2, "z": 2, "w": 1})
    for reserved in (READ, WRITTEN, ALIGNED):
        first = list(reserved)
        assert Vocabulary.build(counts, len(first) + 2, reserved=reserved).symbols == [*first, "x", "y"]
        assert Vocabulary.build(counts, min_count=2, reserved=reserved).symbols == [*first, "x", "y", "z"]
        assert Vocabulary.build(counts, reserved=reserved).symbols == [*first, "x", "y", "z", "w"]
        # One too small for the reserved symbols has these alone.
        for size in (0, 1, len(first)):
            assert Vocabulary.build(counts, size, reserved=reserved).symbols == first


def test_ids_and_symbols_belong_to_each_other():
    vocabulary = Vocabulary.build(Counter("abb"))
    assert len(vocabulary) == 4 and (vocabulary.symbols[PADDING_ID], vocabulary.symbols[UNKNOWN_ID]) == READ
    assert vocabulary.to_ids("abc") == [3, 2, UNKNOWN_ID] == [vocabulary.to_id(symbol) for symbol in "abc"]
    assert vocabulary.to_symbols([3, 2, UNKNOWN_ID, PADDING_ID]) == ["a", "b", "\ufffd", "\ufffd"]
    assert "a" in vocabulary and "c" not in vocabulary


def test_a_text_that_spells_out_a_reserved_symbol_does_not_get_its_id():
    vocabulary = Vocabulary([*READ, "a"])
    assert vocabulary.to_ids([PADDING, UNKNOWN, "a"]) == [UNKNOWN_ID, UNKNOWN_ID, 2]
    assert PADDING not in vocabulary
    # Unless the training texts have it as a symbol of theirs.
    assert Vocabulary.build(Counter([PADDING])).to_ids([PADDING]) == [2]


def test_categories_have_no_reserved_symbols_and_others_are_unseen():
    vocabulary = Vocabulary.of_categories(["O", "B", PADDING])
    assert vocabulary.to_ids(["O", "B", PADDING, "I"]) == [0, 1, 2, UNSEEN]
    assert vocabulary.to_symbols([2, 0]) == [PADDING, "O"]
