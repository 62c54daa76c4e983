"""Splits that the data does not come with, made from its training examples."""

import random
from typing import Any

from pipeline.errors import BadInput
from pipeline.example import Splits


def complete(splits: Splits, seed: int = 0, validation: float = 0.1, test: float = 0.1, side: str = "input") -> Splits:
    """Return the splits with "validation" and "test", each made from "train" where it is missing.

    validation, test: the shares of the distinct inputs to take, at least one input each. Equal inputs stay
    together, so no example of a made split has its input in train. A seed gives the same splits on every
    machine; the order of the examples is kept. Splits that exist are left as they are.
    side: "output" keeps equal outputs together instead, where many examples have the same input.
    Raises BadInput if train has fewer than 3 distinct inputs, or if the shares leave it none.
    """
    shares = {"validation": validation, "test": test}
    missing = {name: share for name, share in shares.items() if name not in splits}
    if not missing:
        return dict(splits)
    train = splits["train"]
    inputs = list(dict.fromkeys(getattr(example, side) for example in train))
    if len(inputs) < 3:
        raise BadInput(
            f"{len(train)} training example{'s' if len(train) != 1 else ''} with {len(inputs)} distinct "
            f"{side}{'s' if len(inputs) != 1 else ''}: too few to take {' and '.join(missing)} from "
            f"(at least 3 distinct {side}s are needed). "
            "Add examples to --data, or files for the missing splits."
        )
    random.Random(seed).shuffle(inputs)
    place: dict[Any, str] = {}
    for name, share in missing.items():
        taken = max(1, int(share * len(inputs)))
        start = len(place)
        place.update(dict.fromkeys(inputs[start : start + taken], name))
    if len(place) == len(inputs):
        wanted = " and ".join(f"{share} for {name}" for name, share in missing.items())
        raise BadInput(f"{wanted} would leave none of the {len(inputs)} distinct {side}s for train: take less.")
    made: Splits = {name: [] for name in ("train", *missing)}
    for example in train:
        made[place.get(getattr(example, side), "train")].append(example)
    return {name: made.get(name) or splits.get(name, []) for name in ("train", "validation", "test")}
