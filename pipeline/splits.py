"""Splits that the data does not come with, and few examples out of many: drawn so that each label has its share."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal, TypeVar

from pipeline.errors import BadInput, list_names, shorten, unknown
from pipeline.example import Example, Splits

# What no two splits share.
Side = Literal["input", "output", "group"]
# Labels that a message lists.
SHOWN = 10
Value = TypeVar("Value", bound=Hashable)


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
    inputs = list(dict.fromkeys(getattr(example, side) for example in train))
    least = 1 + len(missing) if side == "group" else 3
    if len(inputs) < least:
        raise BadInput(
            f"{len(train)} training example{'s' if len(train) != 1 else ''} with {len(inputs)} distinct "
            f"{side}{'s' if len(inputs) != 1 else ''}: too few to take {' and '.join(missing)} from "
            f"(at least {least} distinct {side}s are needed). "
            "Add examples to --data, or files for the missing splits."
        )
    counts = {name: max(1, int(share * len(inputs))) for name, share in missing.items()}
    if sum(counts.values()) >= len(inputs):
        wanted = " and ".join(f"{share} for {name}" for name, share in missing.items())
        raise BadInput(f"{wanted} would leave none of the {len(inputs)} distinct {side}s for train: take less.")
    random.Random(seed).shuffle(inputs)
    strata = find_strata(train, side) if stratify and side != "group" else None
    # By the value that stays together, not by example.
    label = {getattr(one, side): stratum for one, stratum in zip(train, strata, strict=True)} if strata else {}
    place: dict[Hashable, str] = {}
    for name, count in counts.items():
        left = [value for value in inputs if value not in place]
        taken = _take(left, [label.get(value) for value in left], count, keep=1 if strata else 0)
        place.update(dict.fromkeys(taken, name))
    made: Splits = {name: [] for name in ("train", *missing)}
    for example in train:
        made[place.get(getattr(example, side), "train")].append(example)
    if not all(made.values()):
        counted = Counter(label.values()).most_common()
        named = list_names(f"{shorten(str(name))} ({count})" for name, count in counted[:SHOWN])
        rest = f" and {len(counted) - SHOWN:,} more labels" if len(counted) > SHOWN else ""
        raise BadInput(
            f"{len(train)} training examples of {named}{rest}: too few to take {' and '.join(missing)} from and leave "
            "one of each in train. Add examples to --data, or files for the missing splits; if these are no labels, "
            "choose another column: --label-column."
        )
    return {name: made.get(name) or splits.get(name, []) for name in ("train", "validation", "test")}


def leave_out(splits: Splits, group: str) -> Splits:
    """Return the examples of a group as the test, those of whatever split, and the others where they are.

    Those of the test that are of other groups are trained on. Raises BadInput for a group that there is not, or that is
    all there is.
    """
    known = list(dict.fromkeys(example.group for examples in splits.values() for example in examples))
    if group not in known:
        raise unknown("--leave-out", group, map(str, known))
    others = {name: [example for example in examples if example.group != group] for name, examples in splits.items()}
    train = others.get("train", []) + others.get("test", [])
    if not train:
        raise BadInput(f"--leave-out {group}: nothing is left to train on")
    left = [example for examples in splits.values() for example in examples if example.group == group]
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
    values = list(dict.fromkeys(getattr(example, side) for example in train))
    if len(values) < count:
        raise BadInput(
            f"--folds {count}: {len(train)} example{'s' * (len(train) != 1)} with {len(values)} distinct "
            f"{side}{'s' * (len(values) != 1)}; expected as many as folds, or more: give fewer folds, or add examples"
        )
    random.Random(f"{seed} folds").shuffle(values)
    if stratify and side != "group":
        label = {getattr(one, side): stratum for one, stratum in zip(train, find_strata(train, side), strict=True)}
        order = {stratum: place for place, stratum in enumerate(dict.fromkeys(label[value] for value in values))}
        # Dealt out one after the other, label by label, each fold gets its share of each.
        values.sort(key=lambda value: order[label[value]])
    held_out = set(values[number - 1 :: count])
    return {
        **splits,
        "train": [example for example in train if getattr(example, side) not in held_out],
        "test": [example for example in train if getattr(example, side) in held_out],
    }


def limit(splits: Splits, count: int, *, seed: int = 0, side: Side = "input", stratify: bool = False) -> Splits:
    """Return `count` examples, drawn at random, of each split that has more, in their order.

    side, stratify: as for `complete`; of each label there is one at least, if `count` allows it.
    """
    limited: Splits = {}
    for split, examples in splits.items():
        places = list(range(len(examples)))
        if len(places) > count:
            random.Random(f"{seed} {split}").shuffle(places)
            strata = find_strata(examples, side) if stratify else [None] * len(examples)
            places = sorted(_take(places, [strata[place] for place in places], count, each=1))
        limited[split] = [examples[place] for place in places]
    return limited


def find_strata(examples: Sequence[Example], side: Side = "input") -> list[Hashable]:
    """Return what each example is drawn by: its label, or the rarest of its tags, on the other side than `side`."""
    values = [getattr(example, "output" if side == "input" else "input") for example in examples]
    counts = Counter(tag for value in values if isinstance(value, tuple) for tag in set(value))
    return [
        min(value, key=lambda tag: (counts[tag], tag), default=None) if isinstance(value, tuple) else value
        for value in values
    ]


def _take(
    values: Sequence[Value], strata: Sequence[Hashable], count: int, *, keep: int = 0, each: int = 0
) -> list[Value]:
    """Return `count` of the values, the first of every stratum, as many as is its share.

    keep: so many of each stratum are left. each: so many of each stratum are taken, where there are enough and `count`
    allows it.
    """
    members: dict[Hashable, list[Value]] = {}
    for value, stratum in zip(values, strata, strict=True):
        members.setdefault(stratum, []).append(value)
    room = {stratum: max(0, len(found) - keep) for stratum, found in members.items()}
    wanted = {stratum: count * len(found) / len(values) for stratum, found in members.items()}
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
    chosen = {stratum: set(range(taken[stratum])) for stratum in members}
    place: Counter = Counter()
    found = []
    for value, stratum in zip(values, strata, strict=True):
        if place[stratum] in chosen[stratum]:
            found.append(value)
        place[stratum] += 1
    return found
