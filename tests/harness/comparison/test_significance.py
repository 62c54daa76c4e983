"""Against scipy, statsmodels, brute force, and simulated scores whose true differences are known."""

import json
import math
import tracemalloc
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import tasks
from harness.comparison import significance
from harness.comparison.significance import Comparison
from pipeline import metrics

SIMULATIONS = 2000


def make_run(
    folder: Path, cell: str, seed: int, lines: list[dict], name: str, value: float, lower: bool = False
) -> dict:
    directory = folder / f"{cell}-s{seed}"
    (directory / "predictions").mkdir(parents=True)
    (directory / "predictions" / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {
        "cell": cell,
        "seed": seed,
        "run": str(directory),
        "monitor": name,
        "lower_is_better": lower,
        "scores": {name: value},
    }


def make_sentiment(folder: Path, shares: dict[str, list[float]], examples: int = 200) -> list[dict]:
    """Return runs of a classifier whose shares of right labels are as given."""
    runs = []
    for cell, found in shares.items():
        for seed, share in enumerate(found):
            right = round(share * examples)
            lines = [
                {"input": str(n), "output": "good", "prediction": "good" if n < right else "bad"}
                for n in range(examples)
            ]
            runs.append(make_run(folder, cell, seed, lines, "accuracy", right / examples))
    return runs


def test_the_interval_over_seeds_is_that_of_scipy() -> None:
    scores = [0.81, 0.84, 0.80, 0.86]
    found = significance.summarise(scores)
    expected = stats.t.interval(0.95, 3, np.mean(scores), stats.sem(scores))
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.seeds, found.mean, found.deviation) == pytest.approx((4, np.mean(scores), stats.tstd(scores)))
    assert str(found) == "0.828 ± 0.044"


def test_one_seed_has_no_interval_and_says_so() -> None:
    found = significance.summarise([0.8])
    assert (found.deviation, found.low, found.high) == (None, None, None)
    assert str(found) == "0.8000 (one seed: no interval)"


def test_without_chance_in_the_examples_the_test_nears_that_of_welch() -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(0, 1, 300), random.normal(0.2, 2, 200)
    expected = stats.ttest_ind(one, other, equal_var=False)
    low, high, p = significance.compare_means(one, other)
    assert p == pytest.approx(expected.pvalue, rel=0.01)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval()), rel=0.01)


@pytest.mark.parametrize("freedom", [24, 500])
def test_the_two_sources_of_chance_add_up_as_two_variables_of_student(freedom: int) -> None:
    random = np.random.default_rng(0)
    # As many degrees of freedom as Welch has with one deviation of 0.
    drawn = math.sqrt(0.5) * random.standard_t(4, 1_000_000) + math.sqrt(0.3) * random.standard_t(freedom, 1_000_000)
    for distance in (0.5, 2, 4):
        found = significance.p_value(distance, (0.5, 0.0), (4, 4), example_variance=0.3, example_degrees=freedom)
        assert found == pytest.approx(np.mean(np.abs(drawn) > distance), rel=0.05)


@pytest.mark.parametrize(
    ("parts", "spread", "expected"),
    [((0.0, 0.0), 0.25, 2 * stats.norm.sf(4)), ((0.25, 0.0), 0.0, 2 * stats.t.sf(4, 2))],
)
def test_one_source_of_chance_alone_is_its_own_distribution(
    parts: tuple[float, float], spread: float, expected: float
) -> None:
    assert significance.p_value(2, parts, (2, 2), example_variance=spread, example_degrees=math.inf) == pytest.approx(
        expected
    )


def test_the_interval_ends_where_p_is_five_percent() -> None:
    one, other = np.array([0.80, 0.82, 0.85]), np.array([0.70, 0.71, 0.78])
    low, high, _ = significance.compare_means(one, other, example_variance=1e-4, example_degrees=100)
    for end in (low, high):
        assert significance.compare_means(one - end, other, example_variance=1e-4, example_degrees=100)[
            2
        ] == pytest.approx(0.05, rel=1e-3)


def test_scores_without_any_chance_are_compared_as_they_are() -> None:
    same, other = np.array([0.5, 0.5]), np.array([0.25, 0.25])
    assert significance.compare_means(same, same) == (0, 0, 1)
    assert significance.compare_means(same, other) == (0.25, 0.25, 0)


def test_p_is_corrected_by_holm() -> None:
    pairs = [Comparison("a", "b", (3, 3), 0.1, p=p, needed=5) for p in (0.02, 0.01, 0.2)]
    found = significance.correct([*pairs, Comparison("a", "c", (3, 1), 0.1)])
    assert [pair.corrected for pair in found] == pytest.approx([0.04, 0.03, 0.2, None])
    assert [pair.significant for pair in found] == [True, True, False, False]
    assert [pair.needed for pair in found] == [None, None, 5, None]


