"""Significance: how good a cell is over its seeds, and which cells can be told apart.

A score varies for two reasons: with another seed comes another network, with another test sample other examples. The
difference of two cells must stand out of both. Its variance is that of Obuchowski and Rockette, "Hypothesis testing of
diagnostic accuracy for multiple readers and multiple tests" (1995), with seeds, nested within cells, for readers, and
test examples, shared by all runs, for cases:

    (s_1^2 / n_1 + s_2^2 / n_2) + max(c_1 + c_2 - 2 c_12, 0)

s, n: standard deviation of a cell's scores over its n seeds. c_1, c_2: covariance, over the choice of test examples, of
the scores of two seeds of one cell; c_12: that of one seed of each cell. Both come from a bootstrap in which all runs
are scored on the same resampled examples. What varies with seed and example together is in s, and counts once.

With three to five seeds a bootstrap over seeds would be too narrow. So the first part is taken as Student's t, with
degrees of freedom between the two of Welch, "The generalization of Student's problem ..." (1947), and the second as
another t; the difference has the distribution of their sum (Behrens and Fisher).

In simulations (tests/harness/comparison/test_significance.py) the 95% intervals of three and of five seeds cover the
truth 94% to 97% of the time: least where one cell varies much more than the other; most, 96.9%, where three seeds and
the examples weigh the same. Among three or four equal cells the corrected tests err in 2% to 4%.
"""

import hashlib
import json
import math
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.comparison.results import Result, monitored_score
from pipeline import record
from tasks.task import Task

MOST_RESAMPLES, FEWEST_RESAMPLES = 1000, 25
SMALLEST_RESAMPLE = 200  # examples, where there are as many

# An expected or a predicted output, as the task's metrics take it: a text, a number, a tuple of tags.
Output: TypeAlias = Any
Metric = Callable[[list[Output], list[Output]], float]
Floats = NDArray[np.float64]
# What an example counts in a task's score, where this is a weighted mean of the examples': all the same, or by its
# length in symbols, or in words.
WEIGHTS: tuple[Callable[[Output], float], ...] = (
    lambda reference: 1,
    lambda reference: len(reference) if isinstance(reference, (str, tuple)) else math.nan,
    lambda reference: len(reference.split()) if isinstance(reference, str) else math.nan,
)


@dataclass(frozen=True)
class Summary:
    """The scores of several seeds: mean, standard deviation, and the 95% interval for the mean over all seeds.

    deviation, low and high are None with one seed.
    """

    seeds: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{rounded(self.mean)} (one seed: no interval)"
        half = (self.high - self.low) / 2
        return f"{rounded(self.mean, half)} ± {rounded(half, half)}"


