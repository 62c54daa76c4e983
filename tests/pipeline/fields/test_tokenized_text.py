import json

import pytest

from pipeline.fields import SourceText, TargetText, restore, save

UNITS = ("word", "character", "subword")
TEXTS = ["Two dogs run.", 'A dog, and "two" cats: run!', "The cat's 12 dogs won't run (2019).", "été, à l'école"] * 3


def fit(field, texts=TEXTS):
    field.fit(texts)
    return field


@pytest.mark.parametrize("unit", UNITS)
def test_what_was_not_in_training_is_unknown(unit):
    reading, writing = fit(SourceText(unit, 300)), fit(TargetText(unit, 300))
    assert 1 in reading.encode("Two 狗 run.")["words"]
    numbers = writing.encode("Two 狗 run.")["output"]
    assert 1 in numbers
    assert writing.decode(numbers) == "Two \N{REPLACEMENT CHARACTER} run."


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [SourceText, TargetText])
def test_a_field_kept_as_json_is_the_same(unit, kind):
    field = fit(kind(unit, 300, lowercase=True))
    again = restore(kind(unit, 300, lowercase=True), json.loads(json.dumps(save(field))))
    assert again == field
    assert again.to_ids("Two dogs RUN.") == field.to_ids("two dogs run.")


def test_the_same_texts_give_the_same_subwords():
    assert fit(TargetText("subword", 60)) == fit(TargetText("subword", 60))
