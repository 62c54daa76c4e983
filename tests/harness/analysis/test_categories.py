"""Categories: scores, confusions, calibration."""

import numpy as np
import pytest
from sklearn.metrics import classification_report

from harness.analysis import categories
from tests.harness.analysis import by_name


def test_scores_are_those_of_the_library_the_most_frequent_first() -> None:
    generator = np.random.default_rng(0)
    expected, answered = (generator.choice(list("aabbbc"), 200).tolist() for _ in range(2))
    answered[:3] = ["new"] * 3
    (section,) = categories.by_category(expected, answered, "label")
    report = classification_report(expected, answered, output_dict=True, zero_division=0)
    assert {row["label"] for row in section.rows} == {"a", "b", "c", "new"}
    for row in section.rows:
        wanted = report[row["label"]]
        assert (row["precision"], row["recall"], row["F1"], row["support"]) == pytest.approx(
            (wanted["precision"], wanted["recall"], wanted["f1-score"], wanted["support"])
        )
    support = [row["support"] for row in section.rows]
    assert support == sorted(support, reverse=True)


def test_confusions_are_counted() -> None:
    (section,) = categories.confusions(list("aaaabb"), list("abbcbb"), "label")
    assert [tuple(row.values()) for row in section.rows] == [("a", "b", 2, 0.5), ("a", "c", 1, 0.25)]
    (section,) = categories.confusions(list("ab"), list("ab"), "label")
    assert section.rows == () and "every answer is right" in section.sentence


def test_of_many_categories_the_rarest_are_one() -> None:
    expected = [str(number) for number in range(30) for _ in range(30 - number)]
    names, counts = categories.count_pairs(expected, expected, most=5)
    assert names == ["0", "1", "2", "3", "others"]
    assert counts.diagonal().tolist() == [30, 29, 28, 27, sum(range(1, 27))] and counts.sum() == len(expected)


def measure_by_hand(right: np.ndarray, certain: np.ndarray) -> float:
    """Return the expected calibration error as its definition has it: bins of a tenth, each answer in one."""
    total = 0.0
    for low in range(10):
        inside = (certain > low / 10) & (certain <= (low + 1) / 10)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - certain[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_expected_calibration_error_is_that_of_its_definition(seed: int) -> None:
    generator = np.random.default_rng(seed)
    certain = generator.uniform(0.2, 1, 300)
    right = generator.random(300) < certain**2
    (section,) = categories.calibration(right, certain, "answer")
    assert section.facts["expected_calibration_error"] == pytest.approx(measure_by_hand(right, certain))
    assert "overconfident" in section.sentence
    assert sum(row["answers"] for row in section.rows) == 300


@pytest.mark.parametrize("right", [True, False])
def test_one_who_is_always_right_or_always_wrong_is_calibrated_or_not(right: bool) -> None:
    (section,) = categories.calibration(np.full(10, right), np.ones(10), "answer")
    assert section.facts["expected_calibration_error"] == pytest.approx(0 if right else 1)


def test_pictures_are_drawn_of_odd_names() -> None:
    names = ["$x_1$", "\x1b[31m", "مرحبا", "a" * 100, "<b>"]
    found = by_name(categories.confusions(names, names[1:] + names[:1], "label"))
    picture = found["confusions"].picture
    assert picture
    from harness.figure import draw

    assert len(draw(picture()).png) > 1000
