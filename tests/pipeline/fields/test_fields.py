import json
import random

import numpy as np
import pytest
from scipy import stats

from pipeline.errors import BadInput
from pipeline.fields import UNSEEN, Histogram, Label, Number, Tags, Text, Tokens, index_values, restore, save, tokenize


def fitted(field, values):
    field.fit(values)
    return field


def test_values_are_ordered_by_count_then_by_text_whatever_the_order_of_the_data():
    values = ["b"] * 2 + ["a"] * 2 + ["c"] * 3 + ["d"]
    for seed in range(5):
        random.Random(seed).shuffle(values)
        assert fitted(Text(20, 9), values).words == ["<padding>", "<unknown>", "c", "a", "b", "d"]


def test_values_are_cut_to_the_size_and_to_the_smallest_count():
    from collections import Counter

    counts = Counter({"x": 5, "y": 2, "z": 2, "w": 1})
    assert index_values(counts, size=2) == ["x", "y"]
    assert index_values(counts, min_count=2) == ["x", "y", "z"]
    assert index_values(counts, size=0) == []


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Don't STOP, it's U.S.-made!", ["don't", "stop", ",", "it's", "u", ".", "s", ".", "-", "made", "!"]),
        ("one<br /><br />two", ["one", "two"]),
        ("a <score> film", ["a", "<score>", "film"]),
        ("well-known  ’tis can’t", ["well-known", "’", "tis", "can’t"]),
        ("Ünïcode 日本 😀👍", ["ünïcode", "日本", "😀", "👍"]),
        (" \t\n", []),
    ],
)
def test_text_is_split_into_lower_case_words_and_marks(text, tokens):
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Ann's dog isn't here.", ["Ann's", "dog", "isn't", "here", "."]),
        ("It costs 3.5 euros, not 1,000!", ["It", "costs", "3.5", "euros", ",", "not", "1", ",", "000", "!"]),
        ("the U.S. army", ["the", "U.S.", "army"]),
        ("https://a.org/b?c=1", ["https", ":", "/", "/", "a.org", "/", "b", "?", "c", "=", "1"]),
        ("wow😀ok", ["wow", "😀", "ok"]),
        ("Kadıköy'de İstanbul", ["Kadıköy'de", "İstanbul"]),
        ("", []),
    ],
)
def test_a_typed_sentence_is_split_and_keeps_its_capitals(text, tokens):
    assert Tokens(9, 9).parse(text) == tuple(tokens)


def test_unknown_words_are_1_and_0_is_never_given_to_a_word():
    text = fitted(Text(4, 9), ["b b a a c"])
    assert text.words == ["<padding>", "<unknown>", "a", "b"]
    assert text.encode("a C b ?")["words"].tolist() == [2, 1, 3, 1]
    assert text.encode("<padding> <unknown>")["words"].tolist() == [1, 1]
    spelled = fitted(Tokens(9, 9), [("a", "<padding>")])
    assert spelled.encode(("<Padding>", "<unknown>", "a"))["words"].tolist() == [2, 1, 3]


@pytest.mark.parametrize("limit, kept", [(1, "e"), (2, "ae"), (3, "ade"), (4, "abde"), (5, "abcde"), (6, "abcde")])
def test_a_long_text_keeps_its_two_ends(limit, kept):
    text = fitted(Text(99, limit), ["a b c d e"])
    assert [text.words[number] for number in text.encode("a b c d e")["words"]] == list(kept)


def test_text_without_a_word_or_of_another_type_is_refused():
    text = fitted(Text(9, 9), ["a"])
    for wrong in ("", "  \n", None, 3, ("a",)):
        with pytest.raises(BadInput):
            text.encode(wrong)


