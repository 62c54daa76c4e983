"""Folds: cells that were trained and tested on the same folds of the data, compared fold by fold.

Some folds are harder than others, for every cell. The difference of two cells on one fold has nothing of that. So it is
the differences that are looked at, one per fold, each the mean over the seeds where there are several.

Two folds train on largely the same examples, so what they score is not independent, and the usual interval would be too
narrow: the variance of the mean of n of K folds is taken as (1/n + test/train) s^2 in place of s^2 / n, with test/train
= 1 / (K - 1) (Nadeau and Bengio 2003, "Inference for the generalization error", section 5), and Student's t.
"""

import math
import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import TypedDict

from harness.comparison.results import Result, monitored_score
from harness.comparison.significance import Comparison, Summary, correct, summarise

CONFIDENCE = 0.95
# The score of each fold, by its number.
ByFold = dict[int, float]


class Spread(TypedDict):
    """One score over the folds. deviation: between them. low, high: the interval of the mean."""

    mean: float
    deviation: float
    low: float
    high: float


def measure_spread(scores: Sequence[float], folds: int | None = None) -> Spread:
    """Return the mean, the standard deviation and the interval of scores, two or more, of as many of `folds` folds.

    folds: into how many the data is divided; None: into as many as there are scores.
    """
    # Not with the others: SciPy takes a second.
    from scipy.stats import t

    mean, deviation = statistics.fmean(scores), statistics.stdev(scores)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(scores) - 1)) * measure_error(scores, folds or len(scores))
    return {"mean": mean, "deviation": deviation, "low": mean - half, "high": mean + half}


def measure_error(scores: Sequence[float], folds: int) -> float:
    """Return the standard error of the mean of scores; see above."""
    return statistics.stdev(scores) * math.sqrt(1 / len(scores) + 1 / (folds - 1))


def count_folds(runs: Sequence[Result]) -> int:
    """Return into how many folds the data of one task's runs is divided; 0 where all have the same test."""
    tested = {run.get("fold") for run in runs}
    return max((run.get("folds") or 0 for run in runs), default=0) if len(tested) > 1 else 0


def average_by_fold(runs: Sequence[Result]) -> ByFold:
    """Return the score of a cell on each fold, the mean over its seeds. runs: of one cell, those that are done."""
    found: dict[int, list[float]] = {}
    for run in runs:
        score, fold = monitored_score(run), run.get("fold")
        if score is not None and fold is not None:
            found.setdefault(fold, []).append(score)
    return {fold: statistics.fmean(scores) for fold, scores in sorted(found.items())}


def summarise_folds(scores: ByFold, folds: int) -> Summary:
    """Return the scores of a cell over its folds; without an interval where there is one fold alone."""
    if len(scores) < 2:
        return Summary(len(scores), statistics.fmean(scores.values()), deviation=None, low=None, high=None)
    return Summary(len(scores), **measure_spread(list(scores.values()), folds))


def summarise_cell(runs: Sequence[Result], folds: int) -> Summary:
    """Return the scores of a cell's runs: over the folds, or where there are none over the seeds."""
    if folds:
        return summarise_folds(average_by_fold(runs), folds)
    return summarise([monitored_score(run) or 0.0 for run in runs])


def compare_folds(cells: dict[str, ByFold], folds: int, *, lower_is_better: bool) -> list[Comparison]:
    """Return every pair of cells, in their order, compared on the folds that both have; see above.

    p is that of the t test of the mean difference, corrected for the number of pairs (Holm).
    """
    pairs = list(combinations(cells, 2))
    shared = [cells[one].keys() & cells[other].keys() for one, other in pairs]
    testable = sum(len(both) > 1 for both in shared)
    return correct(
        [
            _compare_two(cells, pair, sorted(both), folds=folds, sign=-1 if lower_is_better else 1, count=testable)
            for pair, both in zip(pairs, shared, strict=True)
        ]
    )


def _compare_two(
    cells: dict[str, ByFold], pair: tuple[str, str], both: Sequence[int], *, folds: int, sign: int, count: int
) -> Comparison:
    from scipy.stats import t

    one, other = pair
    differences = [sign * (cells[one][fold] - cells[other][fold]) for fold in both]
    if not differences:
        return Comparison(one, other, seeds=(0, 0), gap=0.0, folds=folds, note=f"{one} and {other} share no fold.")
    if statistics.fmean(differences) < 0:
        one, other, differences = other, one, [-gap for gap in differences]
    gap, size = statistics.fmean(differences), (len(both), len(both))
    found = Comparison(one, other, seeds=size, gap=gap, comparisons=count, folds=folds)
    if len(both) < 2:
        return found
    spread, error = measure_spread(differences, folds), measure_error(differences, folds)
    p = float(2 * t.sf(gap / error, len(both) - 1)) if error else float(gap == 0)
    missing = folds - len(both)
    note = f"{one} and {other} are compared on {len(both)} of {folds} folds." if missing else ""
    return Comparison(
        one,
        other,
        seeds=size,
        gap=gap,
        low=spread["low"],
        high=spread["high"],
        p=p,
        comparisons=count,
        folds=folds,
        note=note,
    )
