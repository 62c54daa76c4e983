import math

import pytest

from pipeline import corrections
from pipeline.corrections import gleu, score
from pipeline.example import Alternatives, Example
from pipeline.fields.edits.marks import mark

SOURCE, RIGHT = "a b c d e f g h", "a b c d e f g x"


def words(*texts):
    return [text.split() for text in texts]


@pytest.mark.parametrize(
    "answer, expected",
    [
        (RIGHT, 1.0),
        # Of 8, 7, 6 and 5 words in a row the reference has 7, 6, 5 and 4; one of each is kept of the source alone.
        (SOURCE, (6 / 8 * 5 / 7 * 4 / 6 * 3 / 5) ** 0.25),
        # Wrong, but not what the source has: nothing is taken off.
        ("a b c d e f g y", (7 / 8 * 6 / 7 * 5 / 6 * 4 / 5) ** 0.25),
        # All of it is right, and a word is missing.
        ("a b c d e f g", math.exp(1 - 8 / 7)),
        ("a b", 0.0),
    ],
)
def test_gleu_is_what_it_is_by_hand(answer, expected):
    assert gleu(words(SOURCE), words(answer), [words(RIGHT)]) == pytest.approx(expected)


def test_gleu_of_several_references_is_their_mean():
    other = "a b c d e f g y"
    one, two = (gleu(words(SOURCE), words(RIGHT), [words(reference)]) for reference in (RIGHT, other))
    assert gleu(words(SOURCE), words(RIGHT), [words(RIGHT, other)]) == pytest.approx((one + two) / 2)


def test_scores_of_corrections_by_hand():
    drafts = ["She go home .", "the the film", "All is well .", "He run and jump ."]
    targets = ["She goes home .", "the film", "All is well .", "He runs and jumps ."]
    answers = ["She goes home .", "the the film", "All was well .", "He runs and jumped ."]
    found = score(list(map(mark, drafts, targets)), list(map(mark, drafts, answers)))
    # Four are due; of four that are made two are right.
    assert (found["precision"], found["recall"]) == (2 / 4, 2 / 4)
    assert found["f0.5"] == pytest.approx(1.25 * 0.5 * 0.5 / (0.25 * 0.5 + 0.5))
    assert found["right_kept"] == 0.0


def test_f_half_counts_precision_more():
    found = score([mark("a b c d", "x y z d")], [mark("a b c d", "x b c d")])
    assert (found["precision"], found["recall"]) == (1, pytest.approx(1 / 3))
    assert found["f0.5"] == pytest.approx(1.25 * 1 * (1 / 3) / (0.25 * 1 + 1 / 3))
    assert "right_kept" not in found


def test_nothing_to_correct_and_nothing_corrected_is_perfect():
    assert score(["all is well here"], ["all is well here"]) == {
        "f0.5": 1, "precision": 1, "recall": 1, "gleu": 1, "right_kept": 1,
    }  # fmt: skip


def test_of_several_references_the_best_counts():
    several = Alternatives((mark("a b", "a c"), mark("a b", "a d")))
    assert score([several], [mark("a b", "a d")])["f0.5"] == 1
    # One of the two annotators leaves it as it is.
    several = Alternatives((mark("a b", "a c"), "a b"))
    assert score([several], ["a b"])["right_kept"] == 1


def test_spacing_is_no_correction():
    assert score(["well , yes"], [mark("well , yes", "well, yes")])["precision"] == 1


def test_symspell_corrects_words_and_keeps_capitals_and_what_it_knows():
    text = "Teh film is beleivable, isn't it? In 2001 qqqqqqqqqq."
    assert corrections.correct_by_symspell(text) == "The film is believable, isn't it? In 2001 qqqqqqqqqq."


def test_the_baselines_are_scored_on_the_test():
    example = Example("teh film", mark("teh film", "the film"))
    splits = {"train": [], "test": [example]}
    assert corrections.score_symspell(None, splits)["f0.5"] == 1
    unchanged = corrections.score_unchanged(None, splits)
    assert (unchanged["f0.5"], unchanged["precision"], unchanged["recall"]) == (0, 1, 0)
