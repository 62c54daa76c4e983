"""Intervals: how far the test scores of one run would differ with another sample of test examples.

A score that is a share of examples that are right has Wilson's interval ("Probable inference ...", 1927), which is one
for a share of 0 or 1 too. All other scores have that of a bootstrap over the examples (Efron 1979): its percentiles;
or, where a metric is so slow that there are few resamples, the score and twice its standard error at either side.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.significance import MOST_RESAMPLES, decompose, plan_resamples
from tasks.task import Scores, Task

CONFIDENCE = 0.95
# Examples below which neither is to be relied on, and resamples below which there are no percentiles.
FEWEST_EXAMPLES, FEWEST_FOR_PERCENTILES = 20, 200
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where a score may lie, with 95% confidence. method: how it was found, in words."""

    low: float
    high: float
    method: str


def estimate_intervals(
    task: Task, references: Sequence[Any], predictions: Sequence[Any], *, seconds: float = 1.0
) -> dict[str, Interval]:
    """Return the interval of each score that the task's metrics compute from predictions; none of few examples.

    A score that cannot be computed for every resample, such as a correlation, has none. Nor has one that is the same in
    all, or that changes where each example is there twice, such as a share of different answers.
    seconds: about how long it may take; where a metric is slow there are fewer and smaller resamples.
    """
    count = len(references)
    if count < FEWEST_EXAMPLES:
        return {}
    expected, predicted = list(references), list(predictions)
    # What a metric imports is imported now.
    whole = task.metrics(expected, predicted)
    started = time.perf_counter()
    twice = task.metrics(expected * 2, predicted * 2)
    took = max((time.perf_counter() - started) / 2, 1e-9)
    names = [name for name, value in whole.items() if math.isclose(value, twice.get(name, math.nan), rel_tol=1e-6)]
    found: dict[str, Interval] = {}
    for name in names:
        parts = decompose(
            partial(_measure, task, name),
            expected,
            predictions=[predicted],
            whole=[whole[name]],
            seconds=seconds / 2 / len(names),
        )
        if parts is not None:
            found[name] = _from_examples(parts[0][:, 0], parts[1])
    if rest := [name for name in names if name not in found]:
        resamples, size = plan_resamples(count, took=took, seconds=seconds / 2)
        scores = _resample(task, expected, predicted, resamples=resamples, size=size)
        found |= _from_resamples({name: whole[name] for name in rest}, scores, size / count)
    return {name: found[name] for name in names if name in found and found[name].low < found[name].high}


def _measure(task: Task, name: str, expected: list, predicted: list) -> float:
    return task.metrics(expected, predicted)[name]


def _from_examples(values: Floats, weights: Floats) -> Interval:
    """Return the interval of a mean. values, weights: of each example, (examples,)."""
    count = len(values)
    if np.isin(values, (0, 1)).all() and (weights == weights[0]).all():
        from scipy.stats import binomtest

        low, high = binomtest(int(values.sum()), count).proportion_ci(CONFIDENCE, method="wilson")
        return Interval(float(low), float(high), f"Wilson's, of {count:,} examples")
    random = np.random.default_rng(0)
    chosen = (random.integers(count, size=count) for _ in range(MOST_RESAMPLES))
    drawn = np.array([weights[rows] @ values[rows] / weights[rows].sum() for rows in chosen])
    low, high = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high), _name_bootstrap(MOST_RESAMPLES))


def _resample(
    task: Task, expected: Sequence[Any], predicted: Sequence[Any], *, resamples: int, size: int
) -> list[Scores]:
    """Return the scores of `resamples` samples of `size` examples, drawn with replacement."""
    random, found = np.random.default_rng(0), []
    for _ in range(resamples):
        rows = random.integers(len(expected), size=size)
        try:
            found.append(task.metrics([expected[row] for row in rows], [predicted[row] for row in rows]))
        # A metric may be of any library, and fail in any way on a sample of the examples.
        except Exception:
            return []
    return found


def _from_resamples(whole: Scores, drawn: Sequence[Mapping[str, float]], share: float) -> dict[str, Interval]:
    """Return the intervals of scores. drawn: of the resamples. share: of all examples that each resample has.

    What smaller resamples deviate by is reduced (Bickel, Götze and van Zwet 1997).
    """
    found = {}
    for name, score in whole.items():
        values = np.array([scores.get(name, math.nan) for scores in drawn])
        if not len(values) or not np.isfinite(values).all():
            continue
        if share == 1 and len(values) >= FEWEST_FOR_PERCENTILES:
            low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        else:
            from scipy.stats import t

            half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) * math.sqrt(share)
            low, high = score - half, score + half
        found[name] = Interval(float(low), float(high), _name_bootstrap(len(values)))
    return found


def _name_bootstrap(resamples: int) -> str:
    return f"a bootstrap of {resamples:,} resamples"
