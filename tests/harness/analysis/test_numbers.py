"""Numbers: residuals."""

import numpy as np
import pytest

from harness.analysis import numbers
from harness.figure import draw
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered


def test_residuals_are_answers_less_what_is_expected() -> None:
    generator = np.random.default_rng(0)
    expected = generator.uniform(0, 10, 100)
    outputs = 5 + 0.5 * (expected - 5) + 1
    examples = [Example(f"text {n}", float(value), f"a.csv:{n}") for n, value in enumerate(expected)]
    found = by_name(numbers.analyse(make_answered("rating", examples, outputs.tolist())))
    facts = found["residuals"].facts
    assert facts["bias"] == pytest.approx((outputs - expected).mean())
    assert facts["standard_deviation"] == pytest.approx((outputs - expected).std())
    assert (
        facts["slope"] == pytest.approx(-0.5) and "small numbers are answered too large" in found["residuals"].sentence
    )
    assert sum(row["examples"] for row in found["residuals"].rows) == 100
    worst = np.argsort(-np.abs(outputs - expected))[:20]
    assert [row["origin"] for row in found["worst"].rows] == [f"a.csv:{n}" for n in worst]
    assert found["residuals"].picture and len(draw(found["residuals"].picture()).png) > 1000


def test_few_values_are_shown_one_by_one() -> None:
    examples = [Example(f"text {n}", float(n % 3)) for n in range(30)]
    found = by_name(numbers.analyse(make_answered("rating", examples, [1.0] * 30)))
    assert [tuple(row.values()) for row in found["residuals"].rows] == [
        ("0", 10, 1.0, 1.0, 1.0),
        ("1", 10, 1.0, 0.0, 0.0),
        ("2", 10, 1.0, -1.0, 1.0),
    ]
