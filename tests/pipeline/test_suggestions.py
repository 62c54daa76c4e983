"""What suggestions are worth: numbers that can be counted by hand."""

import math

import pytest

from pipeline.suggestions import count_keystrokes, count_saved, measure_found, measure_suggestions

RANKED = ["the", "a", "and", "that", "to", "then", "there"]


@pytest.mark.parametrize(
    ("word", "saved"),
    [
        # Among the first three before a letter is typed: all its letters.
        ("and", 3),
        # After "t": the, that, to.
        ("that", 3),
        ("to", 1),
        # After "t" and "th" behind the, that; then "there" has only "then" before it.
        ("then", 2),
        ("there", 2),
        ("unseen", 0),
    ],
)
def test_keystrokes_are_saved_from_where_a_word_is_first_shown(word: str, saved: int) -> None:
    assert count_saved(word, RANKED) == saved


def test_words_are_counted_and_ends_are_not() -> None:
    references = ["a film <end>", "<unknown> zyzzyva"]
    predictions = [(("a", "b"), ("x", "y", "z", "film"), ("a",)), (("a",), ("a", "b", "c", "d", "e"))]
    found = measure_found(references, predictions)
    assert found == {"found_in_1": 1 / 3, "found_in_3": 1 / 3, "found_in_5": 2 / 3}


def test_keystrokes_are_letters_and_a_blank_after_each_word() -> None:
    # "film " and ". " are 5 and 2 keys, over three steps.
    assert count_keystrokes(["film . <end>"]) == pytest.approx(7 / 3)


def test_scores_follow_from_means_over_all_steps() -> None:
    references = ["film . <end>", "a"]
    scores = measure_suggestions(references, {"loss": 2.0, "saved": 1.0, "end_nats": 0.25})
    assert scores["perplexity"] == pytest.approx(math.exp(2))
    # One step of four is an end.
    assert scores["end_perplexity"] == pytest.approx(math.exp(1))
    assert scores["keystrokes_saved"] == pytest.approx(1.0 / (9 / 4))
    assert "keystrokes_saved" not in measure_suggestions(references, {"loss": 2.0})
    assert "end_perplexity" not in measure_suggestions(["a"], {"loss": 2.0, "end_nats": 0.0})
