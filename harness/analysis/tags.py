"""Tags: one category per step of the input, such as the part of speech of each word."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from harness.analysis import categories, frequency, groups
from harness.analysis.answered import Answered, Floats
from harness.analysis.section import Row, Section, Sections, count
from pipeline.example import Value

# Mistakes that are listed, and the steps at either side of each that are shown.
MOST, AROUND = 20, 4


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of tags."""
    expected, outputs = flatten(answered.expected), flatten(answered.outputs)
    yield from categories.by_category(expected, outputs, "tag")
    yield from categories.confusions(expected, outputs, "tag")
    yield from calibrate(answered)
    yield from groups.by_length(answered)
    yield from by_frequency(answered)
    yield from list_mistakes(answered)


def flatten(sequences: Sequence[Sequence[str]]) -> list[str]:
    """Return the tags of all sequences, one after the other."""
    return list(chain.from_iterable(sequences))


def compare_steps(answered: Answered) -> np.ndarray:
    """Return which steps have the right tag, (steps of all examples,)."""
    return np.array(flatten(answered.expected)) == np.array(flatten(answered.outputs))


def calibrate(answered: Answered) -> Sections:
    """Yield how much the probabilities of the tags are to be believed."""
    if answered.certainties is not None:
        certain = np.concatenate(answered.certainties)
        yield from categories.calibration(compare_steps(answered), certain, "tag")


def by_frequency(answered: Answered) -> Sections:
    """Yield the share of right tags of tokens that were seen often, rarely and never; nothing of inputs without any."""
    if any(len(tokens) != len(tags) for tokens, tags in zip(answered.tokens, answered.expected, strict=True)):
        return
    classifier, known = frequency.make_classifier(answered), answered.experiment.input_field.known_tokens
    right = compare_steps(answered)
    flat = flatten(answered.tokens)
    places = np.array([classifier.place(token) for token in flat])
    unknown = np.array([token not in known for token in flat])
    unit = answered.experiment.input_field.counted
    rows: list[Row] = [
        {
            unit: name,
            "count": int(chosen.sum()),
            "share right": float(right[chosen].mean()),
            "unknown to the model": float(unknown[chosen].mean()),
        }
        for place, name in enumerate(classifier.names)
        if (chosen := places == place).any()
    ]
    if len(rows) > 1:
        yield Section(
            "by_frequency",
            f"Score by {unit} frequency",
            f"Does it know the {unit}s? By how often each was seen in training: {classifier.explanation}.",
            rows,
        )


def list_mistakes(answered: Answered) -> Sections:
    """Yield the wrong tags of which the model is surest, in the midst of their sentences."""
    certainties = list_certainties(answered)
    wrong = [
        (float(certainties[number][step]), number, step)
        for number, (expected, output) in enumerate(zip(answered.expected, answered.outputs, strict=True))
        for step, (one, other) in enumerate(zip(expected, output, strict=True))
        if one != other
    ]
    if not wrong:
        return
    rows: list[Row] = [
        {
            "expected": answered.expected[number][step],
            "answered": answered.outputs[number][step],
            "probability": certain if answered.certainties else None,
            "input": show_place(answered.examples[number].input, step, step + 1),
            "origin": answered.name_origin(number),
        }
        for certain, number, step in sorted(wrong, key=lambda one: -one[0])[:MOST]
    ]
    yield Section(
        "mistakes",
        "The most confident mistakes",
        f"{count(len(wrong), 'tag')} of {sum(map(len, answered.expected)):,} are wrong. Those that it is surest of "
        "come first, in their places: is the tag right, and what misleads it?",
        rows,
        brief=5,
    )


def list_certainties(answered: Answered) -> list[Floats]:
    """Return the probability of each step's answer, per example; 0 where the model gives none."""
    return answered.certainties or [np.zeros(len(expected)) for expected in answered.expected]


def show_place(value: Value, begin: int, end: int) -> str:
    """Return some steps of an input in square brackets, with a few at either side."""
    joiner = "" if isinstance(value, str) else " "
    before, inside, after = value[max(0, begin - AROUND) : begin], value[begin:end], value[end : end + AROUND]
    parts = [
        "…" if begin > AROUND else "",
        joiner.join(before),
        f"[{joiner.join(inside)}]",
        joiner.join(after),
        "…" if end + AROUND < len(value) else "",
    ]
    return joiner.join(part for part in parts if part)
