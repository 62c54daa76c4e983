"""Missing splits are made from train, and no input is on both sides."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.splits import complete


def examples(inputs) -> list[Example]:
    return [Example(text, "label", f"train.csv:{line}") for line, text in enumerate(inputs, 1)]


def inputs(split: list[Example]) -> list:
    return [example.input for example in split]


def test_both_missing_splits_are_made_and_no_example_is_lost():
    train = examples(f"text {number}" for number in range(100))
    made = complete({"train": train})
    assert {name: len(split) for name, split in made.items()} == {"train": 80, "validation": 10, "test": 10}
    assert sorted(inputs(made["train"] + made["validation"] + made["test"])) == sorted(inputs(train))
    assert len(train) == 100


def test_equal_outputs_stay_together_where_asked():
    train = [Example("category", str(number % 20)) for number in range(200)]
    made = complete({"train": train}, side="output")
    groups = [{example.output for example in made[name]} for name in ("train", "validation", "test")]
    assert [len(group) for group in groups] == [16, 2, 2] and len(set.union(*groups)) == 20
    with pytest.raises(BadInput, match="with 2 distinct outputs: too few"):
        complete({"train": train[:2] * 9}, side="output")


def test_equal_inputs_stay_together():
    train = examples(("token", str(number % 20)) for number in range(200))
    made = complete({"train": train}, validation=0.2, test=0.2)
    groups = [set(inputs(made[name])) for name in ("train", "validation", "test")]
    assert [len(group) for group in groups] == [12, 4, 4]
    assert len(set.union(*groups)) == 20
    assert [len(made[name]) for name in ("train", "validation", "test")] == [120, 40, 40]


def test_existing_splits_are_untouched():
    train, held_out = examples("abcdefghij"), examples("xy")
    made = complete({"train": train, "test": held_out})
    assert made["test"] is held_out
    assert len(made["validation"]) == 1 and len(made["train"]) == 9
    made = complete({"train": train, "validation": held_out})
    assert made["validation"] is held_out
    assert list(made) == ["train", "validation", "test"]
    whole = {"train": examples("a"), "validation": held_out, "test": held_out}
    assert complete(whole) == whole


def test_the_order_of_the_examples_is_kept():
    made = complete({"train": examples(range(50))}, validation=0.3, test=0.3)
    assert all(inputs(split) == sorted(inputs(split)) for split in made.values())


def test_the_seed_decides_and_nothing_else_does():
    train = examples(range(100))
    assert complete({"train": train}, seed=3) == complete({"train": train}, seed=3)
    assert complete({"train": train}, seed=3) != complete({"train": train}, seed=4)


def test_another_process_makes_the_same_splits():
    script = (
        "import json; from pipeline.example import Example; from pipeline.splits import complete\n"
        "made = complete({'train': [Example(f'text {n}', 0) for n in range(50)]}, seed=7)\n"
        "print(json.dumps([example.input for example in made['test']]))"
    )
    root = Path(__file__).parents[2]
    answers = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert answers[0] == answers[1]
    assert len(json.loads(answers[0])) == 5


def test_three_distinct_inputs_are_enough():
    made = complete({"train": examples("abcc")})
    assert [len(set(inputs(split))) for split in made.values()] == [1, 1, 1]


def test_fewer_than_three_distinct_inputs_are_refused():
    with pytest.raises(BadInput, match="5 training examples with 2 distinct inputs: too few"):
        complete({"train": examples("aabbb")})
    with pytest.raises(BadInput, match="1 training example with 1 distinct input: too few"):
        complete({"train": examples("a")})


def test_shares_that_would_empty_train_are_refused():
    with pytest.raises(BadInput, match="would leave none of the 10 distinct inputs"):
        complete({"train": examples(range(10))}, validation=0.5, test=0.5)
