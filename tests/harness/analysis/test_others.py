"""Answers of a kind that is not known."""

from harness.analysis import others
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered


def test_the_worst_are_those_of_the_greatest_loss() -> None:
    examples = [Example(f"text {n}", float(n), f"a.csv:{n}") for n in range(30)]
    answered = make_answered("rating", examples, [0.0] * 30, losses=[(7 * n) % 30 for n in range(30)])
    (section,) = [by_name(others.analyse(answered))["worst"]]
    assert [row["loss"] for row in section.rows] == list(range(29, 9, -1))
    assert section.rows[0]["origin"] == "a.csv:17"
