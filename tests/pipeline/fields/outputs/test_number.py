import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Histogram, Number
from tests.pipeline.fields import fitted


def test_numbers_are_standardised_and_decoded_within_the_training_range():
    number = fitted(Number(), [2, 4, 4, 4, 5, 5, 7, 9])  # mean 5, deviation 2
    assert number.encode(9)["output"] == pytest.approx(2.0)
    assert number.decode(np.float32(-0.5)) == pytest.approx(4.0)
    assert number.decode(np.float32(50)) == 9
    assert number.decode(np.float32(-50)) == 2


@pytest.mark.parametrize("value", [3, 0.1])
def test_equal_numbers_have_deviation_1(value):
    number = fitted(Number(), [value] * 3)
    assert number.deviation == 1
    assert number.encode(value + 1)["output"] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [Number, Histogram])
@pytest.mark.parametrize("far", [1e200, -1e200, 1.7e308])
def test_numbers_too_far_apart_to_be_scaled_are_refused(kind, far):
    with pytest.raises(BadInput, match="reach from .* to .*, too far for their mean and deviation"):
        kind().fit([1.0, 2.0, far, -far])