def test_tokens_are_looked_up_lower_cased_and_spelled_with_capitals():
    field = fitted(Tokens(9, 9, min_count=2, width=4), [("Ab", "ab", "c"), ("abcdefg",)])
    assert field.words == ["<padding>", "<unknown>", "ab"]
    encoded = field.encode(("AB", "c", "abcdefg", "ğ"))
    assert encoded["words"].tolist() == [2, 1, 1, 1]
    spelled = [[field.characters[number] for number in row] for row in encoded["characters"]]
    empty, unknown = "<padding>", "<unknown>"
    assert spelled == [
        ["A", unknown, empty, empty],
        ["c", empty, empty, empty],
        ["a", "b", "f", "g"],
        [unknown, empty, empty, empty],
    ]
    assert {array.dtype.name for array in encoded.values()} == {"int32"}


def test_sentences_that_are_empty_or_too_long_are_refused():
    field = fitted(Tokens(9, 2), [("a", "b", "c")])
    with pytest.raises(BadInput, match="no token"):
        field.encode(())
    with pytest.raises(BadInput, match=r"'a b c' has 3 tokens.*2 are allowed.*--max-length"):
        field.encode(("a", "b", "c"))


def test_tags_round_trip_and_one_that_training_has_not_is_unseen():
    tags = fitted(Tags(), [("VERB", "NOUN"), ("ADJ", "NOUN")])
    assert tags.tags == ["ADJ", "NOUN", "VERB"]
    assert tags.transitions is None
    numbers = tags.encode(("NOUN", "ADJ"))["output"]
    assert numbers.tolist() == [1, 0]
    assert tags.decode(numbers) == ("NOUN", "ADJ")
    assert tags.find_unseen(("NOUN", "NOUM", "NOUM")) == {"NOUM"}
    assert tags.encode(("NOUM", "ADJ"))["output"].tolist() == [UNSEEN, 0]


def test_span_tags_know_both_letters_of_each_type_and_which_may_follow_which():
    tags = fitted(Tags(spans=True), [("B-X", "O"), ("B-Y", "I-Y")])
    assert tags.tags == ["B-X", "B-Y", "I-X", "I-Y", "O"]
    assert tags.transitions.astype(int).tolist() == [
        [1, 1, 0, 0, 1],  # at the start
        [1, 1, 1, 0, 1],  # after B-X
        [1, 1, 0, 1, 1],  # after B-Y
        [1, 1, 1, 0, 1],  # after I-X
        [1, 1, 0, 1, 1],  # after I-Y
        [1, 1, 0, 0, 1],  # after O
    ]


def test_span_tags_of_a_single_type_without_a_name():
    tags = fitted(Tags(spans=True), [("B", "I", "O")])
    assert tags.tags == ["B", "I", "O"]
    assert tags.encode(("B", "I", "O"))["output"].tolist() == [0, 1, 2]
    assert tags.transitions.astype(int).tolist() == [[1, 0, 1], [1, 1, 1], [1, 1, 1], [1, 0, 1]]


def test_labels_round_trip_and_one_alone_is_refused():
    label = fitted(Label(), ["no", "yes", "no"])
    assert [label.decode(label.encode(name)["output"]) for name in ("yes", "no")] == ["yes", "no"]
    assert label.encode("yes")["output"].shape == ()
    with pytest.raises(BadInput, match="one label only, 'yes'"):
        Label().fit(["yes", "yes"])
    assert label.find_unseen("maybe") == {"maybe"} and not label.find_unseen("yes")
    assert label.encode("maybe")["output"] == UNSEEN


def test_numbers_are_standardised_and_decoded_within_the_training_range():
    number = fitted(Number(), [2, 4, 4, 4, 5, 5, 7, 9])  # mean 5, deviation 2
    assert number.encode(9)["output"] == pytest.approx(2.0)
    assert number.decode(np.float32(-0.5)) == pytest.approx(4.0)
    assert number.decode(np.float32(50)) == 9
    assert number.decode(np.float32(-50)) == 2


@pytest.mark.parametrize("value", [3, 0.1])
def test_equal_numbers_have_deviation_1(value):
    number = fitted(Number(), [value] * 3)
    assert number.deviation == 1
    assert number.encode(value + 1)["output"] == pytest.approx(1.0)


