import pytest

from pipeline.errors import BadInput
from pipeline.fields import SourceText, restore, save
from tests.pipeline.fields.test_tokenized_text import UNITS, fit


def test_subwords_are_at_most_as_many_as_asked_for_and_digits_stand_alone():
    texts = [f"{day:02} numbers of {year}" for day in range(30) for year in range(1990, 2020)]
    field = fit(SourceText("subword", 40), texts)
    assert len(field.symbols) <= 40
    assert not any(
        char.isdigit() for symbol in field.symbols for char in symbol.strip("▁") if len(symbol.strip("▁")) > 1
    )
    assert field.join(field.to_symbols(field.to_ids("07 numbers of 2050"))) == "07 numbers of 2050"


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_without_a_symbol_and_one_too_long_are_refused(unit):
    field = fit(SourceText(unit, 300, max_length=3))
    with pytest.raises(BadInput, match=f"has no {unit} in it" if unit != "character" else "has no character in it"):
        field.encode("")
    with pytest.raises(BadInput, match=f"{unit}s, and at most 3 are allowed.*--max-length"):
        field.encode("two dogs and two cats run")


def test_a_vocabulary_too_small_for_subwords_is_refused():
    with pytest.raises(BadInput, match="--vocabulary 6: no subwords can be learned.*--unit character"):
        fit(SourceText("subword", 6))


def test_a_damaged_subword_model_is_refused():
    field = fit(SourceText("subword", 60))
    for model in ("?", "", field.model[:-8]):
        broken = restore(SourceText("subword", 60), {**save(field), "model": model})
        with pytest.raises(BadInput, match="damaged"):
            broken.encode("two dogs")
