"""What is said of data before training: each finding where it is so, and only there."""

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline import findings
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import (
    Histogram,
    Label,
    Passages,
    Prompt,
    Signal,
    Sound,
    SourceText,
    Tags,
    TargetText,
    Text,
    TimeSeries,
    Tokens,
    Transcript,
)
from pipeline.findings import Finding, Weight


def splits_of(**rows: list[tuple]) -> Splits:
    return {
        split: [Example(*row, f"{split}:{line}") for line, row in enumerate(found, 1)] for split, found in rows.items()
    }


def look(splits: Splits, input_field, output_field, longest: int = 400) -> list[str]:
    input_field.fit(example.input for example in splits["train"])
    output_field.fit(example.output for example in splits["train"])
    found = [
        *findings.inspect_data(splits, input_field, output_field),
        *findings.find_cut(splits, input_field, longest),
    ]
    return [one.text for one in found]


BALANCED = [("good film", "pos"), ("bad film", "neg"), ("fine play", "pos"), ("dull play", "neg")]
OTHER = [("great song", "pos")]


def test_labels_are_listed_with_their_counts_and_nothing_else_is_said_of_sound_data() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=[("odd song", "neg")])
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
        "have no loss (test:2)"
    ]
    splits["test"] = splits_of(test=[("x", "1"), ("y", "negative")])["test"]
    with pytest.raises(BadInput, match="test:1: unknown label '1'.* Known: neg, pos"):
        look(splits, Text(99, 9), Label())


def test_a_test_without_labels_has_no_unknown_ones() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=[("x y", None)])
    assert look(splits, Text(99, 9), Label()) == ["2 labels: pos 2, neg 2"]


def test_texts_that_lose_their_middle_are_counted() -> None:
    rows = [("one two three", "a"), ("one two", "b"), ("one two three four", "a")]
    others = {"validation": [("one", "a")], "test": [("a b c", "b"), ("d e", "a")]}
    found = look(splits_of(train=rows, **others), Text(99, 2), Label(), longest=2)
    told = "inputs longer than --max-length 2 words, which keep their two ends"
    assert found[1:] == [f"{told}: 2 of 3 (train), 1 of 2 (test)"]


def test_series_that_lose_their_end_are_counted_in_every_split() -> None:
    field = TimeSeries(max_length=5)
    lengths = {"train": [3, 6, 5, 9], "validation": [7, 2], "test": [4]}
    splits = splits_of(
        **{
            split: [
                (Signal(np.arange(n + k / 9, dtype="float32")[:n, None] + k), "ab"[k % 2]) for k, n in enumerate(found)
            ]
            for split, found in lengths.items()
        }
    )
    field.fit(one.input for one in splits["train"])
    (found,) = findings.find_cut(splits, field, 5)
    longer = {split: sum(n > 5 for n in found) for split, found in lengths.items()}
    assert longer == {"train": 2, "validation": 1, "test": 0}
    assert found.text == (
        "inputs longer than --max-length 5 steps, which keep their beginning: 2 of 4 (train), 1 of 2 (validation)"
    )
    assert found.share == 3 / 7


def test_inputs_that_two_splits_share_are_counted() -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=[BALANCED[0], ("bad film", "pos"), OTHER[0]])
    assert look(splits, Text(99, 9), Label())[1:] == [
        "test: 2 of 3 inputs are in the training data too (test:1)",
        "test: 1 of 3 inputs are in the validation data too (test:3)",
    ]
    written = splits_of(train=[("f", "Ann"), ("m", "Bob")], validation=[("f", "Bob")], test=[("m", "Eve")])
    assert look(written, Prompt(), Passages())[1:] == [
        "validation: 1 of 1 texts are in the training data too (validation:1)"
    ]


def test_what_two_splits_share_is_what_a_slow_comparison_finds() -> None:
    random, names = np.random.default_rng(0), ("train", "validation", "test")
    words = ["a", "A", "b", "a  b", "A b", "b a", "c", "d", "e f"]
    splits = splits_of(**{name: [(str(random.choice(words)), "xy"[n % 2]) for n in range(7)] for name in names})
    pattern = re.compile(r"(\w+): (\d+) of 7 inputs are in the (\w+) data too")
    told = {(found[1], found[3]): int(found[2]) for one in find(splits) if (found := pattern.match(one.text))}
    for split, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
        shared = sum(
            any(" ".join(one.input.split()).lower() == " ".join(two.input.split()).lower() for two in splits[other])
            for one in splits[split]
        )
        assert shared and told[split, {"train": "training"}.get(other, other)] == shared


