"""Calibration: the error by its definition, the temperature by brute force."""

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.calibration import HIGHEST, LOWEST, expected_calibration_error, fit_temperature


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
    """The reference: the cross-entropy with Platt's targets, at each of many temperatures."""
    logits = np.random.default_rng(0).normal(scale=2, size=(400, labels))
    right = draw_labels(logits, 1)
    count = len(right)
    wanted = np.full((count, labels), 1 / (count + labels))
    wanted[np.arange(count), right] = (count + 1) / (count + labels)
    tried = np.geomspace(0.1, 10, 2001)
    losses = [-(wanted * np.log(softmax(factor * logits / one, axis=1))).sum() for one in tried]
    found = fit_temperature(factor * logits, right)
    assert found == pytest.approx(tried[np.argmin(losses)], rel=5e-3)
    # Those logits were the true ones times the factor.
    assert found == pytest.approx(factor, rel=0.15)


def test_calibrated_probabilities_are_as_often_right_as_they_say() -> None:
    true = np.random.default_rng(2).normal(scale=1.5, size=(5000, 2))
    labels, logits = draw_labels(true, 3), 4 * true
    validation, test = slice(2500), slice(2500, None)

    def measure(scale: float) -> float:
        likely = softmax(logits[test] / scale, axis=1)
        return expected_calibration_error(likely.argmax(axis=1) == labels[test], likely.max(axis=1))

    assert measure(1.0) > 0.1
    assert measure(fit_temperature(logits[validation], labels[validation])) < 0.03


@pytest.mark.parametrize("sign", [1, -1])
def test_few_examples_all_right_or_all_wrong_give_a_temperature_within_bounds(sign: int) -> None:
    logits = sign * np.array([[9.0, -9.0], [-9.0, 9.0], [9.0, -9.0]])
    assert LOWEST < fit_temperature(logits, [0, 1, 0]) <= HIGHEST
