"""The memory tasks' data, against their definitions, and their baselines, against simulation."""

import random
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import metrics
from pipeline.corpora import memory_tasks
from pipeline.errors import BadInput


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_tasks, "SIZES", {"train": 300, "validation": 20, "test": 2000})


def options(delay: int, max_length: int = 1000, **copying: bool) -> SimpleNamespace:
    given = {"selective": False, "varied_delays": False} | copying
    return SimpleNamespace(delay=delay, max_length=max_length, **given)


@pytest.mark.parametrize("delay", [1, 2, 50])
def test_copy_is_ten_symbols_then_a_delay_then_the_same_ten(delay: int) -> None:
    splits = memory_tasks.copy(options(delay))
    assert [len(examples) for examples in splits.values()] == [300, 20, 2000]
    examples = [example for split in splits.values() for example in split]
    assert len({example.input for example in examples}) == len(examples)
    for example in examples:
        given, wanted = example.input, "".join(example.output)
        assert len(given) == len(wanted) == delay + 20
        symbols = given[:10]
        assert set(symbols) <= set("01234567")
        assert given[10:] == "." * (delay - 1) + ":" + "." * 10
        assert wanted == "." * (delay + 10) + symbols
    # All symbols are equally likely everywhere.
    counts = np.array([[example.input[place] == symbol for symbol in "01234567"] for example in examples
                       for place in range(10)]).mean(axis=0)  # fmt: skip
    assert counts == pytest.approx(np.full(8, 1 / 8), abs=0.01)


def test_selective_copying_scatters_the_symbols_among_the_blanks_in_their_order() -> None:
    splits = memory_tasks.copy(options(7, selective=True))
    places: Counter[int] = Counter()
    for example in splits["test"]:
        read, mark, asked = example.input.partition(":")
        assert (len(read), mark, asked) == (16, ":", "." * 10)
        assert "".join(example.output) == "." * 17 + read.replace(".", "")
        places.update(place for place, symbol in enumerate(read) if symbol != ".")
    # Ten of sixteen places, all of them as likely.
    assert [places[place] / 2000 for place in range(16)] == pytest.approx([10 / 16] * 16, abs=0.05)


def test_sequences_to_train_on_have_all_delays_where_that_is_asked_for() -> None:
    splits = memory_tasks.copy(options(5, varied_delays=True))
    assert Counter(len(example.input) - 20 for example in splits["train"]) == dict.fromkeys(range(1, 6), 60)
    for example in splits["train"]:
        delay = len(example.input) - 20
        assert example.input == "".join(example.output[-10:]) + "." * (delay - 1) + ":" + "." * 10
    assert {len(example.input) for split in ("validation", "test") for example in splits[split]} == {25}


def test_copy_without_memory_scores_the_baseline() -> None:
    delay = 5
    examples = memory_tasks.copy(options(delay))["test"]
    blank_for_sure = np.log(1.0)
    one_in_eight = np.log(1 / 8)
    loss = -np.mean([blank_for_sure if due == "." else one_in_eight for one in examples for due in one.output])
    chooser = random.Random(1)
    guesses = [one.output[: delay + 10] + tuple(chooser.choices("01234567", k=10)) for one in examples]
    scores = metrics.recall_accuracy([one.output for one in examples], guesses, ".")
    baseline = memory_tasks.score_copy_baseline(options(delay), {})
    assert baseline["loss"] == pytest.approx(loss)
    assert baseline["recalled"] == pytest.approx(scores["recalled"], abs=0.01)


def test_copy_refuses_a_length_that_would_cut_it() -> None:
    with pytest.raises(BadInput, match="--max-length 69: copy needs 70 steps with --delay 50"):
        memory_tasks.copy(options(50, 69))


@pytest.mark.parametrize("delay", [2, 3, 40])
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(delay: int) -> None:
    splits = memory_tasks.adding(options(delay))
    for example in splits["train"]:
        steps = [tuple(map(float, step.split(","))) for step in example.input.split(" ")]
        assert len(steps) == delay
        assert all(0 <= number < 1 for number, _ in steps)
        marked = [place for place, (_, mark) in enumerate(steps) if mark == 1]
        assert sum(mark for _, mark in steps) == 2
        assert marked[0] < delay // 2 <= marked[1]
        assert example.output == pytest.approx(sum(steps[place][0] for place in marked))


def test_adding_without_memory_scores_the_baseline() -> None:
    examples = memory_tasks.adding(options(10))["test"]
    scores = metrics.squared_error([one.output for one in examples], [1.0] * len(examples), 0.04)
    baseline = memory_tasks.score_adding_baseline(options(10), {})
    assert scores["mse"] == pytest.approx(baseline["mse"], rel=0.1)
    assert scores["within_0.04"] == pytest.approx(baseline["within_0.04"], abs=0.03)


def test_adding_needs_two_numbers() -> None:
    with pytest.raises(BadInput, match="--delay 1: adding needs at least 2 numbers"):
        memory_tasks.adding(options(1))


def test_the_same_data_every_time() -> None:
    for make in (memory_tasks.copy, memory_tasks.adding):
        assert make(options(4)) == make(options(4))
