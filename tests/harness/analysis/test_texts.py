"""Texts: edits, and the worst."""

from collections import Counter

import jiwer
import pytest

from harness.analysis import texts
from harness.hypothesis import Hypothesis
from pipeline.example import Alternatives, Example
from tests.harness.analysis import make_answered

PAIRS = [("a b c d", "a x c"), ("e f", "e f g"), ("a b", "a x"), ("h", "h")]


def test_edits_are_counted_word_by_word() -> None:
    examples = [Example(f"source {n}", expected) for n, (expected, _) in enumerate(PAIRS)]
    (section,) = texts.by_edit(make_answered("translation", examples, [written for _, written in PAIRS]))
    assert [tuple(row.values()) for row in section.rows] == [
        ("substitution", "b", "x", 2),
        ("deletion", "d", "", 1),
        ("insertion", "", "g", 1),
    ]
    # By the library's own count.
    facts = section.facts
    rate = (facts["substitutions"] + facts["deletions"] + facts["insertions"]) / facts["words"]
    assert rate == pytest.approx(jiwer.wer([one for one, _ in PAIRS], [other for _, other in PAIRS]))


def test_all_words_of_an_edit_of_several_are_listed() -> None:
    found = jiwer.process_words(["a b c"], ["x y c z w"])
    assert Counter(texts.list_edits(found)) == {
        ("substitution", "a", "x"): 1,
        ("substitution", "b", "y"): 1,
        ("insertion", "", "z"): 1,
        ("insertion", "", "w"): 1,
    }


def test_of_several_right_texts_the_nearest_counts() -> None:
    assert texts.choose_nearest(Alternatives(("a dog runs", "the dog ran")), "the dog runs off") == "a dog runs"
    assert texts.choose_nearest("a", "b") == "a"


def test_an_answer_is_right_if_it_is_any_of_several() -> None:
    examples = [Example("1.png", Alternatives(("a dog", "one dog"))), Example("2.png", "a cat")]
    assert make_answered("caption", examples, ["one dog", "a dog"]).right.tolist() == [True, False]


def test_the_n_best_say_which_is_the_expected_text() -> None:
    found = [[Hypothesis("b", -0.5), Hypothesis("a", -1.5)], []]
    (section,) = texts.show_hypotheses([Example("x", "a"), Example("y", "c")], found, "Look.")
    assert [(row["input"], row["rank"], row["text"], row["right"]) for row in section.rows] == [
        ("x", 1, "b", False),
        ("", 2, "a", True),
    ]
    assert list(texts.show_hypotheses([Example("x", "a")], [[]], "Look.")) == []
