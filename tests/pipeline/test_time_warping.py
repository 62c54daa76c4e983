import numpy as np
import pytest

from pipeline import time_warping
from pipeline.example import Example
from pipeline.fields import Signal
from pipeline.option import Options


def warp(one: np.ndarray, other: np.ndarray, band: int) -> float:
    """Return the distance by its definition: the cheapest path, found by trying all of them."""

    def least(i: int, j: int) -> float:
        if abs(i - j) > band:
            return np.inf
        cost = float(((one[i] - other[j]) ** 2).sum())
        before = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        paths = [least(a, b) for a, b in before if a >= 0 and b >= 0]
        return cost + (min(paths) if i or j else 0)

    return least(len(one) - 1, len(other) - 1)


def test_distances_are_those_of_the_cheapest_paths() -> None:
    chance = np.random.default_rng(0)
    asked, known = chance.normal(size=(6, 2)), chance.normal(size=(3, 6, 2))
    expected = [warp(asked, one, band=1) for one in known]
    assert time_warping.measure_distances(asked, known) == pytest.approx(expected)


def test_a_late_peak_is_nearer_to_a_peak_than_to_none() -> None:
    def example(text: str, label: str) -> Example:
        return Example(Signal.parse(text), label)

    training = [example("0 0 0 0 9 0 0 0 0 0", "peak"), example("0 0 0 1 0 1 0 0 0 0", "none")]
    splits = {"train": training, "test": [example("0 0 0 0 0 8 0 0 0 0", "peak"), example("0 0 ? 1 0 0 0 0", "none")]}
    assert time_warping.score_nearest(Options(), splits)["accuracy"] == 1
