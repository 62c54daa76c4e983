"""Splits that the data does not come with, and few examples out of many: drawn so that each label has its share.

Values are numbered, by which came first, and what is drawn are numbers: so examples may be on the disk.
"""

import random
from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import numpy as np

from pipeline.errors import BadInput, list_names, shorten, unknown
from pipeline.example import Example, Splits, Value
from pipeline.on_disk import OnDisk, concatenate, read_side, select

# What no two splits share.
Side = Literal["input", "output", "group"]
# Labels that a message lists.
SHOWN = 10


def complete(
    splits: Splits,
    seed: int = 0,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    side: Side = "input",
    stratify: bool = False,
) -> Splits:
    """Return the splits with "validation" and "test", each made from "train" where it is missing.

    validation, test: the shares of the distinct inputs to take, at least one input each. Equal inputs stay
    together, so no example of a made split has its input in train. A seed gives the same splits on every
    machine; the order of the examples is kept. Splits that exist are left as they are.
    side: "output" keeps equal outputs together instead, where many examples have the same input; "group" the examples
        of a group, whatever their inputs and labels.
    stratify: the other side holds labels, or tags: take the same share of each, and leave one of each in train.
    Raises BadInput if train has fewer than 3 distinct inputs, or if the shares leave it none.
    """
    shares = {"validation": validation, "test": test}
    missing = {name: share for name, share in shares.items() if name not in splits}
    if not missing:
        return dict(splits)
    train = splits["train"]
    numbers, distinct = number_values(train, side)
    least = 1 + len(missing) if side == "group" else 3
    if distinct < least:
        raise BadInput(
            f"{len(train)} training example{'s' if len(train) != 1 else ''} with {distinct} distinct "
            f"{side}{'s' if distinct != 1 else ''}: too few to take {' and '.join(missing)} from "
            f"(at least {least} distinct {side}s are needed). "
            "Add examples to --data, or files for the missing splits."
        )
    counts = {name: max(1, int(share * distinct)) for name, share in missing.items()}
    if sum(counts.values()) >= distinct:
        wanted = " and ".join(f"{share} for {name}" for name, share in missing.items())
        raise BadInput(f"{wanted} would leave none of the {distinct} distinct {side}s for train: take less.")
    order = _shuffle(distinct, random.Random(seed))
    strata = find_strata(train, side) if stratify and side != "group" else None
    # By the value that stays together, not by example.
    label = np.zeros(distinct, "int64")
    if strata:
        label[numbers] = strata.numbers
    made = ["train", *missing]
    place = np.zeros(distinct, "int8")
    for number, name in enumerate(missing, 1):
        left = order[place[order] == 0]
        place[left[_take(label[left], counts[name], keep=1 if strata else 0)]] = number
    found = {name: select(train, place[numbers] == number) for number, name in enumerate(made)}
    if not all(map(len, found.values())):
        counted = Counter(strata.names[one] for one in label.tolist()).most_common() if strata else []
        named = list_names(f"{shorten(str(name))} ({count})" for name, count in counted[:SHOWN])
        rest = f" and {len(counted) - SHOWN:,} more labels" if len(counted) > SHOWN else ""
        raise BadInput(
            f"{len(train)} training examples of {named}{rest}: too few to take {' and '.join(missing)} from and leave "
            "one of each in train. Add examples to --data, or files for the missing splits; if these are no labels, "
            "choose another column: --label-column."
        )
    return {name: found.get(name) or splits.get(name, []) for name in ("train", "validation", "test")}


def leave_out(splits: Splits, group: str) -> Splits:
    """Return the examples of a group as the test, those of whatever split, and the others where they are.

    Those of the test that are of other groups are trained on. Raises BadInput for a group that there is not, or that is
    all there is.
    """
    known = list(dict.fromkeys(example.group for examples in splits.values() for example in examples))
    if group not in known:
        raise unknown("--leave-out", group, map(str, known))
    own = {name: np.array([one.group == group for one in examples], bool) for name, examples in splits.items()}
    others = {name: select(examples, ~own[name]) for name, examples in splits.items()}
    train = concatenate(others.get("train", []), others.get("test", []))
    if not train:
        raise BadInput(f"--leave-out {group}: nothing is left to train on")
    left: Sequence[Example] = []
    for name, examples in splits.items():
        left = concatenate(left, select(examples, own[name])) if left else select(examples, own[name])
    found = {"train": train, "validation": others.get("validation", []), "test": left}
    return {name: examples for name, examples in found.items() if examples}


