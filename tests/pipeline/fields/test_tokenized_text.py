import json

import pytest

from pipeline.errors import BadInput
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


@pytest.mark.parametrize(("kind", "array"), [(SourceText, "words"), (TargetText, "output")])
def test_subwords_drawn_by_chance_spell_the_same_texts_and_are_the_same_for_the_same_seed(kind, array):
    field = fit(kind("subword", 60, subword_sampling=0.2))
    drawn = [[one[array].tolist() for one in field.resample(TEXTS, seed)] for seed in (3, 3, 4)]
    usual = [field.encode(text)[array].tolist() for text in TEXTS]
    assert drawn[0] == drawn[1] != drawn[2] and usual not in drawn
    # The seed counts alone, not what has been drawn before.
    field.resample(TEXTS[:1], 9)
    assert [one[array].tolist() for one in field.resample(TEXTS, 3)] == drawn[0]
    for text, ids in zip(TEXTS, drawn[2], strict=True):
        assert field.join(field.to_symbols(ids[:-1] if kind is TargetText else ids)) == text
    # With a high power it is nearly always the likeliest.
    sure = fit(kind("subword", 60, subword_sampling=10.0)).resample(TEXTS, 3)
    same = sum(one[array].tolist() == other for one, other in zip(sure, usual, strict=True))
    assert same > len(TEXTS) / 2


@pytest.mark.parametrize("field", [SourceText("word", 60, subword_sampling=0.2), TargetText("subword", 60)])
def test_chance_has_no_part_in_words_nor_without_the_option(field):
    assert fit(field).resample(TEXTS, 0) is None


@pytest.mark.parametrize("vocabulary", [3, 4, 5, 8])
def test_too_few_subwords_for_the_letters_of_a_text_are_refused_in_one_line(vocabulary: int) -> None:
    field = SourceText(unit="subword", vocabulary=vocabulary)
    with pytest.raises(BadInput, match=f"--vocabulary {vocabulary}: no subwords can be learned") as caught:
        field.fit(["a dog ran", "the cat sat", "İstanbul 42"])
    assert "\n" not in str(caught.value)
