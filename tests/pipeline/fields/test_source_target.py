import json

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import restore, save
from pipeline.fields.source_target import JOINER, RESERVED, UNITS, Reading, Writing, divide_words

TEXTS = ["Two dogs run.", 'A dog, and "two" cats: run!', "The cat's 12 dogs won't run (2019).", "été, à l'école"] * 3


def fit(field, texts=TEXTS):
    field.fit(texts)
    return field


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_written_comes_back_as_it_was(unit):
    field = fit(Writing(unit, 300))
    for text in TEXTS:
        numbers = field.encode(text)["output"]
        assert numbers[-1] == field.end and (numbers[:-1] > field.end).all()
        assert field.decode(numbers) == text
        # What a model may write after the end is not read.
        assert field.decode(np.array([*numbers, 5, 6])) == text
    assert field.arrays["output"].size == len(field.symbols) <= 300
    assert field.symbols[:4] == RESERVED


def test_words_and_punctuation_are_apart_and_know_whether_a_space_was_between():
    assert divide_words(' "Two" dogs, won\'t run.') == [
        *['"', JOINER + "Two", JOINER + '"', "dogs", JOINER + ","],
        *["won", JOINER + "'", JOINER + "t", "run", JOINER + "."],
    ]


def test_subwords_are_at_most_as_many_as_asked_for_and_digits_stand_alone():
    texts = [f"{day:02} numbers of {year}" for day in range(30) for year in range(1990, 2020)]
    field = fit(Reading("subword", 40), texts)
    assert len(field.symbols) <= 40
    assert not any(
        char.isdigit() for symbol in field.symbols for char in symbol.strip("▁") if len(symbol.strip("▁")) > 1
    )
    assert field.join(field.name(field.number("07 numbers of 2050"))) == "07 numbers of 2050"


@pytest.mark.parametrize("unit", UNITS)
def test_what_was_not_in_training_is_unknown(unit):
    reading, writing = fit(Reading(unit, 300)), fit(Writing(unit, 300))
    assert 1 in reading.encode("Two 狗 run.")["words"]
    numbers = writing.encode("Two 狗 run.")["output"]
    assert 1 in numbers
    assert writing.decode(numbers) == "Two \N{REPLACEMENT CHARACTER} run."


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [Reading, Writing])
def test_a_field_kept_as_json_is_the_same(unit, kind):
    field = fit(kind(unit, 300, lowercase=True))
    again = restore(kind(unit, 300, lowercase=True), json.loads(json.dumps(save(field))))
    assert again == field
    assert again.number("Two dogs RUN.") == field.number("two dogs run.")


def test_the_same_texts_give_the_same_subwords():
    assert fit(Writing("subword", 60)) == fit(Writing("subword", 60))


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_without_a_symbol_and_one_too_long_are_refused(unit):
    field = fit(Reading(unit, 300, max_length=3))
    with pytest.raises(BadInput, match=f"has no {unit} in it" if unit != "character" else "has no character in it"):
        field.encode("")
    with pytest.raises(BadInput, match=f"{unit}s, and at most 3 are allowed.*--max-length"):
        field.encode("two dogs and two cats run")


def test_a_vocabulary_too_small_for_subwords_is_refused():
    with pytest.raises(BadInput, match="--vocabulary 6: no subwords can be learned.*--unit character"):
        fit(Reading("subword", 6))


def test_a_damaged_subword_model_is_refused():
    field = fit(Reading("subword", 60))
    for model in ("?", "", field.model[:-8]):
        broken = restore(Reading("subword", 60), {**save(field), "model": model})
        with pytest.raises(BadInput, match="damaged"):
            broken.encode("two dogs")


def test_the_longest_output_allowed_is_half_as_long_again_as_the_longest_seen():
    assert fit(Writing("character", 300), ["abc", "abcdefgh"]).longest == 13