@dataclass(frozen=True)
class BootstrapCovariance:
    """How the scores of runs vary together with the choice of test examples.

    covariance: (runs, runs), of the runs' scores; None where it is not known, and `note` says why.
    resamples: how many it comes from. examples: how many there are in each.
    """

    covariance: Floats | None
    resamples: int = 0
    examples: int = 0
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two cells, the one with the better mean first.

    gap: by how much its mean is better, never negative. low, high: the 95% interval of the gap over seeds and test
    examples. p: of the test that there is no gap. corrected: p after Holm's correction for all `comparisons`. All four
    are None where a cell has one seed.
    needed: seeds of each cell at which a gap as this one would be seen 4 times in 5; None: already seen, or no number.
    resamples: of the test examples. note: what the interval does not cover, and why.
    folds: of cross-validation, into how many the data is divided; then the gap is the mean of the differences on those
    that both cells have, of which `seeds` says how many. 0: all runs have the same test.
    """

    better: str
    worse: str
    seeds: tuple[int, int]
    gap: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    corrected: float | None = None
    comparisons: int = 0
    needed: int | None = None
    resamples: int = 0
    note: str = ""
    folds: int = 0

    @property
    def significant(self) -> bool:
        """Whether the gap is significant, at 5% for all comparisons together."""
        return self.corrected is not None and self.corrected < 0.05

    def __str__(self) -> str:
        one, other = self.seeds
        unit = "fold" if self.folds else "seed"
        count = f"{one} {unit}{'s' * (one != 1)}" if one == other else f"{one} and {other} {unit}s"
        unknown = f"{self.better} and {self.worse} cannot be told apart with {count}"
        if self.low is None or self.high is None or self.corrected is None:
            return f"{unknown}: how much scores vary with the {unit} is known from two {unit}s on."
        half = (self.high - self.low) / 2
        low, high, gap = (rounded(value, half) for value in (self.low, self.high, self.gap))
        corrected = f" after Holm's correction, {self.comparisons} comparisons" if self.comparisons > 1 else ""
        found = f"95%: {low} to {high}; {level(self.corrected)}{corrected}"
        if self.significant:
            return f"{self.better} is better than {self.worse} by {gap} ({found})."
        if self.folds:
            return f"{unknown}: {gap} ({found})."
        if self.needed:
            advice = f"about {self.needed:,} would be needed for this gap"
        elif self.gap == 0:
            advice = "there is no gap"
        else:
            advice = "no number of seeds would do for this gap, only more test examples"
        return f"{unknown}; {advice} ({gap}; {found})."


def summarise(scores: Sequence[float], confidence: float = 0.95) -> Summary:
    """Return mean, standard deviation and t interval of the scores of several seeds; no interval with one."""
    from scipy import stats

    mean = float(np.mean(scores))
    if len(scores) < 2:
        return Summary(len(scores), mean, deviation=None, low=None, high=None)
    deviation = float(np.std(scores, ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, len(scores) - 1)) * deviation / math.sqrt(len(scores))
    return Summary(len(scores), mean, deviation=deviation, low=mean - half, high=mean + half)


def compare_cells(runs: Sequence[Result], task: Task | None, *, seconds: float = 20.0) -> list[Comparison]:
    """Return every pair of the cells of `runs`, all of one task, in the cells' order.

    runs: those that are done, each with the directory of its predictions.
    task: gives the metric for resampled test examples; without it, and where the monitored score is not computed from
    predictions, intervals cover the seeds only.
    seconds: about how long the bootstrap may take; where a metric is slow, it is of fewer and smaller resamples.
    """
    runs = [run for run in runs if monitored_score(run) is not None]
    cells = list(dict.fromkeys(run["cell"] for run in runs))
    rows = {cell: [row for row, run in enumerate(runs) if run["cell"] == cell] for cell in cells}
    testable = [pair for pair in combinations(cells, 2) if min(len(rows[cell]) for cell in pair) > 1]
    covariance = estimate_covariance(runs, task, seconds=seconds) if testable else BootstrapCovariance(None)
    comparisons = [
        _compare_two(runs, {cell: rows[cell] for cell in pair}, covariance=covariance, comparisons=len(testable))
        for pair in combinations(cells, 2)
    ]
    return correct(comparisons)


def _compare_two(
    runs: Sequence[Result], rows: Mapping[str, list[int]], *, covariance: BootstrapCovariance, comparisons: int
) -> Comparison:
    """Return the comparison of two cells, not corrected. rows: of each, in `runs` and in the covariance."""
    sign = -1 if runs[0]["lower_is_better"] else 1
    scores = {
        cell: np.array([sign * (monitored_score(runs[row]) or 0.0) for row in found]) for cell, found in rows.items()
    }
    better, worse = sorted(scores, key=lambda cell: -scores[cell].mean())
    one, other = scores[better], scores[worse]
    gap = float(one.mean() - other.mean())
    found = Comparison(better, worse, seeds=(len(one), len(other)), gap=gap, comparisons=comparisons)
    if min(found.seeds) < 2:
        return found
    example_variance, example_degrees = 0.0, math.inf
    if covariance.covariance is not None:
        example_variance = variance_over_examples(covariance.covariance, rows[better], other=rows[worse])
        example_degrees = min(covariance.resamples, covariance.examples) - 1
    low, high, p = compare_means(one, other, example_variance=example_variance, example_degrees=example_degrees)
    deviation = math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    needed = seeds_needed(gap, deviation, example_variance=example_variance, alpha=0.05 / comparisons)
    # As many as there are did not do.
    needed = max(needed, min(found.seeds) + 1) if needed else None
    return replace(found, low=low, high=high, p=p, needed=needed, resamples=covariance.resamples, note=covariance.note)


def compare_means(
    one: Floats,
    other: Floats,
    *,
    example_variance: float = 0.0,
    example_degrees: float = math.inf,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Return the interval of mean(one) - mean(other), low and high, and p of the test that it is 0.

    one, other: scores of two cells, (seeds,), two at least. example_variance: the part of the difference's variance
    that is due to the choice of test examples, known with example_degrees of freedom. Without it: Welch's t test.
    """
    from scipy.optimize import brentq

    gap = float(one.mean() - other.mean())
    seed_variances = one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)
    seed_degrees = len(one) - 1, len(other) - 1

    def p(distance: float) -> float:
        return p_value(
            distance, seed_variances, seed_degrees, example_variance=example_variance, example_degrees=example_degrees
        )

    if sum(seed_variances) + example_variance == 0:
        return gap, gap, float(gap == 0)
    far = math.sqrt(sum(seed_variances) + example_variance)
    while p(far) > 1 - confidence:
        far *= 2
    half = float(brentq(lambda distance: p(distance) - (1 - confidence), 0, far, xtol=far * 1e-6))
    return gap - half, gap + half, p(abs(gap))


