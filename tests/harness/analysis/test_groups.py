"""Groups of examples: by length, by how rare their words are, by category."""

import numpy as np
import pytest

from harness.analysis import frequency, groups, tags
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_of_all_values_ascending_and_equal_ones_stay_together(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 15, 100)
    found = groups.divide_evenly(values, 4)
    assert sorted(np.concatenate(found).tolist()) == list(range(100))
    for one, other in zip(found, found[1:], strict=False):
        assert values[one].max() < values[other].min()
    assert len(groups.divide_evenly([3, 3, 3])) == 1


TRAINING = [Example("good good good good good good film", "yes"), Example("bad film film", "no")]


def test_examples_go_by_their_rarest_word() -> None:
    examples = [
        Example("good good", "yes"),
        Example("good film", "yes"),
        Example("bad film", "no"),
        Example("unheard good", "no"),
    ]
    answered = make_answered("sentiment", examples, ["yes", "yes", "yes", "no"], training=TRAINING)
    (section,) = frequency.by_rarest_token(answered)
    # good: 6 times; film: 3; bad: once.
    assert [tuple(row.values()) for row in section.rows] == [
        ("often", 1, 1.0),
        ("rare", 2, 0.5),
        ("never seen", 1, 1.0),
    ]


def test_where_most_texts_have_a_new_word_its_share_divides_them() -> None:
    examples = [Example(" ".join(["good"] * (10 - new) + [f"new{n}{m}" for m in range(new)]), "yes")
                for n, new in enumerate([0, 1, 1, 2, 2, 5, 5, 8, 8])]  # fmt: skip
    answered = make_answered("sentiment", examples, ["yes"] * 9, training=TRAINING)
    (section,) = frequency.by_rarest_token(answered)
    names = [row["the rarest word"] for row in section.rows]
    assert names[0] == "often" and names[1] == "never seen, 10.0% to 10.0% of all"
    assert names[-1] == "never seen, 80.0% to 80.0% of all" and sum(row["examples"] for row in section.rows) == 9


def test_without_training_data_the_vocabulary_says_what_is_known() -> None:
    answered = make_answered("sentiment", [Example("good", "yes"), Example("odd good", "no")], ["yes", "yes"],
                             training=TRAINING)  # fmt: skip
    answered.selection.training.clear()
    (section,) = frequency.by_rarest_token(answered)
    assert [tuple(row.values()) for row in section.rows] == [("known", 1, 1.0), ("unknown", 1, 0.0)]


def test_tokens_with_tags_are_counted_one_by_one() -> None:
    training = [Example(("The", "the", "the", "dog", "the", "the", "the"), ("D", "D", "D", "N", "D", "D", "D"))]
    examples = [Example(("the", "dog", "barks"), ("D", "N", "V")), Example(("A", "cat"), ("D", "N"))]
    answered = make_answered("pos", examples, [("D", "N", "N"), ("D", "D")], training=training)
    (section,) = tags.by_frequency(answered)
    # Words of less than --min-count 2 are unknown: the dog.
    assert [tuple(row.values()) for row in section.rows] == [
        ("often", 1, 1.0, 0.0),
        ("rare", 1, 1.0, 1.0),
        ("never seen", 3, pytest.approx(1 / 3), 1.0),
    ]


def test_scores_by_length_are_the_metric_on_each_group() -> None:
    examples = [Example("word " * length, "yes" if length % 2 else "no") for length in range(1, 61)]
    answered = make_answered("sentiment", examples, ["yes"] * 60, training=TRAINING)
    (section,) = groups.by_length(answered)
    for row in section.rows:
        low, high = map(int, str(row["words of the input"]).replace(",", "").split(" to "))
        inside = [example for example in examples if low <= len(example.input) <= high]
        assert row["examples"] == len(inside)
        assert row["accuracy"] == pytest.approx(np.mean([example.output == "yes" for example in inside]))
    assert section.picture


def test_inputs_of_one_length_or_of_no_category_have_no_such_section() -> None:
    examples = [Example("a", "yes"), Example("b", "no")]
    answered = make_answered("sentiment", examples, ["yes", "no"])
    assert not by_name(groups.by_length(answered)) and not by_name(groups.by_category(answered))


def test_a_metric_that_fails_on_a_part_leaves_its_score_out() -> None:
    answered = make_answered("copy", [Example("1..", (".", ".", "1"))], [(".", ".", "1")])
    assert answered.measure([]) is None
