"""Fields that learn from other data beside what they know: old ids stay, new ones come after them."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.example import Continued
from pipeline.fields import (
    Category,
    Corrections,
    Draft,
    Histogram,
    Horizon,
    Label,
    NextWord,
    Number,
    Passages,
    Prompt,
    SourceText,
    Tags,
    TargetText,
    Text,
    Tokens,
    Transcript,
    WordsSoFar,
    inherit,
    restore,
    save,
)
from pipeline.fields.field import Field
from pipeline.forecasting.window import Future

# A field, values that it is fitted to, other values, and what is said of these.
CASES: list[tuple[Any, list, list, list[str]]] = [
    (Text(), ["a warm film", "a film"], ["a cold film", "cold"], ["1 new word"]),
    (Text(unit="character"), ["ab"], ["abc"], ["1 new character"]),
    (Tokens(), [("Paris", "fell")], [("Rome", "fell")], ["1 new word", "3 new characters"]),
    (Tokens(min_count=2), [("a", "a")], [("b", "c", "c")], ["1 new word", "2 new characters"]),
    (Tokens(word_features=True), [("In", "1999")], [("In", "2001")], ["no new words", "2 new characters"]),
    (Category(), ["b", "d"], ["a", "d"], ["1 new category"]),
    (Prompt(), ["b", "d"], ["a", "c"], ["2 new categories"]),
    (WordsSoFar(), ["a b"], ["a c d"], ["2 new words"]),
    (SourceText(unit="word"), ["ab c"], ["ab d"], ["to read: 1 new word"]),
    (TargetText(), ["ab"], ["abc"], ["to write: 1 new character"]),
    (Passages(), ["ab"], ["abd"], ["to write: 1 new character"]),
    (Transcript(), ["ab"], ["ac"], ["1 new character"]),
    (Draft(), ["a film"], ["a book"], ["1 new word"]),
    (Label(), ["x", "z"], ["y"], ["1 new label"]),
    (Tags(), [("x", "z")], [("y",)], ["1 new tag"]),
    (Tags(spans=True), [("B-Z", "O")], [("B-A", "O")], ["2 new tags"]),
]


@pytest.mark.parametrize(("empty", "first", "other", "said"), CASES)
def test_old_ids_stay_and_new_ones_come_after_them(empty: Field, first: list, other: list, said: list[str]) -> None:
    known, new = dataclasses.replace(empty), dataclasses.replace(empty)  # type: ignore[type-var]
    known.fit(first)  # type: ignore[attr-defined]
    new = inherit(new, known)
    assert save(new) == save(known)
    assert new.extend(other) == said
    for name, symbols in known.id_names.items():
        assert list(new.id_names[name][: len(symbols)]) == list(symbols)
        assert len(set(new.id_names[name])) == len(new.id_names[name])
    for value in first:
        for name, array in known.encode(value).items():  # type: ignore[attr-defined]
            assert np.array_equal(new.encode(value)[name], array)  # type: ignore[attr-defined]
    # What is saved is what is restored, and other data with nothing new adds nothing.
    assert save(restore(dataclasses.replace(empty), save(new))) == save(new)  # type: ignore[type-var]
    again = inherit(dataclasses.replace(empty), new)  # type: ignore[type-var]
    again.extend([*first, *other])
    assert again.id_names == new.id_names


def test_the_vocabulary_bounds_what_is_new() -> None:
    known = Text(vocabulary=4)
    known.fit(["a a b b c"])
    new = inherit(Text(vocabulary=4), known)
    new.extend(["d d d e e f"])
    assert new.words[2:] == ["a", "b", "d", "e"]


def test_a_subword_model_stays_as_it_is() -> None:
    texts = ["the warm film was long", "the film was warm", "a long warm film"] * 4
    known = SourceText(unit="subword", vocabulary=40)
    known.fit(texts)
    new = inherit(SourceText(unit="subword", vocabulary=40), known)
    (said,) = new.extend(["the warm ж film"])
    assert "the subword model as it is" in said and "unknown" in said
    assert (new.model, new.symbols) == (known.model, known.symbols)
    assert new.to_ids("the warm film") == known.to_ids("the warm film")


def test_a_shared_vocabulary_is_extended_by_both_sides() -> None:
    source, target = (
        kind(unit="word", **more) for kind, more in ((SourceText, {"shared_vocabulary": True}), (TargetText, {}))
    )
    source.read_outputs(["un"])
    source.fit(["one"])
    target.attach(source)
    target.fit(["un"])
    again = inherit(SourceText(unit="word", shared_vocabulary=True), source)
    written = inherit(TargetText(unit="word"), target)
    again.read_outputs(["deux"])
    assert again.extend(["two"]) == ["to read: 2 new words"]
    written.attach(again)
    assert written.extend(["deux deux deux"]) == []
    assert written.symbols == again.symbols == [*source.symbols, "deux", "two"]
    assert written.longest == 5


def test_next_words_stay_those_of_the_input() -> None:
    read, told = WordsSoFar(), NextWord()
    windows, wanted = ["a b", Continued("b c")], ["a b c", "c d"]
    read.fit(windows)
    told.fit(wanted)
    read, told = inherit(WordsSoFar(), read), inherit(NextWord(), told)
    more, asked = ["e f", Continued("f a")], ["e f a", "a b"]
    read.extend(more)
    told.extend(asked)
    assert read.words == told.symbols and {"e", "f"} <= set(read.words)


def test_measurements_keep_their_scale() -> None:
    number = Number()
    number.fit([1.0, 3.0])
    new = inherit(Number(), number)
    new.extend([5.0])
    assert (new.mean, new.deviation, new.low, new.high) == (number.mean, number.deviation, 1.0, 5.0)
    ranges = Histogram()
    ranges.fit([1.0, 3.0])
    wider = inherit(Histogram(), ranges)
    assert wider.extend([2.0, 9.0]) == ["1 numbers beyond 1 to 3, which count as its ends"]
    assert np.array_equal(wider.edges, ranges.edges)
    levels = Histogram(loss="ordinal")
    levels.fit([1.0, 2.0])
    assert inherit(Histogram(loss="ordinal"), levels).extend([1.0, 4.0]) == [
        "1 numbers that are none of the levels, which count as the nearest"
    ]


def test_class_weights_are_those_of_the_new_data() -> None:
    label = Label(class_weights="balanced")
    label.fit(["x", "x", "y"])
    new = inherit(Label(class_weights="balanced"), label)
    new.extend(["x", "z", "z", "z"])
    assert (new.labels, new.counts) == (["x", "y", "z"], [1, 1, 3])


def test_corrections_keep_their_tags() -> None:
    draft = Draft()
    draft.fit(["she go home", "he go home"])
    known = Corrections()
    known.attach(draft)
    known.fit(["she [-go-]{+goes+} home"])
    new = inherit(Corrections(), known)
    new.attach(draft)
    (said,) = new.extend(["she [-go-]{+went+} home"])
    assert said == "1 new tag" and new.tags[: len(known.tags)] == known.tags


def test_data_of_another_kind_is_refused() -> None:
    with_none = Prompt()
    with_none.fit([""])
    with pytest.raises(BadInput, match="the run that is started from has none"):
        inherit(Prompt(), with_none).extend(["a"])
    horizon = Horizon()
    horizon.fit([Future((1.0, 2.0), 1.0)])
    with pytest.raises(BadInput, match="forecasts 2 values; give --horizon 2"):
        inherit(Horizon(), horizon).extend([Future((1.0,), 1.0)])