def p_value(
    distance: float,
    seed_variances: Sequence[float],
    seed_degrees: Sequence[int],
    *,
    example_variance: float,
    example_degrees: float,
) -> float:
    """Return how likely a difference without a gap is `distance` or more, in either direction.

    seed_variances: those of the two means over seeds, each known with its `seed_degrees` of freedom.
    example_variance, example_degrees: as in `compare_means`.
    """
    from scipy import stats
    from scipy.special import stdtr

    over_seeds = sum(seed_variances)
    if over_seeds == 0:
        return float(2 * stats.t.sf(distance / math.sqrt(example_variance), example_degrees))
    # Welch has two approximations, with 0 and with 2 in place of 1: the first is too careful with three seeds, the
    # second not enough.
    own = (
        over_seeds**2 / sum(part**2 / (degrees + 1) for part, degrees in zip(seed_variances, seed_degrees, strict=True))
        - 1
    )
    if example_variance == 0:
        return float(2 * stats.t.sf(distance / math.sqrt(over_seeds), own))
    # Integrated over the part of the examples.
    values, weights = _grid(example_degrees)
    return float(2 * weights @ stdtr(own, (math.sqrt(example_variance) * values - distance) / math.sqrt(over_seeds)))


@cache
def _grid(degrees: float) -> tuple[Floats, Floats]:
    """Return values of t, dense around 0 and far out, for few degrees of freedom, and how likely t is near each."""
    from scipy import stats

    even = np.linspace(-8, 8, 401)
    values = np.sinh(even)
    weights = stats.t.pdf(values, degrees) * np.cosh(even)
    return values, weights / weights.sum()


def variance_over_examples(covariance: Floats, one: Sequence[int], *, other: Sequence[int]) -> float:
    """Return the variance of the difference of two cells that is due to the choice of examples: c_1 + c_2 - 2 c_12.

    covariance: (runs, runs), of their scores over resampled examples. one, other: the rows of each cell's runs.
    """

    def within(rows: Sequence[int]) -> float:
        block = covariance[np.ix_(rows, rows)]
        return float(block.sum() - np.trace(block)) / (len(rows) * (len(rows) - 1))

    return max(float(within(one) + within(other) - 2 * covariance[np.ix_(one, other)].mean()), 0.0)


