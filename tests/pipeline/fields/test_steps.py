"""What a reader knows each time step by, and answers that are typed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.fields import (
    Label,
    Number,
    Passages,
    Series,
    Sound,
    SourceText,
    Tags,
    TargetText,
    Text,
    Tokens,
    Transcript,
)
from tests.harness import ROOT

FIELDS = [
    (Text(max_length=4), "a b c d e f", ["a", "b", "e", "f"], 2),
    (Text(max_length=4), "Good film", ["good", "film"], 0),
    (Text(max_length=6, unit="character"), "a b<", ["a", " ", "b", "<"], 0),
    (Tokens(), ("Mr", "Ford", "."), ["Mr", "Ford", "."], 0),
    (SourceText(unit="word"), "Two dogs run.", ["Two", "dogs", "run", "￭."], 0),
    (SourceText(unit="character"), "ab", ["a", "b"], 0),
    (Series(width=2), "0.5,1 0.25,0", ["0.5,1", "0.25,0"], 0),
]


@pytest.mark.parametrize("field, value, steps, cut", FIELDS)
def test_every_time_step_is_known_by_what_stands_there(field: Any, value: Any, steps: list[str], cut: int) -> None:
    field.fit([value])
    arrays = field.encode(value)
    assert list(field.list_steps(value, arrays)) == steps
    assert len(steps) == measure(arrays, field.arrays)
    assert field.count_cut(value) == cut


def test_subwords_are_known_by_how_they_are_spelt() -> None:
    field = SourceText(unit="subword", vocabulary=30)
    texts = ["one two three four five", "five four three two one"] * 20
    field.fit(texts)
    arrays = field.encode("three one zzz")
    steps = field.list_steps("three one zzz", arrays)
    assert len(steps) == len(arrays["words"]) and "".join(steps) == "▁three▁one▁zzz"


def test_frames_of_sound_are_known_by_their_second() -> None:
    path = str(next(Path(ROOT / "tests/format_1/data/sounds").glob("*.wav")))
    field = Sound()
    field.fit([path])
    arrays = field.encode(path)
    steps = field.list_steps(path, arrays)
    assert len(steps) == len(arrays["frames"]) and list(steps[:3]) == ["0.00 s", "0.01 s", "0.02 s"]


@pytest.mark.parametrize(
    "field, text, value",
    [
        (Label(), " good ", "good"),
        (Number(), "3.5", 3.5),
        (Tags(), "NOUN  VERB", ("NOUN", "VERB")),
        (TargetText(), "a dog", "a dog"),
        (Transcript(), " two three ", "two three"),
        (Passages(), "Anna", "Anna"),
        (Passages(running=True), "Anna", ("", "Anna")),
    ],
)
def test_an_answer_that_is_typed_is_read(field: Any, text: str, value: Any) -> None:
    assert field.parse(text) == value


@pytest.mark.parametrize("text", ["", "three", "nan", "1e999"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expected a number, such as 3.5"):
        Number().parse(text)


def test_an_output_field_without_parse_says_so() -> None:
    class Mine(Label):
        parse = Label.__mro__[1].parse

    with pytest.raises(BadInput, match="no answer can be typed for the output field Mine"):
        Mine().parse("x")
    assert np.array(Mine().labels).size == 0