def test_the_seeds_needed_are_those_of_the_power_analysis() -> None:
    from statsmodels.stats.power import TTestIndPower

    for gap, deviation in ((0.02, 0.015), (0.01, 0.02), (0.003, 0.02)):
        exact = TTestIndPower().solve_power(gap / deviation, alpha=0.05, power=0.8)
        assert significance.seeds_needed(gap, deviation) == math.ceil(exact)
    assert significance.seeds_needed(0.02, 0.015, example_variance=1e-5) > significance.seeds_needed(0.02, 0.015)
    # No number of seeds makes the test sample larger.
    assert significance.seeds_needed(0.02, 0.015, example_variance=1e-3) is None
    assert significance.seeds_needed(0.0, 0.1) is None


def test_sentences() -> None:
    pair = Comparison("gru", "simple", (3, 3), 0.021, 0.012, 0.03, 0.0007, 0.002, 3)
    assert str(pair) == (
        "gru is better than simple by 0.0210 (95%: 0.0120 to 0.0300; p = 0.002 after Holm's correction, 3 comparisons)."
    )
    undecided = replace(pair, low=-0.02, high=0.06, corrected=0.34, needed=9)
    assert str(undecided) == (
        "gru and simple cannot be told apart with 3 seeds; about 9 would be needed for this gap "
        "(0.021; 95%: -0.020 to 0.060; p = 0.34 after Holm's correction, 3 comparisons)."
    )
    assert "only more test examples" in str(replace(undecided, needed=None))
    assert "with 3 and 2 seeds; there is no gap" in str(replace(undecided, needed=None, gap=0.0, seeds=(3, 2)))
    assert "p < 0.001)" in str(replace(pair, corrected=1e-5, comparisons=1))
    assert str(Comparison("gru", "simple", (1, 1), 0.02)) == (
        "gru and simple cannot be told apart with 1 seed: "
        "how much scores vary with the seed is known from two seeds on."
    )


def labels(seed: int = 0, examples: int = 300, runs: int = 4) -> tuple[list[str], list[list[str]]]:
    """Return references and predictions of related runs: some examples are hard for all of them."""
    random = np.random.default_rng(seed)
    hard = random.random((examples, 1))
    right = random.random((examples, runs)) > hard
    return ["b"] * examples, [["b" if one else "a" for one in column] for column in right.T]


def test_the_bootstrap_gives_the_covariance_of_means() -> None:
    references, predictions = labels()
    found = significance.bootstrap(lambda r, p: metrics.accuracy(r, p)["accuracy"], references, predictions=predictions)
    right = np.array([[one == "b" for one in run] for run in predictions], dtype=float)
    assert found.covariance is not None and (found.resamples, found.examples) == (1000, 300)
    expected = np.cov(right) / 300
    assert np.abs(found.covariance - expected).max() < 0.15 * expected.max()


def test_a_mean_is_taken_apart_into_its_examples_and_what_is_none_is_not() -> None:
    references, predictions = labels(examples=40, runs=2)

    def take_apart(metric, references, predictions):  # type: ignore[no-untyped-def]
        whole = [metric(references, predicted) for predicted in predictions]
        return significance.decompose(metric, references, predictions=predictions, whole=whole, seconds=10)

    values, weights = take_apart(lambda r, p: metrics.accuracy(r, p)["accuracy"], references, predictions)
    assert values.tolist() == [[float(one == "b") for one in row] for row in zip(*predictions, strict=True)]
    assert set(weights) == {1}
    # A mean over tokens, not over sentences.
    tags, tagged = [("N", "V"), ("N",), ("V", "V", "N")], [[("N", "N"), ("V",), ("V", "V", "N")]]
    values, weights = take_apart(lambda r, p: metrics.tag_accuracy(r, p)["accuracy"], tags, tagged)
    assert values.ravel().tolist() == [0.5, 0, 1] and weights.tolist() == [2, 1, 3]
    # A mean over words: two of the second's three are wrong.
    texts, heard = ["one", "two three four"], [["one", "two two two"]]
    values, weights = take_apart(lambda r, p: metrics.error_rates(r, p)["wer"], texts, heard)
    assert values.ravel() == pytest.approx([0, 2 / 3]) and weights.tolist() == [1, 3]
    spans = [("B-A", "O"), ("B-A", "B-B"), ("O", "O")], [[("B-A", "B-A"), ("O", "B-B"), ("B-A", "O")]]
    assert take_apart(lambda r, p: metrics.spans(r, p)["f1"], *spans) is None