def test_a_histogram_is_a_gaussian_around_the_number_and_is_read_by_its_median():
    histogram = fitted(Histogram(), [0, 1, 4])
    edges = histogram.edges
    wide = edges[1] - edges[0]
    assert (edges[2], edges[-3]) == (pytest.approx(0), pytest.approx(4))
    encoded = histogram.encode(1)["output"]
    gaussian = stats.norm(1, 0.75 * wide)
    np.testing.assert_allclose(encoded, np.diff(gaussian.cdf(edges)), atol=1e-6)
    assert encoded.sum() == pytest.approx(1)
    for number in (0, 0.3, 1, 2.5, 4):
        assert histogram.decode(histogram.encode(number)["output"]) == pytest.approx(number, abs=wide / 10)
    # Half of it below the middle of a bin, half above, and a mean that lies elsewhere.
    divided = np.zeros(histogram.BINS)
    divided[[3, 10, 24]] = 0.4, 0.2, 0.4
    assert histogram.decode(divided) == pytest.approx((edges[10] + edges[11]) / 2)
    divided[[3, 10, 24]] = 0, 0, 1
    assert histogram.decode(divided) == 4


def test_a_number_outside_of_the_training_range_is_encoded_as_the_nearest_within():
    histogram = fitted(Histogram(), [0, 4])
    np.testing.assert_array_equal(histogram.encode(9)["output"], histogram.encode(4)["output"])


@pytest.mark.parametrize(
    "make, values, example",
    [
        (lambda: Text(9, 5), ["ğ b", "😀"], "b 😀 x"),
        (lambda: Tokens(9, 5, 1, 3), [("Ğ", "b")], ("b", "Ğx")),
        (lambda: Tags(True), [("B-X", "O")], ("O", "I-X")),
        (lambda: Label(), ["u", "v"], "v"),
        (lambda: Number(), [1 / 3, 2.5], 0.7),
        (lambda: Histogram(), [1 / 3, 2.5], 0.7),
        (lambda: Histogram(), [3, 3], 3),
    ],
)
def test_a_field_saved_as_json_is_restored_equal(make, values, example):
    field = fitted(make(), values)
    field.encode(example)
    again = restore(make(), json.loads(json.dumps(save(field))))
    assert again == field
    for name, array in field.encode(example).items():
        np.testing.assert_array_equal(again.encode(example)[name], array)
        shape = field.arrays[name].shape
        assert array.dtype == field.arrays[name].dtype
        assert all(size in (None, found) for size, found in zip(shape, array.shape, strict=True))


def test_a_field_of_another_type_or_with_other_values_is_not_restored():
    saved = save(fitted(Label(), ["u", "v"]))
    with pytest.raises(BadInput, match="'Label', and the task uses a 'Number'"):
        restore(Number(), saved)
    with pytest.raises(BadInput):
        restore(Label(), saved | {"more": 1})


def test_a_part_with_a_plain_default_may_be_missing_and_what_was_learned_may_not():
    field = Tokens(100, 50, min_count=1)
    field.fit([("a", "b")])
    saved = save(field)
    assert restore(Tokens(100, 50, 1), {name: value for name, value in saved.items() if name != "min_count"}) == field
    for name in ("words", "characters", "vocabulary"):
        with pytest.raises(BadInput, match=f"^{name} is missing$"):
            restore(Tokens(100, 50, 1), {part: value for part, value in saved.items() if part != name})


def test_what_the_task_gives_a_field_must_be_what_it_was():
    saved = save(Text(100, 50))
    with pytest.raises(BadInput, match="max_length is 50, and by the options 60"):
        restore(Text(100, 60), saved)


@pytest.mark.parametrize("kind", [Number, Histogram])
@pytest.mark.parametrize("far", [1e200, -1e200, 1.7e308])
def test_numbers_too_far_apart_to_be_scaled_are_refused(kind, far):
    with pytest.raises(BadInput, match="reach from .* to .*, too far for their mean and deviation"):
        kind().fit([1.0, 2.0, far, -far])
