"""Several labels per example: what is seen of them."""

from dataclasses import replace

import pytest

from harness.analysis import differences, label_sets
from harness.analysis.answered import Answered
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered

SETS = [("a",), (), ("a", "b"), ("c",), ("b",)]
EXAMPLES = [Example("a text " * (n + 1), labels, f"a.csv:{n}") for n, labels in enumerate(SETS)]
LIKELY = {"a": 0.85, "b": 0.2, "c": 0.2}


def answer(outputs: list[tuple[str, ...]], directory: str = "run") -> Answered:
    found = make_answered("labels", EXAMPLES, outputs, losses=[0.1, 0.2, 0.9, 0.8, 0.3], directory=directory)
    return replace(found, label_probabilities=[LIKELY] * 5)


def test_each_label_has_its_scores_and_what_is_missed_stands_beside_what_is_added() -> None:
    found = by_name(label_sets.analyse(answer([("a",), (), ("a",), ("a", "b"), ("b",)])))
    rows = {row["label"]: row for row in found["by_label"].rows}
    assert (rows["a"]["precision"], rows["a"]["recall"], rows["a"]["support"]) == (pytest.approx(2 / 3), 1, 2)
    assert (rows["b"]["precision"], rows["b"]["recall"]) == (0.5, 0.5) and rows["c"]["F1"] == 0
    pairs = [(row["missed"], row["added"], row["count"]) for row in found["confusions"].rows]
    assert pairs == [("c", "a", 1), ("c", "b", 1)]
    sizes = [(row["labels"], row["share all right"], row["answered"]) for row in found["by_number"].rows]
    assert sizes == [("0", 1, 0), ("1", pytest.approx(2 / 3), pytest.approx(4 / 3)), ("2", 0, 1)]
    # Of each label of each example: a is there in 2 of 5.
    calibration = {row["probability"]: row for row in found["calibration"].rows}
    assert calibration["0.8 to 0.9"]["share right"] == pytest.approx(2 / 5)
    assert sum(int(row["labels"]) for row in calibration.values()) == 15
    thresholds = {row["threshold"]: row for row in found["by_threshold"].rows}
    # From 0.2 on all labels are answered, 5 of 15 rightly; above 0.2 a alone, 2 of 5 rightly, of 5 expected.
    assert thresholds[0.2]["micro_f1"] == pytest.approx(2 * 5 / (15 + 5))
    assert thresholds[0.3]["micro_f1"] == pytest.approx(2 * 2 / (5 + 5)) and thresholds[0.9]["micro_f1"] == 0
    mistakes = [(row["expected"], row["answered"], row["origin"]) for row in found["mistakes"].rows]
    assert mistakes == [("a, b", "a", "a.csv:2"), ("c", "a, b", "a.csv:3")]


def test_nothing_wrong_has_no_mistakes_and_nothing_missed() -> None:
    assert not {"mistakes", "confusions"} & by_name(label_sets.analyse(answer(SETS))).keys()


def test_two_runs_differ_by_their_monitored_score_and_show_no_label_as_none() -> None:
    found = by_name(differences.compare(answer(SETS, "one"), answer([("a",)] * 5, "other")))
    assert "McNemar" not in found["scores"].sentence
    row = next(row for row in found["better_1"].rows if row["origin"] == "a.csv:1")
    assert (row["expected"], row["one"], row["other"]) == ("(none)", "(none)", "a")
