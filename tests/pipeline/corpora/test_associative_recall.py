"""Associative recall: what is asked for, and where, against the definition of Arora et al. 2024."""

from collections import Counter
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.corpora import associative_recall
from pipeline.corpora.associative_recall import Pairs
from pipeline.errors import BadInput
from pipeline.example import Example


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(associative_recall, "SIZES", {"validation": 20, "test": 160})


def options(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**asdict(Pairs(sequences=300)) | changes)


def look_up(example: Example, pairs: int) -> list[str]:
    """Return what is due at each step: a blank within the pairs, then the value of a key that has one."""
    symbols = example.input.split()
    known = dict(zip(symbols[: 2 * pairs : 2], symbols[1 : 2 * pairs : 2], strict=True))
    assert len(known) == len(set(known.values())) == pairs
    assert Counter(symbols[2 * pairs :]) == {**dict.fromkeys(known, 1), ".": len(symbols) - 3 * pairs}
    return ["."] * (2 * pairs) + [known.get(symbol, ".") for symbol in symbols[2 * pairs :]]


def test_each_key_is_asked_for_once_and_its_value_is_due() -> None:
    splits = associative_recall.generate(options(pairs=4, length=32, symbols=9))
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [300, 20, 160]
    for example in splits["test"]:
        assert list(example.output) == look_up(example, 4)
    seen = set()
    for example in splits["train"] + splits["validation"]:
        pairs = sum(answer != "." for answer in example.output)
        assert list(example.output) == look_up(example, pairs)
        seen.add((pairs, len(example.output)))
    # Shorter sequences and fewer pairs too, as far as they fit.
    assert {pairs for pairs, _ in seen} == {1, 2, 3, 4}
    assert {length for _, length in seen} == {4, 8, 12, 16, 20, 24, 28, 32}
    assert all(4 * pairs <= length for pairs, length in seen)


def test_the_test_has_all_pairs_at_as_many_of_each_length() -> None:
    splits = associative_recall.generate(options(pairs=4, length=32, test_length=64))
    lengths = Counter(len(example.output) for example in splits["test"])
    assert set(lengths) == {16, 24, 32, 40, 48, 56, 64} and max(lengths.values()) - min(lengths.values()) <= 1


def test_keys_are_asked_for_at_distances_that_follow_a_power_law() -> None:
    splits = associative_recall.generate(options(pairs=1, length=64, sequences=8000))
    places = Counter(
        (example.output.index(answer) - 2) // 2
        for example in splits["train"] if len(example.output) == 64
        for answer in example.output if answer != "."
    )  # fmt: skip
    chances = np.arange(1, 32) ** -0.99
    found = np.array([places[place] for place in range(31)]) / places.total()
    np.testing.assert_allclose(found, chances / chances.sum(), atol=0.03)


@pytest.mark.parametrize("changes", [{"pairs": 1, "length": 24}, {"induction": True, "length": 12, "symbols": 9}])
def test_no_sequence_is_in_two_splits(changes: dict) -> None:
    splits = associative_recall.generate(options(**changes))
    inputs = [{example.input for example in splits[split]} for split in ("train", "validation", "test")]
    assert len(set.union(*inputs)) == sum(map(len, inputs))


def test_with_one_key_what_followed_it_is_due_at_the_end() -> None:
    splits = associative_recall.generate(options(induction=True, length=24, symbols=5))
    for example in splits["train"] + splits["test"]:
        symbols = example.input.split()
        assert [place for place, symbol in enumerate(symbols) if symbol == "!"][1:] == [len(symbols) - 1]
        assert set(example.output[:-1]) <= {"."} and example.output[-1] == symbols[symbols.index("!") + 1]


@pytest.mark.parametrize(("changes", "share"), [({"pairs": 4}, 1 / 4), ({"induction": True, "symbols": 5}, 1 / 5)])
def test_guessing_scores_the_baseline(changes: dict, share: float) -> None:
    given = options(length=128, **changes)
    splits = associative_recall.generate(given)
    generator = np.random.default_rng(0)
    examples = splits["test"] * 10
    guesses = [
        [str(generator.choice([one for one in example.input.split() if one[0] == "v"]))] * len(example.output)
        for example in examples
    ]
    found = associative_recall.measure_recall([example.output for example in examples], guesses)
    baseline = associative_recall.score_guessing(given, splits)
    assert found["recalled"] == pytest.approx(baseline["recalled"], abs=0.03)
    assert baseline["recalled_longest"] == pytest.approx(share, abs=0.06)


def test_the_longest_count_for_themselves() -> None:
    references = [(".", "v1"), (".", ".", "v1", "v2"), (".", ".", "v3", "v4")]
    predictions = [(".", "v1"), ("v9", ".", "v1", "v1"), (".", ".", ".", "v4")]
    found = associative_recall.measure_recall(references, predictions)
    assert found == {"recalled": 3 / 5, "recalled_longest": 2 / 4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": 16, "length": 60}, "--length 60: 16 pairs and as many keys.* need at least 64 symbols"),
        ({"pairs": 4, "length": 64, "test_length": 8}, "--test-length 8: 4 pairs"),
        ({"pairs": 16, "symbols": 8}, "--symbols 8: fewer keys than --pairs 16"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        associative_recall.generate(options(**changes))


def test_the_same_data_every_time() -> None:
    assert associative_recall.generate(options()) == associative_recall.generate(options())