def test_a_metric_that_is_no_mean_is_computed_of_every_resample() -> None:
    random = np.random.default_rng(0)
    references = [1.0] * 400
    predictions = [list(1 + column) for column in (random.normal(size=(400, 1)) + random.normal(size=(400, 2))).T]

    def rmse(expected: list, predicted: list) -> float:
        return math.sqrt(np.mean(np.subtract(expected, predicted) ** 2))

    found = significance.bootstrap(rmse, references, predictions=predictions, seconds=5)
    # By the delta method: the root's slope times the covariance of the squares.
    squares = np.square(np.array(predictions) - 1)
    slopes = 0.5 / np.sqrt(squares.mean(1))
    expected = np.cov(squares) / 400 * np.outer(slopes, slopes)
    assert found.covariance == pytest.approx(expected, rel=0.25)
    # With no time at all: few resamples, and small ones, which tell about the same.
    few = significance.bootstrap(rmse, references, predictions=predictions, seconds=0)
    assert (few.resamples, few.examples) == (significance.FEWEST_RESAMPLES, significance.SMALLEST_RESAMPLE)
    assert few.covariance is not None and 0.3 < few.covariance[0, 0] / expected[0, 0] < 2.5


def test_cells_are_compared_over_seeds_and_examples(tmp_path: Path) -> None:
    shares = {"simple": [0.6, 0.61, 0.62], "gru": [0.9, 0.91, 0.92], "lstm": [0.89, 0.91, 0.925], "dnn": [0.5]}
    found = significance.compare_cells(make_sentiment(tmp_path, shares), tasks.get("sentiment"))
    names = [(pair.better, pair.worse) for pair in found]
    assert names == [
        ("gru", "simple"), ("lstm", "simple"), ("simple", "dnn"), ("gru", "lstm"), ("gru", "dnn"), ("lstm", "dnn")
    ]  # fmt: skip
    assert [pair.significant for pair in found] == [True, True, False, False, False, False]
    assert found[0].gap == pytest.approx(0.3) and found[0].low < 0.3 < found[0].high
    assert {pair.comparisons for pair in found} == {3}
    assert found[0].resamples == 1000 and not found[0].note
    # With the same seeds alone, the interval is narrower.
    alone = significance.compare_cells(make_sentiment(tmp_path / "alone", shares), None)[0]
    assert alone.low > found[0].low and alone.high < found[0].high and "seeds only" in alone.note


def test_less_may_be_better(tmp_path: Path) -> None:
    def lines(error: float) -> list[dict]:
        return [{"input": n, "output": n / 50, "prediction": n / 50 + error} for n in range(50)]

    errors = {"simple": [0.4, 0.41, 0.42], "gru": [0.1, 0.11, 0.12]}
    runs = [
        make_run(tmp_path, cell, seed, lines(error), "mae", error, lower=True)
        for cell, found in errors.items()
        for seed, error in enumerate(found)
    ]
    (pair,) = significance.compare_cells(runs, tasks.get("rating"))
    assert (pair.better, pair.worse, pair.significant) == ("gru", "simple", True) and pair.gap == pytest.approx(0.3)


def test_lists_come_back_as_the_tuples_that_a_metric_asks_for(tmp_path: Path) -> None:
    lines = [{"input": n, "output": ["a red star", "one star"], "prediction": "one star"} for n in range(3)]
    runs = [make_run(tmp_path, cell, seed, lines, "exact_match", 1.0) for cell in ("gru", "lstm") for seed in (0, 1)]
    (pair,) = significance.compare_cells(runs, tasks.get("caption"))
    assert pair.resamples == 1000 and pair.gap == 0 and not pair.significant and "there is no gap" in str(pair)


