"""Calibration: the error by its definition, the temperature by brute force."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from pipeline.calibration import HIGHEST, LOWEST, SPREAD, expected_calibration_error, fit_temperature


def draw_labels(logits: np.ndarray, seed: int) -> np.ndarray:
    """Return labels that are as likely as the logits say."""
    generator = np.random.default_rng(seed)
    return np.array([generator.choice(len(likely), p=likely) for likely in softmax(logits, axis=1)])


def test_the_calibration_error_is_the_gap_of_each_tenth_weighted_by_its_answers() -> None:
    certain = np.array([0.61, 0.65, 0.95, 1.0])
    right = np.array([True, False, True, True])
    expected = 0.5 * abs(0.5 - 0.63) + 0.5 * abs(1 - 0.975)
    assert expected_calibration_error(right, certain) == pytest.approx(expected)


@pytest.mark.parametrize(("labels", "factor"), [(2, 3.0), (2, 0.4), (5, 2.0)])
def test_the_temperature_is_the_best_of_a_brute_force_search(labels: int, factor: float) -> None:
    """The reference: the probability of the labels times that of the temperature, at each of many temperatures."""
    logits = np.random.default_rng(0).normal(scale=2, size=(400, labels))
    right = draw_labels(logits, 1)
    tried = np.geomspace(0.1, 10, 2001)
    posteriors = [
        np.log(softmax(factor * logits / one, axis=1)[np.arange(400), right]).sum()
        + norm.logpdf(np.log(one), scale=SPREAD)
        for one in tried
    ]
    found = fit_temperature(factor * logits, right)
    assert found == pytest.approx(tried[np.argmax(posteriors)], rel=5e-3)
    # Those logits were the true ones times the factor.
    assert found == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize("labels", [2, 10, 100])
@pytest.mark.parametrize("examples", [20, 100])
def test_few_examples_leave_probabilities_that_are_right_as_they_are(labels: int, examples: int) -> None:
    """The labels are as likely as the logits say, mostly sure, as those of a trained network.

    The mean of 30 draws of examples may be off by what so many tell of their share of right answers: its standard
    error.
    """
    generator = np.random.default_rng(4)
    logits = generator.normal(size=(2000, labels)) + 9 * np.eye(labels)[generator.integers(labels, size=2000)]
    right = draw_labels(logits, 5)

    def measure(temperature: float) -> float:
        likely = softmax(logits / temperature, axis=1)
        return expected_calibration_error(likely.argmax(axis=1) == right, likely.max(axis=1))

    draws = [generator.choice(len(logits), size=examples, replace=False) for _ in range(30)]
    found = np.mean([measure(fit_temperature(logits[draw], right[draw])) for draw in draws])
    share = (logits.argmax(axis=1) == right).mean()
    assert found < measure(1.0) + np.sqrt(share * (1 - share) / examples)


def test_calibrated_probabilities_are_as_often_right_as_they_say() -> None:
    true = np.random.default_rng(2).normal(scale=1.5, size=(5000, 2))
    labels, logits = draw_labels(true, 3), 4 * true
    validation, test = slice(2500), slice(2500, None)

    def measure(scale: float) -> float:
        likely = softmax(logits[test] / scale, axis=1)
        return expected_calibration_error(likely.argmax(axis=1) == labels[test], likely.max(axis=1))

    assert measure(1.0) > 0.1
    assert measure(fit_temperature(logits[validation], labels[validation])) < 0.03


def test_few_examples_all_right_leave_a_network_that_is_sure_of_them_as_it_is() -> None:
    logits = np.array([[9.0, -9.0], [-9.0, 9.0], [9.0, -9.0]])
    assert fit_temperature(logits, [0, 1, 0]) == pytest.approx(1, abs=1e-3)


def test_few_examples_all_wrong_give_a_higher_temperature_within_bounds() -> None:
    logits = np.array([[9.0, -9.0], [-9.0, 9.0], [9.0, -9.0]])
    assert 2 < fit_temperature(-logits, [0, 1, 0]) <= HIGHEST


def test_no_temperature_is_outside_the_bounds() -> None:
    logits = np.random.default_rng(6).normal(size=(5000, 2))
    right = logits.argmax(axis=1)
    assert LOWEST <= fit_temperature(1e-3 * logits, right) < 2 * LOWEST
    assert HIGHEST / 2 < fit_temperature(-1e3 * logits, right) <= HIGHEST
