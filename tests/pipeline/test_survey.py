"""What there is in examples, against counts by hand and by other libraries."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from pipeline.example import Alternatives, Example, Splits
from pipeline.fields import Histogram, Image, Label, Picture, SourceText, Tags, TargetText, Text, Tokens
from pipeline.survey import Survey, find_lost, survey


def make(**rows: list[tuple]) -> Splits:
    return {
        split: [Example(*row, f"{split}:{line}") for line, row in enumerate(found, 1)] for split, found in rows.items()
    }


def look(splits: Splits, input_field, output_field) -> Survey:
    input_field.fit(one.input for one in splits["train"])
    output_field.fit(one.output for one in splits["train"])
    return survey(splits, input_field, output_field)


TRAIN = [("a warm film", "pos"), ("a cold film , a dull one", "neg"), ("warm and warm", "pos")]
TEXTS = make(train=TRAIN, validation=[("a film", "pos")], test=[("a strange strange Film", "neg"), ("odd", "odd")])


def test_texts_are_counted_measured_and_held_against_the_vocabulary() -> None:
    found = look(TEXTS, Text(99, 400), Label())
    assert found.counts == {"train": 3, "validation": 1, "test": 2} == found.distinct
    assert found.input.lengths["train"].tolist() == [3, 7, 3]
    cover = found.input.measure_coverage("test")
    assert (cover.types, cover.known_types, cover.tokens, cover.known_tokens) == (4, 2, 5, 2)
    assert found.input.find_unknown("test") == [("strange", 2), ("odd", 1)]
    assert found.output.classes["test"] == Counter({"neg": 1, "odd": 1}) and found.output.class_noun == "label"


def test_a_vocabulary_that_is_full_covers_what_numpy_counts() -> None:
    random = np.random.default_rng(0)
    rows = [(" ".join(f"w{n}" for n in random.zipf(1.5, 30) % 200), "xy"[k % 2]) for k in range(60)]
    splits = make(train=rows[:40], validation=rows[40:50], test=rows[50:])
    field = Text(52, 400)
    found = look(splits, field, Label())
    tokens = np.array([word for text, _ in rows[50:] for word in text.split()])
    known = np.isin(tokens, field.words[2:])
    cover = found.input.measure_coverage("test")
    assert (cover.tokens, cover.known_tokens) == (300, known.sum())
    assert (cover.types, cover.known_types) == (len(np.unique(tokens)), len(np.unique(tokens[known])))


def test_spans_are_counted_by_type_as_seqeval_counts_them() -> None:
    tags = [("B-PER", "I-PER", "O", "B-LOC"), ("B-LOC", "B-LOC", "O", "O"), ("O", "O", "O", "B-PER")]
    rows = [(("a", "b", "c", "d"), one) for one in tags]
    found = look(make(train=rows, validation=[], test=rows[:1]), Tokens(99, 99), Tags(spans=True))
    expected = Counter(kind for one in tags for kind, _, _ in get_entities(list(one)))
    assert found.output.classes["train"] == expected == {"PER": 2, "LOC": 3}
    assert "validation" not in found.output.classes
    plain = look(make(train=rows, validation=[], test=[]), Tokens(99, 99), Tags())
    assert plain.output.classes["train"] == Counter(tag for one in tags for tag in one)


def test_numbers_images_and_outputs_that_nobody_knows() -> None:
    found = look(make(train=[("a b", 1.0), ("c d", 4.0)], validation=[], test=[("a", None)]), Text(9, 9), Histogram())
    assert found.output.numbers["train"].tolist() == [1, 4] and "test" not in found.output.numbers
    picture = Picture.from_pixels(np.zeros((16, 16, 3), "uint8"), "dark")
    splits = make(train=[(picture, Alternatives(["a cat", "a dog"]))] * 2, validation=[], test=[])
    words, image = TargetText("word"), Image(16)
    words.fit(["a cat", "a dog"])
    found = survey(splits, image, words)
    assert not found.input.lengths and found.output.lengths["train"].tolist() == [2, 2]
    assert list(image.find_flaws(picture)) == ["one colour only"] and found.distinct["train"] == 1


def test_what_is_too_long_is_cut_or_read_in_windows_as_the_field_does() -> None:
    field = Text(99, 3)
    found = look(TEXTS, field, Label())
    # What training loses is told at once, by pipeline/findings.py.
    lost = [one.text for one in find_lost(TEXTS, found, field)]
    where = "1 of 3 (train), 1 of 2 (test); the longest has 7 (train:2)"
    assert lost[0] == f"inputs longer than 3 words, which lose a part: {where}"
    tokens = Tokens(99, 3)
    splits = make(train=[(("a", "b"), ("X", "Y"))], validation=[], test=[(("a",) * 4, ("X",) * 4)])
    found = look(splits, tokens, Tags())
    lost = [one.text for one in find_lost(splits, found, tokens)]
    assert lost == ["inputs longer than 3 tokens, which are read in windows: 1 of 1 (test); the longest has 4 (test:1)"]


def test_unknown_tokens_of_validation_and_test_are_told_with_the_most_frequent() -> None:
    found = look(TEXTS, Text(99, 9), Label())
    (lost,) = find_lost(TEXTS, found, Text(99, 9))
    assert lost.text == "inputs with unknown words: 0.0% (validation), 60.0% (test) of all; such as strange 2, odd 1"
    assert lost.share == pytest.approx(0.6)


def test_texts_longer_than_any_that_a_model_writes_are_told() -> None:
    splits = make(train=[("a", "bb"), ("c", "dd")], validation=[], test=[("a", "bbbbbbbbb")])
    source, target = SourceText(), TargetText()
    found = look(splits, source, target)
    lost = [one.text for one in find_lost(splits, found, source)]
    assert lost == [
        "outputs longer than 4 characters, no model writes so much: 1 of 1 (test); the longest has 9 (test:1)"
    ]


def test_a_recording_is_measured_without_being_heard(tmp_path: Path) -> None:
    from pipeline.fields import Sound, Transcript
    from tests.pipeline.fields import tone, write

    path = str(write(tmp_path / "a.wav", tone(0.5)))
    splits = make(train=[(path, "two")], validation=[], test=[])
    found = look(splits, Sound(1000), Transcript())
    assert found.input.lengths["train"].tolist() == [48] and found.output.lengths["train"].tolist() == [3]
