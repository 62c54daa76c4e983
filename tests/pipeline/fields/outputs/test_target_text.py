import numpy as np
import pytest

from pipeline.fields import TargetText
from pipeline.fields.vocabulary import WRITTEN
from tests.pipeline.fields.test_tokenized_text import TEXTS, UNITS, fit


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_written_comes_back_as_it_was(unit):
    field = fit(TargetText(unit, 300))
    for text in TEXTS:
        numbers = field.encode(text)["output"]
        assert numbers[-1] == field.end and (numbers[:-1] > field.end).all()
        assert field.decode(numbers) == text
        # What a model may write after the end is not read.
        assert field.decode(np.array([*numbers, 5, 6])) == text
    assert field.arrays["output"].size == len(field.symbols) <= 300
    assert field.symbols[:4] == list(WRITTEN)


def test_the_longest_output_allowed_is_half_as_long_again_as_the_longest_seen():
    assert fit(TargetText("character", 300), ["abc", "abcdefgh"]).longest == 13
