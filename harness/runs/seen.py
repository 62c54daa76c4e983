"""Seen: what training saw of its data, kept with the run, so that its model card can say where the model ends."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np

from harness.runs.schema import Seen
from pipeline.batches.bucketing import Batches
from pipeline.example import Splits, Value, first
from pipeline.fields import InputField, OutputField
from pipeline.findings import Finding, find_few, sort_worst_first
from pipeline.on_disk import read_side

# Training examples whose letters are looked at; a script of a smaller share is not named.
LOOKED_AT, LEAST = 500, 0.01
# Examples whose ids are together in memory.
CHUNK = 4096


def summarise(
    examples: Splits,
    batches: Mapping[str, Batches],
    input_field: InputField,
    *,
    output_field: OutputField,
    found: Sequence[Finding],
) -> Seen:
    """Return what was seen of examples that are encoded. found: what is worth knowing of them."""
    texts: Sequence[Value] = ()
    if input_field.known_tokens:
        texts = read_side(examples["train"], attrgetter("input"))
    elif output_field.known_tokens:
        texts = read_side(examples["train"], lambda one: first(one.output))
    return {
        "examples": {split: len(some) for split, some in examples.items()},
        "longest": int(batches["train"].steps.max()),
        "unknown": {
            split: share for split, some in batches.items() if (share := measure_unknown(some, input_field)) is not None
        },
        "scripts": find_scripts(texts),
        "warnings": [one.text for one in sort_worst_first([*found, *find_few(examples)])],
    }


def measure_unknown(batches: Batches, input_field: InputField) -> float | None:
    """Return the share of the steps of encoded inputs that are of an unknown token; None where there are no tokens."""
    array = next((name for name, one in input_field.arrays.items() if one.timed and one.unknown is not None), None)
    if array is None:
        return None
    unknown, steps = 0, 0
    # Not all at once: they may be on the disk.
    for start in range(0, len(batches.inputs), CHUNK):
        some = batches.inputs[start : start + CHUNK]
        ids = np.concatenate([one[array].reshape(len(one[array]), -1)[:, 0] for one in some])
        unknown, steps = unknown + int((ids == input_field.arrays[array].unknown).sum()), steps + len(ids)
    return round(unknown / steps, 6)


def find_scripts(texts: Sequence[str | Sequence[str]]) -> dict[str, float]:
    """Return the share of the letters of some texts by their script, as Unicode names it."""
    some = texts[:: -(-len(texts) // LOOKED_AT) or 1]
    letters = Counter(character for one in some for character in "".join(one) if character.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "OTHER").split()[0]] += count
    return {
        script: round(count / letters.total(), 4)
        for script, count in scripts.most_common()
        if count >= LEAST * letters.total()
    }