def correct(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with p corrected for all of them (Holm 1979); no seeds are needed for what is seen."""
    from statsmodels.stats.multitest import multipletests

    tested = [one.p for one in comparisons if one.p is not None]
    if not tested:
        return list(comparisons)
    corrected = iter(multipletests(tested, method="holm")[1])
    done = [one if one.p is None else replace(one, corrected=float(next(corrected))) for one in comparisons]
    return [replace(one, needed=None) if one.significant else one for one in done]


def seeds_needed(gap: float, deviation: float, *, example_variance: float = 0.0, alpha: float = 0.05) -> int | None:
    """Return how many seeds of each cell show `gap` in 4 of 5 comparisons, by a two-sided t test at `alpha`.

    deviation: of the scores of one cell over seeds. example_variance: the part of the difference's variance that is
    due to the choice of test examples, which no number of seeds makes less: None if a million would not do, or if there
    is no gap.
    """
    from statsmodels.stats.power import TTestIndPower

    if gap <= 0:
        return None

    def power(seeds: int) -> float:
        noise = math.sqrt(deviation**2 + seeds * example_variance / 2)
        # The gap is sure to be seen, and the non-central t distribution has no numbers for it.
        if noise * 10 < gap * math.sqrt(seeds / 2):
            return 1.0
        return float(TTestIndPower().power(gap / noise, seeds, alpha, alternative="two-sided"))

    most = 2
    while power(most) < 0.8:
        most *= 2
        if most > 2**20:
            return None
    return bisect_left(range(most + 1), 0.8, lo=2, key=power)


def estimate_covariance(runs: Sequence[Result], task: Task | None, *, seconds: float = 20.0) -> BootstrapCovariance:
    """Return how the monitored scores of runs vary with the choice of test examples: a bootstrap paired over the runs.

    Where that cannot be known, the covariance is None, and its note says why.
    """
    monitor = runs[0]["monitor"]
    if task is None:
        return _unknown_covariance("the task's metric is not at hand")
    try:
        references, predictions = read_predictions(runs)
    except (OSError, ValueError, KeyError) as error:
        return _unknown_covariance(f"the predictions cannot be read ({error})")
    if references is None:
        return _unknown_covariance("the runs were tested on different examples")

    def metric(expected: list[Output], predicted: list[Output]) -> float:
        return task.metrics(expected, predicted)[monitor]

    try:
        metric(references[:1], predictions[0][:1])
        return bootstrap(metric, references, predictions=predictions, seconds=seconds)
    # A metric may be of any library, and fail in any way on a sample of the examples.
    except Exception:
        return _unknown_covariance(f"{monitor} is not computed from the written predictions")


def _unknown_covariance(reason: str) -> BootstrapCovariance:
    return BootstrapCovariance(None, note=f"The interval covers the seeds only: {reason}.")


def read_predictions(runs: Sequence[Result]) -> tuple[list[Output] | None, list[list[Output]]]:
    """Return the expected outputs and each run's predictions; None for the first if runs had different examples.

    Raises OSError or ValueError for a file that cannot be read, KeyError for one without outputs.
    """
    references: list[Output] | None = None
    predictions, tested = [], None
    for run in runs:
        examples, expected, predicted = _read_test(Path(run["run"]) / "predictions" / "test.jsonl")
        if tested is not None and examples != tested:
            return None, []
        references, tested = expected, examples
        predictions.append(predicted)
    return references, predictions


def _read_test(path: Path) -> tuple[bytes, list[Output], list[Output]]:
    """Return a digest of the examples of a test, and their expected and predicted outputs; see `read_predictions`.

    Line by line, without the inputs, which may be long: a test may be more than memory should hold.
    """
    examples, expected, predicted = hashlib.sha256(), [], []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line == "\n":
                continue
            found = record.convert(record.load(line), dict[str, Output])
            examples.update(json.dumps([found.get("input"), found["output"]]).encode())
            expected.append(_as_tuple(found["output"]))
            predicted.append(_as_tuple(found["prediction"]))
    return examples.digest(), expected, predicted


def _as_tuple(value: Output) -> Output:
    # JSON has no tuples, and a metric may ask whether an output is one. Of equal labels and tags one is kept.
    if isinstance(value, list):
        return tuple(map(_as_tuple, value))
    return sys.intern(value) if isinstance(value, str) else value


def bootstrap(
    metric: Metric, references: list[Output], *, predictions: Sequence[list[Output]], seconds: float = 20.0
) -> BootstrapCovariance:
    """Return how `metric`'s scores vary over resampled examples, which are the same ones for all runs.

    Where the score is a weighted mean of the examples' own scores, as accuracy is, these are resampled. Else the metric
    is computed on each resample, on as many from FEWEST_RESAMPLES to MOST_RESAMPLES as `seconds` allow. If they allow
    less, a resample has fewer examples than there are, and the covariance is reduced by their ratio (Bickel, Götze and
    van Zwet 1997).
    """
    start = time.perf_counter()
    whole = [metric(references, predicted) for predicted in predictions]
    took = max(time.perf_counter() - start, 1e-9)
    count = size = len(references)
    found = decompose(metric, references, predictions=predictions, whole=whole, seconds=seconds)
    if found is not None:
        values, weights = found
        resamples = MOST_RESAMPLES

        def scores(chosen: NDArray[np.int64]) -> Floats:
            return weights[chosen] @ values[chosen] / weights[chosen].sum()
    else:
        resamples, size = plan_resamples(count, took=took, seconds=seconds)

        def scores(chosen: NDArray[np.int64]) -> Floats:
            expected = [references[example] for example in chosen]
            return np.array([metric(expected, [predicted[example] for example in chosen]) for predicted in predictions])

    random = np.random.default_rng(0)
    drawn = np.array([scores(random.integers(count, size=size)) for _ in range(resamples)])
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False)) * (size / count)
    return BootstrapCovariance(covariance, resamples, examples=size)


def plan_resamples(count: int, *, took: float, seconds: float) -> tuple[int, int]:
    """Return how many resamples of how many examples may be scored. took: seconds for the score of all `count`."""
    resamples = int(min(max(seconds / took, FEWEST_RESAMPLES), MOST_RESAMPLES))
    if resamples * took <= seconds:
        return resamples, count
    return resamples, min(count, max(SMALLEST_RESAMPLE, round(count * seconds / (resamples * took))))


def decompose(
    metric: Metric,
    references: list[Output],
    *,
    predictions: Sequence[list[Output]],
    whole: Sequence[float],
    seconds: float,
) -> tuple[Floats, Floats] | None:
    """Return the scores of single examples, (examples, runs), and their weights, (examples,), if the metric is a mean.

    None if it is no mean weighted by any of WEIGHTS, or if to find out would take longer than `seconds`.
    whole: each run's score of all examples.
    """
    pairs = {(repr(r), repr(p)): (r, p) for run in predictions for r, p in zip(references, run, strict=True)}
    known: dict[tuple[str, str], float] = {}
    start = time.perf_counter()
    for name, (reference, prediction) in pairs.items():
        try:
            known[name] = metric([reference], [prediction])
        # Such as a correlation, which one example does not have.
        except Exception:
            return None
        if (time.perf_counter() - start) / len(known) * len(pairs) > seconds and len(known) >= 10:
            return None
    values = np.array([[known[repr(r), repr(run[n])] for run in predictions] for n, r in enumerate(references)])
    for weigh in WEIGHTS:
        weights = np.array([weigh(reference) for reference in references], dtype=float)
        if np.isfinite(weights).all() and weights.any() and np.allclose(weights @ values / weights.sum(), whole, 1e-9):
            return values, weights
    return None


def level(p: float) -> str:
    """Return p in words: "p = 0.012", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def rounded(value: float, error: float | None = None) -> str:
    """Return a number with two digits of its error, the half of an interval; with four of its own without one."""
    scale = error or abs(value) / 100
    if not scale:
        return "0"
    return f"{value:.{min(max(1 - math.floor(math.log10(scale)), 0), 12)}f}"
