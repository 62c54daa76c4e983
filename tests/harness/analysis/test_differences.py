"""Two runs on the same examples."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis import differences
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered

EXAMPLES = [Example(f"text {n}", "yes" if n % 2 else "no", f"a.csv:{n}") for n in range(40)]


def answer(wrong: set[int], directory: str, losses: list[float] | None = None):
    outputs = [("no" if n % 2 else "yes") if n in wrong else one.output for n, one in enumerate(EXAMPLES)]
    return make_answered("sentiment", EXAMPLES, outputs, directory=directory, losses=losses)


def test_the_examples_on_which_they_differ_are_shown_both_ways() -> None:
    first, second = answer({1, 2, 3}, "one"), answer({3, 4}, "other", losses=[n / 10 for n in range(40)])
    found = by_name(differences.compare(first, second))
    assert [(row["examples"], row["same answer"]) for row in found["agreement"].rows] == [
        (36, 36),
        (1, 0),
        (2, 0),
        (1, 1),
    ]
    assert [row["origin"] for row in found["better_1"].rows] == ["a.csv:4"]
    # The widest gap of the losses first.
    assert [row["origin"] for row in found["better_2"].rows] == ["a.csv:1", "a.csv:2"]
    row = found["better_1"].rows[0]
    assert (row["expected"], row["one"], row["other"]) == ("no", "no", "yes")


@pytest.mark.parametrize("one, other", [(3, 12), (1, 1), (0, 6), (10, 4)])
def test_mcnemar_is_the_binomial_test_of_those_that_one_alone_has_right(one: int, other: int) -> None:
    first, second = np.ones(40, bool), np.ones(40, bool)
    second[:one] = False
    first[one : one + other] = False
    found, sentence = differences.test_labels(first, second)
    assert found["p"] == pytest.approx(stats.binomtest(min(one, other), one + other).pvalue)
    assert ("The two runs differ" in sentence) == (found["p"] < 0.05)
    assert f"{one + other} example" in sentence


def test_runs_that_answer_alike_are_not_told_apart() -> None:
    found, sentence = differences.test_labels(np.ones(5, bool), np.ones(5, bool))
    assert found["p"] == 1 and "do not tell" in sentence


def test_the_bootstrap_of_a_mean_is_the_paired_t_test() -> None:
    generator = np.random.default_rng(1)
    examples = [Example(f"t {n}", float(value)) for n, value in enumerate(generator.uniform(1, 10, 400))]
    expected = np.array([example.output for example in examples])
    answers = [expected + generator.normal(0, spread, 400) for spread in (1.0, 1.15)]
    first, second = (
        make_answered("rating", examples, answer.tolist(), directory=name)
        for name, answer in zip(("one", "other"), answers, strict=True)
    )
    found, _ = differences.test_scores(first, second)
    gaps = np.abs(answers[1] - expected) - np.abs(answers[0] - expected)
    wanted = stats.ttest_1samp(gaps, 0)
    assert found["difference"] == pytest.approx(gaps.mean())
    assert found["high"] - found["low"] == pytest.approx(2 * 1.966 * gaps.std(ddof=1) / math.sqrt(400), rel=0.1)
    assert found["p"] == pytest.approx(wanted.pvalue, rel=0.5)
    rows = by_name(differences.compare(first, second))
    assert "agreement" not in rows and rows["better_1"].rows and rows["better_2"].rows


def test_tags_are_shown_where_the_two_differ() -> None:
    examples = [Example(("Rome", "is", "old"), ("B-LOC", "O", "O"), "a:1"), Example(("Ann",), ("B-PER",), "a:2")]
    first = make_answered("ner", examples, [("B-LOC", "O", "O"), ("B-PER",)], directory="one")
    second = make_answered("ner", examples, [("B-PER", "O", "O"), ("B-PER",)], directory="other")
    found = by_name(differences.compare(first, second))
    assert [tuple(row.values())[:3] for row in found["better_1"].rows] == [("Rome B-LOC", "Rome B-LOC", "Rome B-PER")]
    assert not found["better_2"].rows
