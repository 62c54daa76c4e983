import pytest

from pipeline import baselines
from pipeline.example import Example


def splits_of(train: list, test: list) -> dict:
    return {"train": [Example("", output) for output in train], "test": [Example("", output) for output in test]}


def test_the_majority_is_right_as_often_as_its_label_occurs() -> None:
    found = baselines.answer_majority(None, splits_of(list("aab"), list("abbb")))
    # Of two labels one is never answered, the other with precision 1/4 and recall 1.
    assert found == pytest.approx({"accuracy": 1 / 4, "macro_f1": (2 / 5) / 2})
    assert baselines.answer_majority(None, splits_of(list("ba"), list("a")))["accuracy"] == 1


def test_the_mean_and_the_median_are_those_of_the_training_data() -> None:
    splits = splits_of([1.0, 1.0, 7.0], [1.0, 3.0])
    # Mean 3, of which the test's numbers are 2 and 0 away; median 1, 0 and 2 away.
    expected = {"mae": 1.0, "rmse": 2.0**0.5, "rounded_accuracy": 0.5}
    assert baselines.answer_mean(None, splits) == pytest.approx(expected)
    assert baselines.answer_median(None, splits) == pytest.approx(expected)
    assert baselines.answer_mean(None, splits_of([1.0, 2.0], [1.5]))["mae"] == 0
