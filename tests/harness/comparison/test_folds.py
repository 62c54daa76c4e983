"""A comparison by folds: paired differences, their interval, and what the command trains."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from harness.comparison import report, table
from harness.comparison.averaged_seeds import group_seeds
from harness.comparison.folds import average_by_fold, compare_folds, count_folds, summarise_folds
from harness.comparison.plan import plan, settle
from harness.comparison.sweep import Sweep, count_seeds
from harness.options import defaults
from run import main
from tasks import get
from tests.harness.comparison.test_report import make_run
from tests.test_run import TINY, write_reviews

# Some folds are harder than others, by far more than the cells differ.
SIMPLE, GRU = [0.9, 0.5, 0.7, 0.3, 0.8], [0.91, 0.52, 0.72, 0.31, 0.82]


def by_fold(scores: list[float]) -> dict[int, float]:
    return dict(enumerate(scores, 1))


def test_the_difference_is_that_of_the_folds_with_the_corrected_interval() -> None:
    (found,) = compare_folds({"simple": by_fold(SIMPLE), "gru": by_fold(GRU)}, 5, lower_is_better=False)
    gaps = np.subtract(GRU, SIMPLE)
    # Nadeau and Bengio 2003, equation 9: J = 5 folds, the test being a quarter of what is trained on.
    error = gaps.std(ddof=1) * math.sqrt(1 / 5 + 1 / 4)
    half = stats.t.ppf(0.975, 4) * error
    assert (found.better, found.worse, found.seeds) == ("gru", "simple", (5, 5))
    assert (found.gap, found.low, found.high) == pytest.approx((gaps.mean(), gaps.mean() - half, gaps.mean() + half))
    assert found.p == pytest.approx(2 * stats.t.sf(gaps.mean() / error, 4)) == found.corrected
    # Unpaired, nothing would be seen: the folds differ much more than the cells.
    assert found.significant and stats.ttest_ind(GRU, SIMPLE).pvalue > 0.9
    assert str(found).startswith("gru is better than simple by 0.016")


def test_lower_is_better_turns_the_sign_and_holm_corrects_for_all_pairs() -> None:
    cells = {"simple": by_fold(SIMPLE), "gru": by_fold(GRU), "lstm": by_fold([0.85, 0.6, 0.6, 0.4, 0.8])}
    found = compare_folds(cells, 5, lower_is_better=True)
    assert found[0].better == "simple" and [one.comparisons for one in found] == [3] * 3
    assert found[0].corrected == pytest.approx(3 * (found[0].p or 0))
    assert "cannot be told apart with 5 folds" in str(found[1])


def test_a_fold_that_a_cell_lacks_is_left_out_of_its_pairs_and_said() -> None:
    less = {fold: score for fold, score in by_fold(GRU).items() if fold != 2}
    (found,) = compare_folds({"simple": by_fold(SIMPLE), "gru": less}, 5, lower_is_better=False)
    gaps = np.delete(np.subtract(GRU, SIMPLE), 1)
    error = gaps.std(ddof=1) * math.sqrt(1 / 4 + 1 / 4)
    assert found.p == pytest.approx(2 * stats.t.sf(gaps.mean() / error, 3))
    assert found.note == "gru and simple are compared on 4 of 5 folds." and found.seeds == (4, 4)
    (alone,) = compare_folds({"simple": by_fold(SIMPLE), "gru": {2: 0.6}}, 5, lower_is_better=False)
    assert alone.low is None and "is known from two folds on" in str(alone)
    (none,) = compare_folds({"simple": {1: 0.5}, "gru": {2: 0.6}}, 5, lower_is_better=False)
    assert none.note == "simple and gru share no fold."


def test_cells_that_score_the_same_everywhere_are_equal() -> None:
    (found,) = compare_folds({"simple": by_fold(SIMPLE), "gru": by_fold(SIMPLE)}, 5, lower_is_better=False)
    assert (found.gap, found.low, found.high, found.p) == (0, 0, 0, 1) and not found.significant


def test_seeds_are_averaged_within_a_fold_and_the_report_is_by_fold(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "rating", cell, seed, value + seed / 100, fold=fold, folds=5)
        for cell, scores in (("simple", SIMPLE), ("gru", GRU))
        for fold, value in by_fold(scores).items()
        for seed in (0, 1)
    ]
    simple = [run for run in runs if run["cell"] == "simple"]
    assert count_folds(runs) == 5 and count_folds(simple[:2]) == 0 and not group_seeds(runs)
    means = average_by_fold(simple)
    assert means == pytest.approx(by_fold([score + 0.005 for score in SIMPLE]))
    deviation = np.std(list(means.values()), ddof=1)
    expected = stats.t.ppf(0.975, 4) * deviation * math.sqrt(1 / 5 + 1 / 4)
    summary = summarise_folds(means, 5)
    assert (summary.high or 0) - summary.mean == pytest.approx(expected)

    content = report.write_report(tmp_path / "report", runs, tasks={"rating": get("rating")})
    (section,) = content["tasks"]
    assert section["folds"] == 5 and section["ensembles"] == [] and section["cells"][0]["cell"] == "simple"
    assert section["cells"][0]["high"] == pytest.approx(summary.high)
    assert table.tabulate(section)[0]["folds"] == "5"
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Nadeau and" in page and "rating simple seed 0 fold 3" not in page and "a thin line is one fold" in page
    head, first, *_ = (tmp_path / "report" / "results.csv").read_text().splitlines()
    assert "fold" in head.split(",") and len(first.split(",")) == len(head.split(","))


def make_sweep(folder: Path, **options: object) -> Sweep:
    data = str(write_reviews(folder / "reviews.csv"))
    each = {"sentiment": defaults(get("sentiment")).replace(**{"data": data, "folds": 3, **options})}
    return Sweep(each, ("simple", "gru"), seeds=count_seeds(None, each), match="units", folder=folder / "runs")


def test_each_cell_has_a_run_for_each_fold_all_cells_of_one_fold_first(tmp_path: Path) -> None:
    entries = plan(settle(make_sweep(tmp_path)))
    found = [(entry.options.fold, entry.options.cell, entry.options.seed) for entry in entries]
    assert found == [(fold, cell, 0) for fold in (1, 2, 3) for cell in ("simple", "gru")]
    assert len({entry.directory for entry in entries}) == 6
    assert str(entries[-1]) == "sentiment gru seed 0 fold 3"


def test_one_fold_alone_is_compared_by_seeds_as_any_test(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, fold=2)
    assert sweep.seeds == 5 and {entry.options.fold for entry in plan(settle(sweep))} == {2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sentiment", "--folds", "5"], "--folds 5: imdb comes with a test of its own"),
        (["forecast", "--folds", "5"], "'forecast' follow each other"),
        (["sentiment", "--data", "reviews.csv", "--folds", "99"], "expected as many as folds, or more"),
        (["sentiment", "--data", "reviews.csv", "--folds", "3", "--tune", "2"], "each fold would need a search of its"),
        (["sentiment", "--data", "reviews.csv", "--folds", "3", "--seeds", "0"], "--seeds 0: expected a number of at"),
        (["sentiment", "--folds", "1"], "--folds 1: expected a whole number between 2 and 1000"),
    ],
)
def test_folds_that_cannot_be_compared_are_refused_and_nothing_is_written(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv")
    assert main(["compare", *words, "--runs", "runs"]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.rglob("config.json"))


@pytest.mark.slow
def test_the_command_trains_what_train_does_and_uses_it_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    data, runs = str(write_reviews(tmp_path / "reviews.csv")), tmp_path / "runs"
    given = ["sentiment", "--data", data, "--folds", "2", *TINY, "--epochs", "1", "--runs", str(runs), "--json"]
    assert main(["train", *given, "--cell", "simple"]) == 0
    folds = json.loads(capsys.readouterr().out)
    assert main(["compare", *given, "--cells", "simple,bag"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(run["cell"], run["fold"], run["reused"]) for run in found["runs"]] == [
        ("simple", 1, True),
        ("bag", 1, False),
        ("simple", 2, True),
        ("bag", 2, False),
    ]
    (section,) = found["tasks"]
    simple = next(cell for cell in section["cells"] if cell["cell"] == "simple")
    assert simple["mean"] == pytest.approx(folds["scores"]["accuracy"]["mean"])
    assert simple["high"] == pytest.approx(folds["scores"]["accuracy"]["high"])
    assert [run["memory"] is not None for run in found["runs"]][2:] == [False, False]
