"""Missing splits are made from train, and no input is on both sides."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.splits import complete, leave_out, limit, take_fold


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


def labelled(**counts: int) -> list[Example]:
    """Return so many examples of each label, sorted by it."""
    return [Example(f"{label} {number}", label) for label, count in counts.items() for number in range(count)]


def count(split: list[Example]) -> Counter:
    return Counter(example.output for example in split)


def test_each_label_has_its_share_of_a_made_split_and_a_rare_one_stays_in_train() -> None:
    train = labelled(ham=600, spam=300, rare=1, few=3)
    made = complete({"train": train}, stratify=True)
    for split in ("validation", "test"):
        found = count(made[split])
        assert found["ham"] == pytest.approx(60, abs=1) and found["spam"] == pytest.approx(30, abs=1)
        assert found["rare"] == 0 and len(made[split]) == 90
    assert count(made["train"])["rare"] == 1 and count(made["train"])["few"] >= 1
    assert sum(map(len, made.values())) == len(train)
    assert complete({"train": train}, stratify=True) == made != complete({"train": train}, seed=1, stratify=True)


def test_every_tag_stays_in_train_however_rare() -> None:
    chooser = random.Random(0)
    tags = ["N"] * 50 + ["V"] * 30 + ["A"] * 10 + ["X", "Y", "Z"]
    for seed in range(20):
        train = [Example(f"text {n}", tuple(chooser.choices(tags, k=5))) for n in range(60)]
        made = complete({"train": train}, seed, stratify=True)
        assert {tag for one in made["train"] for tag in one.output} == {tag for one in train for tag in one.output}
        assert [len(made[split]) for split in ("train", "validation", "test")] == [48, 6, 6]


def test_equal_inputs_stay_together_where_each_label_has_its_share() -> None:
    train = [Example(f"text {number % 40}", "ab"[number % 2]) for number in range(200)]
    made = complete({"train": train}, stratify=True)
    groups = [set(inputs(made[name])) for name in ("train", "validation", "test")]
    assert [len(group) for group in groups] == [32, 4, 4] and len(set.union(*groups)) == 40


def test_too_few_of_each_label_to_divide_is_refused_with_their_counts() -> None:
    with pytest.raises(
        BadInput, match=r"3 training examples of pos \(2\), neg \(1\): too few to take validation and test"
    ):
        complete({"train": labelled(pos=2, neg=1)}, stratify=True)
    made = complete({"train": labelled(pos=2, neg=2)}, stratify=True)
    assert count(made["train"]) == {"pos": 1, "neg": 1}
    # Numbers, say, each of them once.
    with pytest.raises(BadInput, match=r"of n0 \(1\), .*n9 \(1\) and 20 more labels: .*--label-column"):
        complete({"train": labelled(**{f"n{number}": 1 for number in range(30)})}, stratify=True)


def test_few_examples_are_drawn_from_all_and_have_every_label() -> None:
    splits = {"train": labelled(ham=900, spam=90, rare=10), "test": labelled(ham=5, spam=5)}
    found = limit(splits, 20, stratify=True)
    assert count(found["train"]) == {"ham": 18, "spam": 1, "rare": 1}
    assert found["test"] == splits["test"]
    places = [splits["train"].index(example) for example in found["train"]]
    assert places == sorted(places) and places[16] > 100
    assert limit(splits, 20, stratify=True) == found != limit(splits, 20, seed=1, stratify=True)
    # Fewer than there are labels: no more than asked for.
    assert len(limit(splits, 2, stratify=True)["train"]) == 2
    assert [len(limit({"train": labelled(a=50, b=9)}, n, stratify=True)["train"]) for n in range(1, 59)] == [
        *range(1, 59)
    ]


def test_few_examples_of_what_has_no_labels_are_drawn_at_random() -> None:
    texts = [Example("", str(number)) for number in range(100)]
    found = limit({"train": texts}, 10)["train"]
    assert len(found) == 10 and found != texts[:10]


def spoken(count: int = 60, speakers: int = 6) -> list[Example]:
    return [Example(f"text {n % 7}", str(n % 3), f"a.csv:{n}", f"s{n % speakers}") for n in range(count)]


def test_groups_stay_together_whatever_their_inputs():
    made = complete({"train": spoken()}, side="group", stratify=True)
    groups = [{example.group for example in made[name]} for name in ("train", "validation", "test")]
    assert [len(group) for group in groups] == [4, 1, 1] and len(set.union(*groups)) == 6
    assert sum(map(len, made.values())) == 60
    assert complete({"train": spoken()}, side="group") == made
    with pytest.raises(BadInput, match="with 2 distinct groups: too few .*at least 3 distinct groups"):
        complete({"train": spoken(speakers=2)}, side="group")


def test_a_group_that_is_left_out_is_the_test_and_all_others_are_trained_on_or_validate():
    whole = spoken()
    found = leave_out({"train": whole[:40], "test": whole[40:]}, "s3")
    assert found["test"] == [example for example in whole if example.group == "s3"]
    assert found["train"] == [example for example in whole if example.group != "s3"] and "validation" not in found
    found = leave_out({"train": whole[:40], "validation": whole[40:]}, "s3")
    assert found["validation"] == [example for example in whole[40:] if example.group != "s3"]
    with pytest.raises(BadInput, match="unknown --leave-out 's9'. Did you mean .* Known: s0, s1"):
        leave_out({"train": whole}, "s9")
    with pytest.raises(BadInput, match="nothing is left to train on"):
        leave_out({"train": spoken(speakers=1)}, "s0")


def test_every_example_is_in_the_test_of_one_fold_and_no_input_is_on_both_sides():
    # Inputs come twice, and labels are of unequal size.
    train = [Example(f"text {number % 53}", "ab"[number % 53 < 11]) for number in range(106)]
    every = [take_fold({"train": train}, number, 5, stratify=True) for number in range(1, 6)]
    assert sorted(inputs([one for made in every for one in made["test"]])) == sorted(inputs(train))
    for made in every:
        assert len(made["train"]) + len(made["test"]) == 106
        assert set(inputs(made["train"])).isdisjoint(inputs(made["test"]))
        distinct = {one.input: one.output for one in made["test"]}
        # A fifth of 42 and of 11.
        assert Counter(distinct.values())["a"] in (8, 9) and Counter(distinct.values())["b"] in (2, 3)
    assert {len({*inputs(made["test"])}) for made in every} == {10, 11}


def test_folds_are_those_of_their_seed_and_side():
    train = [Example(f"category {number % 7}", f"name {number}") for number in range(70)]
    one, again, other = (take_fold({"train": train}, 2, 5, seed=seed, side="output") for seed in (0, 0, 1))
    assert one == again != other
    assert len(one["test"]) == 14
    with pytest.raises(BadInput, match="--folds 8: 70 examples with 7 distinct inputs; expected as many as folds"):
        take_fold({"train": train}, 1, 8)


def test_a_fold_leaves_the_validation_of_the_data_as_it_is():
    train, held_out = examples("abcdefghij"), examples("xy")
    made = take_fold({"train": train, "validation": held_out}, 1, 5)
    assert made["validation"] is held_out and len(made["test"]) == 2


def test_a_group_is_in_one_fold_whatever_its_inputs():
    every = [take_fold({"train": spoken()}, number, 3, side="group", stratify=True)["test"] for number in (1, 2, 3)]
    groups = [{example.group for example in made} for made in every]
    assert [len(group) for group in groups] == [2, 2, 2] and len(set.union(*groups)) == 6
    with pytest.raises(BadInput, match="with 6 distinct groups"):
        take_fold({"train": spoken()}, 1, 7, side="group")
