"""Horizon: the next values as an array, and quantiles by name."""

import numpy as np
import pytest

from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import Horizon
from pipeline.fields.outputs.horizon import read_point
from pipeline.forecasting.window import Future
from tests.pipeline.fields import fitted

FUTURE = Future((1.5, None, -2.0), 0.5)


def test_a_value_comes_with_its_unit_and_whether_it_is_known() -> None:
    field = fitted(Horizon(), [FUTURE])
    assert field.encode(FUTURE)["output"].tolist() == [[1.5, 0.5, 1], [0, 0.5, 0], [-2, 0.5, 1]]
    assert field.arrays["output"].shape == (3, 3)
    with pytest.raises(BadInput, match="2 values follow, and this run forecasts 3"):
        field.encode(Future((1.0, 2.0), 1.0))


def test_an_answer_is_a_number_for_each_step_and_quantile() -> None:
    field = fitted(Horizon(), [FUTURE])
    found = field.decode(np.arange(15, dtype="float32").reshape(3, 5) + np.float32(0.1))
    assert list(found) == ["0.1", "0.25", "0.5", "0.75", "0.9"]
    assert found["0.1"] == (0.1, 5.1, 10.1)
    assert read_point(found) == found["0.5"]
    mean = fitted(Horizon(forecast="mean"), [FUTURE])
    assert mean.levels == ()
    assert read_point(mean.decode(np.ones((3, 1), "float32"))) == (1.0, 1.0, 1.0)
    assert fields.restore(Horizon(), fields.save(field)) == field
