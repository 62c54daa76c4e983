"""Spans: kinds of error."""

import numpy as np
import pytest

from harness.analysis import spans
from harness.analysis.spans import Error, Span, find_errors, find_spans
from pipeline.example import Example
from tests.harness.analysis import by_name, make_answered


@pytest.mark.parametrize(
    "expected, answered, kinds",
    [
        ([("PER", 0, 2)], [], ["missed"]),
        ([], [("PER", 0, 2)], ["invented"]),
        ([("PER", 0, 2)], [("LOC", 0, 2)], ["wrong type"]),
        ([("PER", 0, 2)], [("PER", 1, 3)], ["wrong boundary"]),
        ([("PER", 0, 2)], [("LOC", 1, 3)], ["both"]),
        # Beside each other is not over each other.
        ([("PER", 0, 2)], [("PER", 2, 3)], ["missed", "invented"]),
        # Of two that overlap, that with the same words is the one.
        ([("PER", 0, 2)], [("LOC", 0, 2), ("PER", 1, 3)], ["wrong type", "invented"]),
        # Then that of the same type, though another shares more words.
        ([("PER", 0, 4)], [("LOC", 0, 3), ("PER", 3, 5)], ["wrong boundary", "invented"]),
        # One that is right is of no error, whatever overlaps it.
        ([("PER", 0, 2)], [("PER", 0, 2)], []),
        ([("PER", 0, 2), ("PER", 3, 5)], [("PER", 0, 5)], ["wrong boundary", "missed"]),
        ([("A", 0, 1), ("B", 2, 3)], [("A", 2, 3), ("B", 0, 1)], ["wrong type", "wrong type"]),
    ],
)
def test_errors_are_of_the_kinds_that_a_reader_would_name(expected: list, answered: list, kinds: list) -> None:
    found = find_errors([Span(*one) for one in expected], [Span(*one) for one in answered])
    assert sorted(error.kind for error in found) == sorted(kinds)


def draw(generator: np.random.Generator) -> set[Span]:
    """Return spans of a sentence of 12 steps that do not overlap each other."""
    edges = np.sort(generator.choice(13, size=8, replace=False))
    return {Span("AB"[generator.integers(2)], int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)}


@pytest.mark.parametrize("seed", range(30))
def test_every_wrong_span_is_of_one_error_and_no_right_one_of_any(seed: int) -> None:
    generator = np.random.default_rng(seed)
    expected, answered = draw(generator), draw(generator)
    found = find_errors(expected, answered)
    assert sorted((one.expected for one in found if one.expected), key=repr) == sorted(expected - answered, key=repr)
    assert sorted((one.answered for one in found if one.answered), key=repr) == sorted(answered - expected, key=repr)
    for one in found:
        pair = one.expected and one.answered
        assert (one.kind in ("missed", "invented")) != bool(pair)
        if one.expected and one.answered:
            steps = set(range(one.expected.begin, one.expected.end)) & set(range(one.answered.begin, one.answered.end))
            assert steps
            same = (one.expected.begin, one.expected.end) == (one.answered.begin, one.answered.end)
            kind = {(True, False): "wrong type", (False, True): "wrong boundary", (False, False): "both"}
            assert one.kind == kind[same, one.expected.kind == one.answered.kind]
    # No missed span overlaps one that is invented: they would be a pair.
    missed = [one.expected for one in found if one.kind == "missed"]
    invented = [one.answered for one in found if one.kind == "invented"]
    assert not any(a and b and a.overlap(b) > 0 for a in missed for b in invented)


def test_spans_are_those_of_the_tags() -> None:
    assert find_spans(("B-PER", "I-PER", "O", "B-LOC", "B-LOC")) == [
        Span("PER", 0, 2),
        Span("LOC", 3, 4),
        Span("LOC", 4, 5),
    ]


EXAMPLES = [
    Example(("Ann", "met", "Bob", "Lee", "."), ("B-PER", "O", "B-PER", "I-PER", "O"), "a.conll:1"),
    Example(("Rome", "is", "old"), ("B-LOC", "O", "O"), "a.conll:7"),
]
OUTPUTS = [("B-PER", "O", "B-PER", "O", "O"), ("B-PER", "O", "O")]
CERTAIN = [np.array([0.9, 0.9, 0.8, 0.6, 0.9]), np.array([0.7, 0.9, 0.9])]


def test_the_analysis_of_spans_says_what_is_wrong_and_where() -> None:
    answered = make_answered("ner", EXAMPLES, OUTPUTS, training=EXAMPLES, certainties=CERTAIN)
    found = by_name(spans.analyse(answered))
    types = {row["type"]: row for row in found["by_type"].rows}
    # By hand: of three expected, two of them people, Ann alone is right; three people are answered.
    assert types["PER"]["precision"] == pytest.approx(1 / 3) and types["PER"]["recall"] == 0.5
    assert types["PER"]["support"] == 2 and types["LOC"]["F1"] == 0
    counts = {row["error"]: row["count"] for row in found["errors"].rows}
    assert counts == {"missed": 0, "invented": 0, "wrong type": 1, "wrong boundary": 1, "both": 0}
    first, second = found["mistakes"].rows
    assert first["error"] == "wrong boundary" and first["probability"] == 0.8
    assert first["expected"] == "PER: Bob Lee" and first["answered"] == "PER: Bob"
    assert first["input"] == "Ann met [Bob Lee] ." and first["origin"] == "a.conll:1"
    assert second["error"] == "wrong type" and second["probability"] == 0.7 and second["origin"] == "a.conll:7"


def test_nothing_but_what_is_outside_of_spans_has_no_types() -> None:
    outside = [Example(("it", "is"), ("O", "O"))]
    found = by_name(spans.analyse(make_answered("ner", outside, [("O", "O")], training=EXAMPLES)))
    assert found.keys() == {"confusions"}


def test_an_error_is_where_it_is_whatever_the_order() -> None:
    assert find_errors([Span("A", 0, 1)], []) == [Error("missed", Span("A", 0, 1), None)]