def test_the_inputs_of_a_large_test_are_compared_without_being_held_in_memory(tmp_path: Path) -> None:
    lines = [{"input": f"{n} " * 2000, "output": "good", "prediction": "bad"} for n in range(1000)]
    runs = [make_run(tmp_path, "gru", seed, lines, "accuracy", 0.0) for seed in (0, 1)]
    # What it imports is imported now.
    assert significance.read_predictions(runs) == (["good"] * 1000, [["bad"] * 1000] * 2)
    tracemalloc.start()
    significance.read_predictions(runs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < sum(len(line["input"]) for line in lines) / 20
    lines[500]["input"] += "another"
    runs.append(make_run(tmp_path, "gru", 2, lines, "accuracy", 0.0))
    assert significance.read_predictions(runs) == (None, [])


def test_what_cannot_be_resampled_is_compared_over_seeds_and_says_so(tmp_path: Path) -> None:
    shares = {"simple": [0.6, 0.61, 0.62], "gru": [0.9, 0.91, 0.92]}
    task = tasks.get("sentiment")
    runs = make_sentiment(tmp_path / "loss", shares)
    by_loss = [run | {"monitor": "loss", "scores": {"loss": run["scores"]["accuracy"]}} for run in runs]
    assert "loss is not computed from the written predictions" in significance.compare_cells(by_loss, task)[0].note
    other = runs[:3] + make_sentiment(tmp_path / "other", {"gru": [0.9, 0.91, 0.92]}, examples=100)
    assert "different examples" in significance.compare_cells(other, task)[0].note
    (Path(runs[0]["run"]) / "predictions" / "test.jsonl").unlink()
    (pair,) = significance.compare_cells(runs, task)
    assert "the predictions cannot be read" in pair.note and pair.significant and pair.resamples == 0


def test_a_score_that_is_no_number_does_not_count(tmp_path: Path) -> None:
    runs = make_sentiment(tmp_path, {"simple": [0.6, 0.61, 0.62], "gru": [0.9, 0.91]})
    runs[0]["scores"]["accuracy"] = math.nan
    runs[1]["scores"] = None
    (pair,) = significance.compare_cells(runs, tasks.get("sentiment"))
    assert pair.seeds == (2, 1) and pair.p is None
    assert significance.compare_cells(runs[:3], tasks.get("sentiment")) == []


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.88612, 0.0042, "0.8861"),
        (87.345, 1.2, "87.3"),
        (1234.5, 130, "1234"),
        (0.00012345, None, "0.0001234"),
        (0.0, 0.0, "0"),
        (0.5, 0.0, "0.5000"),
    ],
)
def test_numbers_have_two_digits_of_their_error(value: float, error: float | None, text: str) -> None:
    assert significance.rounded(value, error) == text


# What simulated scores vary by: of the networks with the seed, for each cell; of the examples, how hard each is for all
# cells, how much harder it is for some, and by chance.
WORLDS = {
    "seeds": ((0.03, 0.03, 0.03, 0.03), 0.0, 0.0, 0.0),
    "seeds, some more": ((0.06, 0.01, 0.01, 0.01), 0.3, 0.15, 0.3),
    "seeds and examples": ((0.02, 0.02, 0.02, 0.02), 0.3, 0.1, 0.3),
    "examples": ((0.0, 0.0, 0.0, 0.0), 0.3, 0.3, 0.3),
}
EXAMPLES = 100


def simulate(random: np.random.Generator, world: str, cells: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores without any true difference, (cells, seeds), and their covariance over the examples.

    The covariance is the one that the bootstrap nears: test_the_bootstrap_gives_the_covariance_of_means.
    """
    networks, hard, harder, chance = WORLDS[world]
    values = (
        random.normal(0, hard, (1, 1, EXAMPLES))
        + random.normal(0, harder, (cells, 1, EXAMPLES))
        + random.normal(0, 1, (cells, seeds, 1)) * np.array(networks[:cells])[:, None, None]
        + random.normal(0, chance, (cells, seeds, EXAMPLES))
    )
    return values.mean(axis=2), np.cov(values.reshape(cells * seeds, EXAMPLES)) / EXAMPLES


def rows(cell: int, seeds: int) -> list[int]:
    return list(range(cell * seeds, (cell + 1) * seeds))


def find_p(scores: np.ndarray, covariance: np.ndarray, one: int, other: int, gap: float = 0.0) -> float:
    """Return p of the test that two cells differ by `gap`."""
    seeds = scores.shape[1]
    spread = significance.variance_over_examples(covariance, rows(one, seeds), other=rows(other, seeds))
    parts = scores[[one, other]].var(axis=1, ddof=1) / seeds
    distance = abs(scores[one].mean() - scores[other].mean() - gap)
    return significance.p_value(
        float(distance), parts, (seeds - 1, seeds - 1), example_variance=spread, example_degrees=EXAMPLES - 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover_the_true_difference_as_often_as_they_say(world: str, seeds: int) -> None:
    random, gap, covered = np.random.default_rng(seeds), 0.02, 0
    for _ in range(SIMULATIONS):
        scores, covariance = simulate(random, world, 2, seeds)
        scores[0] += gap
        # All that the interval holds: test_the_interval_ends_where_p_is_five_percent.
        covered += find_p(scores, covariance, 0, 1, gap) >= 0.05
    assert 0.93 <= covered / SIMULATIONS <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("cells", "seeds"), [(4, 3), (3, 5)])
@pytest.mark.parametrize("world", WORLDS)
def test_equal_cells_are_rarely_told_apart(world: str, cells: int, seeds: int) -> None:
    random, wrong = np.random.default_rng(10 * cells + seeds), 0
    for _ in range(SIMULATIONS):
        scores, covariance = simulate(random, world, cells, seeds)
        found = [find_p(scores, covariance, *pair) for pair in combinations(range(cells), 2)]
        # Holm rejects any at all where the smallest p is below 5% by their number.
        wrong += min(found) < 0.05 / len(found)
    assert wrong / SIMULATIONS <= 0.05
