from itertools import combinations

import pytest

from pipeline.example import Example
from pipeline.multi_label import name_labels, score_frequent, score_labels

REFERENCES = [("a",), (), ("a", "b"), ("c",)]
PREDICTIONS = [("a",), ("b",), ("a",), ()]


def test_scores_are_those_by_hand():
    """a: 2 of 2 found, none too many; b: one missed, one too many; c: missed; d is neither expected nor answered."""
    found = score_labels(REFERENCES, PREDICTIONS)
    assert found == pytest.approx({"micro_f1": 4 / 7, "macro_f1": 1 / 3, "exact_match": 1 / 4})


def test_all_right_is_one_and_no_label_anywhere_has_no_f1():
    assert score_labels(REFERENCES, REFERENCES) == {"micro_f1": 1, "macro_f1": 1, "exact_match": 1}
    assert score_labels([(), ()], [(), ()]) == {"micro_f1": 0, "macro_f1": 0, "exact_match": 1}


def test_the_constant_answer_is_the_best_of_all_sets_in_training():
    train = [("a", "b"), ("a",), ("a", "b", "c"), (), ("b",), ("d",)]
    best = max(
        (score_labels(train, [chosen] * len(train))["micro_f1"], chosen)
        for size in range(5)
        for chosen in combinations("abcd", size)
    )[1]
    splits = {"train": [Example("", one) for one in train], "test": [Example("", one) for one in REFERENCES]}
    assert score_frequent(None, splits) == score_labels(REFERENCES, [best] * len(REFERENCES))


def test_labels_are_shown_with_commas():
    assert name_labels(("a", "b")) == "a, b" and name_labels(()) == "(none)"