def take_fold(
    splits: Splits,
    number: int,
    count: int,
    *,
    seed: int = 0,
    side: Side = "input",
    stratify: bool = False,
) -> Splits:
    """Return the splits with one of `count` folds of "train" as the test, and the others as "train".

    number: which fold, from 1. Each distinct input is in one fold; the folds have the same number of them, and with
    `stratify` the same number of each label, but for one. seed, side, stratify: as for `complete`.
    Raises BadInput where there are fewer distinct inputs than folds.
    """
    train = splits["train"]
    numbers, distinct = number_values(train, side)
    if distinct < count:
        raise BadInput(
            f"--folds {count}: {len(train)} example{'s' * (len(train) != 1)} with {distinct} distinct "
            f"{side}{'s' * (distinct != 1)}; expected as many as folds, or more: give fewer folds, or add examples"
        )
    order = _shuffle(distinct, random.Random(f"{seed} folds"))
    if stratify and side != "group":
        label = np.zeros(distinct, "int64")
        label[numbers] = find_strata(train, side).numbers
        _, first, inverse = np.unique(label[order], return_index=True, return_inverse=True)
        # Dealt out one after the other, label by label, each fold gets its share of each.
        order = order[np.argsort(first[inverse], kind="stable")]
    held_out = np.zeros(distinct, bool)
    held_out[order[number - 1 :: count]] = True
    return {
        **splits,
        "train": select(train, ~held_out[numbers]),
        "test": select(train, held_out[numbers]),
    }


def limit(splits: Splits, count: int, *, seed: int = 0, side: Side = "input", stratify: bool = False) -> Splits:
    """Return `count` examples, drawn at random, of each split that has more, in their order.

    side, stratify: as for `complete`; of each label there is one at least, if `count` allows it.
    """
    limited: Splits = {}
    for split, examples in splits.items():
        places = np.arange(len(examples))
        if len(places) > count:
            places = _shuffle(len(examples), random.Random(f"{seed} {split}"))
            strata = find_strata(examples, side).numbers if stratify else np.zeros(len(examples), "int64")
            places = np.sort(places[_take(strata[places], count, each=1)])
        limited[split] = select(examples, places)
    return limited


def number_values(examples: Sequence[Example], side: Side) -> tuple[np.ndarray, int]:
    """Return the number of each example's value on a side, (examples,), and how many different ones there are.

    Those of examples on the disk are told apart by hashes of 64 bits, of which two of a million values are equal once
    in 30 million times.
    """
    if not isinstance(examples, OnDisk):
        known: dict[Hashable, int] = {}
        numbers = [known.setdefault(getattr(example, side), len(known)) for example in examples]
        return np.array(numbers, "int64"), len(known)
    hashes = np.fromiter((hash(getattr(example, side)) for example in examples), "int64", len(examples))
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), "int64")
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse], len(first)


@dataclass(frozen=True)
class Strata:
    """What examples are drawn by. numbers: (examples,) of each its place in `names`."""

    numbers: np.ndarray
    names: Sequence[Hashable]


def find_strata(examples: Sequence[Example], side: Side = "input") -> Strata:
    """Return what each example is drawn by: its label, or the rarest of its tags, on the other side than `side`."""
    values = read_side(examples, attrgetter("output" if side == "input" else "input"))
    known: dict[Hashable, int] = {}
    numbers = (known.setdefault(name, len(known)) for name in _name_strata(values))
    return Strata(np.fromiter(numbers, "int64", len(values)), list(known))


def _name_strata(values: Iterable[Value]) -> Iterator[Hashable]:
    counts = Counter(tag for value in values if isinstance(value, tuple) for tag in set(value))
    for value in values:
        yield (min(value, key=lambda tag: (counts[tag], tag), default=None) if isinstance(value, tuple) else value)


def _shuffle(count: int, chance: random.Random) -> np.ndarray:
    """Return the numbers below `count` in the order in which a list of as many values would be shuffled."""
    numbers = array("q", range(count))
    chance.shuffle(numbers)
    return np.array(numbers, "int64")


def _take(strata: np.ndarray, count: int, *, keep: int = 0, each: int = 0) -> np.ndarray:
    """Return which values are taken, (values,) of bool: `count`, the first of every stratum, as many as is its share.

    strata: of each value, (values,) of int. keep: so many of each stratum are left. each: so many of each stratum are
    taken, where there are enough and `count` allows it.
    """
    found, first, inverse, sizes = np.unique(strata, return_index=True, return_inverse=True, return_counts=True)
    # By which was met first.
    members = np.argsort(first).tolist()
    size = sizes.tolist()
    room = {stratum: max(0, size[stratum] - keep) for stratum in members}
    wanted = {stratum: count * size[stratum] / len(strata) for stratum in members}
    taken = {stratum: min(int(wanted[stratum]), room[stratum]) for stratum in members}
    # The largest remainders first; of equal ones the stratum that was met first.
    order = sorted(members, key=lambda stratum: int(wanted[stratum]) - wanted[stratum])
    if each and len(members) <= count:
        taken = {stratum: max(number, min(each, room[stratum])) for stratum, number in taken.items()}
    while sum(taken.values()) > count:
        more = [stratum for stratum in members if taken[stratum] > each]
        taken[max(more, key=lambda stratum: taken[stratum] - wanted[stratum])] -= 1
    while sum(taken.values()) < count:
        free = [stratum for stratum in order if taken[stratum] < room[stratum]]
        if not free:
            break
        for stratum in free[: count - sum(taken.values())]:
            taken[stratum] += 1
    most = np.array([taken[stratum] for stratum in range(len(found))], "int64")
    # The place of each value among those of its stratum.
    grouped = np.argsort(inverse, kind="stable")
    place = np.empty(len(strata), "int64")
    place[grouped] = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place < most[inverse]