def test_recordings_are_equal_by_what_is_in_their_files(tmp_path: Path) -> None:
    contents = {"a": b"one", "b": b"two", "c": b"one", "d": b"three", "e": b"two"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = {
        split: [(str(tmp_path / name), name) for name in names]
        for split, names in (("train", "ab"), ("validation", "d"), ("test", ["c", "e", "gone"]))
    }
    found = [one.text for one in findings.find_equal(splits_of(**paths), Sound(), Transcript())]
    assert found == ["test: 2 of 3 inputs are in the training data too (test:1)"]


def test_texts_without_spaces_are_told_with_the_option_that_divides_them() -> None:
    rows = [("这部电影非常精彩老师家人", "pos"), ("家人结尾处理非常无聊昨天", "neg")]
    splits = splits_of(train=rows, validation=[], test=[])
    assert "100% of the texts have no space" in look(splits, Text(99, 99), Label())[1]
    for unit in ("character", "subword"):
        assert len(look(splits, Text(40, 99, unit), Label())) == 1


def test_numbers_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(BadInput, match="one number only, 3; at least two are needed"):
        look(splits_of(train=[("a", 3.0), ("b", 3.0)], validation=[], test=[]), Text(9, 9), Histogram())


def find(splits: Splits, input_field=None, output_field=None) -> list[Finding]:
    input_field, output_field = input_field or Text(99, 9), output_field or Label()
    input_field.fit(example.input for example in splits["train"])
    output_field.fit(example.output for example in splits["train"])
    return list(findings.inspect_data(splits, input_field, output_field))


def test_inputs_that_differ_in_case_and_blanks_alone_are_equal() -> None:
    test = [("GOOD  film", "pos"), ("bad\tfilm ", "neg"), ("bad film", "neg"), ("badfilm", "neg")]
    found = find(splits_of(train=BALANCED, validation=OTHER, test=test))
    assert [one.text for one in found[1:]] == [
        "test: 3 of 4 inputs are in the training data too, 2 of them but for case or blanks (test:1)",
        "test: 1 of 4 examples are there again (test:3)",
    ]
    assert found[1].share == 0.75 and found[1].weight is Weight.MISLEADING


def test_equal_inputs_are_those_that_a_slow_comparison_finds() -> None:
    random = np.random.default_rng(0)
    words = ["a", "A", "b ", " B", "c\n"]
    rows = [(" ".join(random.choice(words, size=random.integers(1, 9))), "xy"[n % 2]) for n in range(300)]
    splits = splits_of(train=[*rows[:200], ("u", "x"), ("v", "y")], validation=rows[200:250], test=rows[250:])

    def same(one: str, other: str) -> bool:
        return one.lower().split() == other.lower().split()

    train = [one.input for one in splits["train"]]
    for split in ("validation", "test"):
        count = sum(any(same(one.input, known) for known in train) for one in splits[split])
        assert any(one.text.startswith(f"{split}: {count} of 50 inputs are in the") for one in find(splits))


def test_an_input_with_two_labels_is_told_and_one_with_two_translations_is_not() -> None:
    rows = [*BALANCED, ("Good film", "neg"), ("good film", "pos")]
    found = find(splits_of(train=rows, validation=OTHER, test=[("odd song", "neg")]))
    assert [one.text for one in found[1:]] == [
        "train: 1 of 6 examples are there again (train:6)",
        "train: 1 of 6 inputs are there again with another label (train:5)",
    ]
    pairs = splits_of(train=[("cat", "chat"), ("cat", "chatte"), ("dog", "chien")], validation=[], test=[])
    assert not find(pairs, SourceText(), TargetText())


def test_a_label_that_stands_in_its_own_texts_alone_is_told() -> None:
    rows = [(f"text {n} is {'great' if n % 2 else 'other'}", "great" if n % 2 else "poor") for n in range(40)]
    found = find(splits_of(train=rows, validation=[], test=[]))
    assert found[1].text == "the label stands in the text: 'great' in 100% of the texts that have it (train:2)"
    # A word that all texts have says nothing, nor does a part of a word.
    for text in ("great text", "greatest"):
        rows = [(f"{text} {n}", "great" if n % 2 else "poor") for n in range(40)]
        assert len(find(splits_of(train=rows, validation=[], test=[]))) == 1


def test_flaws_are_counted_by_split_with_the_place_of_the_first() -> None:
    rows = [*BALANCED, ("<b>fine</b> film", "pos"), ("lost \ufffd letter", "neg")]
    splits = splits_of(train=rows, validation=[("an <i>odd</i> one", "pos")], test=OTHER)
    found = {one.text for one in findings.find_flaws(splits, Text(99, 9), Label())}
    assert found == {
        "inputs with HTML markup: 1 of 6 (train), 1 of 1 (validation) (train:5)",
        "inputs with replacement characters, U+FFFD, for letters that were lost: 1 of 6 (train) (train:6)",
    }


def test_what_is_true_of_most_values_is_no_flaw() -> None:
    splits = splits_of(train=[("one", "pos"), ("two", "neg"), ("three", "neg")], validation=[], test=OTHER)
    assert not list(findings.find_flaws(splits, Text(99, 9), Label()))


def test_the_worst_comes_first_and_facts_are_no_warnings() -> None:
    made = [
        Finding("a fact"),
        Finding("cut", Weight.LOST, 0.9),
        Finding("odd", Weight.DAMAGED, 0.1),
        Finding("odder", Weight.DAMAGED, 0.2),
        Finding("shared", Weight.MISLEADING, 0.01),
    ]
    assert [one.text for one in findings.sort_worst_first(made)] == ["shared", "odder", "odd", "cut"]


@pytest.mark.parametrize("count, told", [(99, "±10%"), (25, "±20%"), (1, "±98%"), (100, None)])
def test_a_small_test_is_told_with_how_rough_its_score_is(count: int, told: str | None) -> None:
    splits = splits_of(train=BALANCED, validation=OTHER, test=OTHER * count)
    found = [one.text for one in findings.find_few(splits)]
    assert (found == []) if told is None else found[0].endswith(told)
