"""What is said of data before training: each finding where it is so, and only there."""

import pytest

from pipeline import findings
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import Histogram, Label, Passages, Prompt, Tags, Text, Tokens


def splits_of(**rows: list[tuple]) -> Splits:
    return {
        split: [Example(*row, f"{split}:{line}") for line, row in enumerate(found, 1)] for split, found in rows.items()
    }


def look(splits: Splits, input_field, output_field, longest: int = 400) -> list[str]:
    input_field.fit(example.input for example in splits["train"])
    output_field.fit(example.output for example in splits["train"])
    return list(findings.inspect_data(splits, input_field, output_field=output_field, longest=longest))


BALANCED = [("good film", "pos"), ("bad film", "neg"), ("fine play", "pos"), ("dull play", "neg")]
OTHER = [("great song", "pos")]


def test_labels_are_listed_with_their_counts_and_nothing_else_is_said_of_sound_data() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=OTHER)
    assert look(splits, Text(99, 9), Label()) == ["2 labels: pos 2, neg 2"]
    tags = splits_of(train=[(("a", "b"), ("X", "Y")), (("c",), ("X",))], validation=[(("d",), ("Y",))], test=[])
    assert look(tags, Tokens(99, 9), Tags()) == ["2 labels: X 2, Y 1"]
    many = splits_of(train=[(f"text {n}", f"label {n:02}") for n in range(25)], validation=[], test=[])
    assert look(many, Text(99, 9), Label())[0].endswith("label 19 1, and 5 more")


def test_labels_that_differ_in_case_or_blanks_alone_are_told() -> None:
    rows = [("a", "Pos"), ("b", "pos"), ("c", "new york"), ("d", "New  York"), ("e", "neg")]
    found = look(splits_of(train=rows, validation=[], test=[]), Text(99, 9), Label())
    assert "labels that differ in case or blanks alone: 'Pos', 'pos'; are they one?" in found
    assert "labels that differ in case or blanks alone: 'new york', 'New  York'; are they one?" in found


def test_data_of_nearly_one_label_is_told() -> None:
    rows = [(f"text {n}", "ham" if n else "spam") for n in range(40)]
    found = look(splits_of(train=rows, validation=[], test=[]), Text(99, 9), Label())
    assert found[1] == "97.5% are 'ham': one who always answers that is as accurate; see macro_f1"


def test_labels_that_only_the_test_has_are_counted_and_another_set_of_labels_is_refused() -> None:
    test = [("good song", "pos"), ("odd song", "neutral"), ("even song", "neutral")]
    splits = splits_of(train=BALANCED, validation=OTHER, test=test)
    assert look(splits, Text(99, 9), Label())[1:] == [
        "test: 2 of 3 examples have labels that are not in the training data (neutral 2); they count as wrong, and "
        "have no loss"
    ]
    splits["test"] = splits_of(test=[("x", "1"), ("y", "negative")])["test"]
    with pytest.raises(BadInput, match="test:1: unknown label '1'.* Known: neg, pos"):
        look(splits, Text(99, 9), Label())


def test_a_test_without_labels_has_no_unknown_ones() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=[("x y", None)])
    assert look(splits, Text(99, 9), Label()) == ["2 labels: pos 2, neg 2"]


def test_texts_that_lose_their_middle_are_counted() -> None:
    rows = [("one two three", "a"), ("one two", "b"), ("one two three four", "a")]
    found = look(splits_of(train=rows, validation=[], test=[]), Text(99, 2), Label(), longest=2)
    assert found[1] == "2 of 3 training texts (67%) are longer than --max-length 2 words and keep their two ends"


def test_inputs_that_two_splits_share_are_counted() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=[BALANCED[0], ("bad film", "pos"), OTHER[0]])
    assert look(splits, Text(99, 9), Label())[1:] == ["test: 2 of 3 inputs are in the training data too"]
    written = splits_of(train=[("f", "Ann"), ("m", "Bob")], validation=[("f", "Bob")], test=[("m", "Eve")])
    assert look(written, Prompt(), Passages())[1:] == ["validation: 1 of 1 texts are in the training data too"]


def test_texts_without_spaces_are_told_with_the_option_that_divides_them() -> None:
    rows = [("这部电影非常精彩老师家人", "pos"), ("家人结尾处理非常无聊昨天", "neg")]
    splits = splits_of(train=rows, validation=[], test=[])
    assert "100% of the texts have no space" in look(splits, Text(99, 99), Label())[1]
    for unit in ("character", "subword"):
        assert len(look(splits, Text(40, 99, unit), Label())) == 1


def test_numbers_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(BadInput, match="one number only, 3; at least two are needed"):
        look(splits_of(train=[("a", 3.0), ("b", 3.0)], validation=[], test=[]), Text(9, 9), Histogram())
