"""Examples as a model is given them: tokens, numbers and mask, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import data
from pipeline.batches.padding import measure, pad
from pipeline.errors import BadInput
from pipeline.example import Example, first
from pipeline.fields import Array, Arrays, InputField, OutputField
from pipeline.fields.vocabulary import PADDING
from pipeline.findings import Finding, Weight, name_place

SHOWN = 10
# Steps of a long sequence that are shown: of its beginning, and of its end.
HEAD, TAIL = 8, 3
ELIDED = "…"


@dataclass(frozen=True)
class Steps:
    """One side of an example step by step.

    numbers: the time steps that are shown, from 1; ELIDED for those that are left out. rows: cells, one per number, by
    the name of what they hold, such as "words".
    """

    numbers: Sequence[str]
    rows: Mapping[str, Sequence[str]]

    def tabulate(self) -> list[dict[str, str]]:
        """Return the rows of a table."""
        return [{"step": name, **dict(zip(self.numbers, cells, strict=True))} for name, cells in self.rows.items()]


@dataclass(frozen=True)
class Shown:
    """One example. input, output: as they were read.

    steps: what has a time axis; one table where the output is as long as the input, else one of each side.
    arrays: the others in words, such as "image: (48, 48, 3) of uint8, 0 to 255".
    """

    origin: str
    input: Any
    output: Any
    steps: Sequence[Steps]
    arrays: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "origin": self.origin,
            "input": data.to_plain(self.input),
            "output": self.output,
            "steps": [
                {"numbers": list(one.numbers), "rows": {name: list(cells) for name, cells in one.rows.items()}}
                for one in self.steps
            ],
            "arrays": list(self.arrays),
        }


def show_examples(
    training: Sequence[Example], input_field: InputField, output_field: OutputField
) -> tuple[list[Shown], list[Finding]]:
    """Return some training examples, evenly spaced, padded to the longest of them; and those that training refuses."""
    some, refused = [], []
    inputs, outputs = [], []
    for example in training[:: -(-len(training) // SHOWN)]:
        try:
            given, wanted = input_field.encode_whole(example.input), output_field.encode(first(example.output))
            output_field.check_pair(given, wanted)
        except BadInput as error:
            text = f"an example that training refuses: {error}{name_place(example)}"
            refused.append(Finding(text, Weight.DAMAGED, 1 / len(training)))
            continue
        some.append(example)
        inputs.append(given)
        outputs.append(wanted)
    if not some:
        return [], refused
    names = {"input": input_field.id_names, "output": output_field.id_names}
    sides = {"input": (inputs, input_field.arrays), "output": (outputs, output_field.arrays)}
    padded = {side: _pad(encoded, arrays) for side, (encoded, arrays) in sides.items()}
    shown = [
        _show(
            example,
            {side: {name: array[row] for name, array in batch.items()} for side, batch in padded.items()},
            {side: arrays for side, (_, arrays) in sides.items()},
            names=names,
        )
        for row, example in enumerate(some)
    ]
    return shown, refused


def _pad(encoded: Sequence[Arrays], arrays: Mapping[str, Array]) -> Arrays:
    return pad(encoded, dict(arrays), max(measure(one, dict(arrays)) for one in encoded))


def _show(
    example: Example,
    values: Mapping[str, Arrays],
    arrays: Mapping[str, Mapping[str, Array]],
    *,
    names: Mapping[str, Mapping[str, Sequence[str]]],
) -> Shown:
    rows: dict[str, dict[str, Sequence[str]]] = {}
    real: list[str] = []
    rest: list[str] = []
    masks = [one["mask"] for one in values.values() if "mask" in one]
    aligned = len(masks) == len(values) and np.array_equal(masks[0], masks[-1])
    for side, found in values.items():
        mask = found.get("mask", np.zeros(0, bool))
        # One table, and one mask, do for outputs that are as long as their inputs.
        table = rows.setdefault("input" if aligned else side, {})
        for name, value in found.items():
            if name == "mask":
                continue
            known = names[side].get(name)
            if value.ndim == 1 and len(value) == len(mask):
                if known:
                    table[f"{name}, spelled"] = [
                        _spell(one, known, there) for one, there in zip(value, mask, strict=True)
                    ]
                table[name] = [_format(one) for one in value]
            else:
                rest.append(_describe(name, value, known, arrays[side].get(name)))
        if len(mask) and not (aligned and side == "output"):
            real.append(f"{side}: {mask.sum():,} of {len(mask):,} steps are real, the others are padding")
            if table:
                table["mask"] = [str(int(there)) for there in mask]
    steps = [_elide(table) for table in rows.values() if table]
    return Shown(example.origin, example.input, example.output, steps=steps, arrays=[*real, *rest])


def _spell(number: int, known: Sequence[str], real: bool) -> str:
    """Return the name of an id; nothing for padding that has none, as that of tags."""
    if not (real or known[0] == PADDING):
        return ""
    return known[number] if 0 <= number < len(known) else "(none)"


def _format(number: float) -> str:
    return f"{number:.4g}" if isinstance(number, float | np.floating) else str(number)


def _elide(rows: Mapping[str, Sequence[str]]) -> Steps:
    """Return rows without the steps in the middle, where there are many."""
    length = len(next(iter(rows.values())))
    if length <= HEAD + TAIL + 1:
        return Steps([str(place + 1) for place in range(length)], rows)
    numbers = [*map(str, range(1, HEAD + 1)), ELIDED, *map(str, range(length - TAIL + 1, length + 1))]
    return Steps(numbers, {name: [*cells[:HEAD], ELIDED, *cells[-TAIL:]] for name, cells in rows.items()})


def _describe(name: str, value: np.ndarray, known: Sequence[str] | None, array: Array | None) -> str:
    """Return an array in words: its number, or its shape and range."""
    if value.ndim == 0:
        return f"{name}: {_format(value.item())}" + (
            f" ({known[int(value)]})" if known and 0 <= value < len(known) else ""
        )
    low, high = (f"{edge:.4g}" for edge in (value.min(), value.max()))
    shape = ", ".join(map(str, value.shape))
    time = ", the first axis is time" if array and array.timed else ""
    return f"{name}: ({shape}) of {value.dtype}, {low} to {high}{time}"
