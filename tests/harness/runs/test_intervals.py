"""Intervals of scores, against those of other libraries and of theory."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

import tasks
from harness.comparison import significance
from harness.runs import intervals
from harness.runs.intervals import estimate_intervals
from pipeline import metrics
from tasks.task import Task


def scored_by(measure: Any) -> Task:
    return dataclasses.replace(tasks.get("sentiment"), metrics=measure)


def draw(count: int, right: float, seed: int = 0) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    expected = random.choice(["neg", "pos"], count)
    other = np.where(expected == "neg", "pos", "neg")
    return expected.tolist(), np.where(random.random(count) < right, expected, other).tolist()


@pytest.mark.parametrize("count, right", [(50, 0.9), (400, 0.7), (30, 1.0), (30, 0.0)])
def test_a_share_of_right_answers_has_wilson_s_interval(count: int, right: float) -> None:
    expected, predicted = draw(count, right)
    found = estimate_intervals(scored_by(metrics.accuracy), expected, predicted)["accuracy"]
    hits = sum(one == other for one, other in zip(expected, predicted, strict=True))
    assert (found.low, found.high) == pytest.approx(proportion_confint(hits, count, method="wilson"))
    # Where all are right, others would not be.
    assert found.low < found.high


def test_the_mean_of_a_measure_has_the_interval_that_scipy_s_bootstrap_gives() -> None:
    random = np.random.default_rng(1)
    expected = random.normal(size=200).tolist()
    predicted = (np.array(expected) + random.exponential(size=200)).tolist()
    found = estimate_intervals(scored_by(metrics.errors), expected, predicted, seconds=3)
    errors = np.abs(np.subtract(expected, predicted))
    reference = bootstrap((errors,), np.mean, method="percentile", n_resamples=9999, rng=0).confidence_interval
    width = reference.high - reference.low
    assert found["mae"].low == pytest.approx(reference.low, abs=0.1 * width)
    assert found["mae"].high == pytest.approx(reference.high, abs=0.1 * width)
    squares = bootstrap(
        (errors,), lambda one, axis: np.sqrt((one**2).mean(axis)), method="percentile", n_resamples=9999, rng=0
    ).confidence_interval
    assert (found["rmse"].low, found["rmse"].high) == pytest.approx((squares.low, squares.high), rel=0.08)


def test_tags_are_drawn_by_sentence_for_those_of_one_sentence_are_alike() -> None:
    random = np.random.default_rng(0)
    right = random.random(100) < 0.5
    expected = [("X",) * 20] * 100
    predicted = [("X" if one else "Y",) * 20 for one in right]
    found = estimate_intervals(scored_by(metrics.tag_accuracy), expected, predicted)["accuracy"]
    # As of 100 answers, not of 2,000.
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 100), rel=0.15)


def test_a_slow_metric_has_an_interval_of_about_the_same_width(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, predicted = draw(400, 0.8)
    task = scored_by(metrics.accuracy_and_macro_f1)
    found = {}
    # However fast the machine is: many resamples of all examples, or few of half of them.
    for resamples, size in ((400, 400), (25, 200)):
        monkeypatch.setattr(intervals, "plan_resamples", lambda *_, planned=(resamples, size), **__: planned)
        found[resamples] = estimate_intervals(task, expected, predicted)["macro_f1"]
        assert found[resamples].method == f"a bootstrap of {resamples} resamples"
    many, few = (one.high - one.low for one in found.values())
    assert few == pytest.approx(many, rel=0.5)
    assert significance.plan_resamples(400, took=1.0, seconds=5.0) == (25, 200)
    assert significance.plan_resamples(400, took=1e-9, seconds=5.0) == (1000, 400)


def test_scores_that_resampling_changes_or_cannot_compute_have_none() -> None:
    expected, predicted = draw(40, 0.5)
    names = [f"name {n}" for n in range(40)]
    assert estimate_intervals(scored_by(metrics.distinct), names, names) == {}

    def fail(references: list, predictions: list) -> dict[str, float]:
        if len(set(references)) < 40:
            raise ValueError("too few")
        return {"score": 1.0, "other": math.nan}

    assert estimate_intervals(scored_by(fail), names, names) == {}
    assert estimate_intervals(scored_by(metrics.accuracy), expected[:19], predicted[:19]) == {}


def test_the_same_answers_have_the_same_interval() -> None:
    expected, predicted = draw(60, 0.8)
    task = scored_by(metrics.accuracy)
    assert estimate_intervals(task, expected, predicted) == estimate_intervals(task, expected, predicted)
    assert intervals.CONFIDENCE == 0.95
