"""Survey: the examples of all splits, counted and measured by the fields that a model reads them with."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput, list_names, shorten
from pipeline.example import Example, Splits, Value, first
from pipeline.fields import InputField, OutputField
from pipeline.findings import Finding, Weight, name_place

# The share of a split's tokens that are unknown from which that is a warning, and tokens that are named.
UNKNOWN, NAMED = 0.05, 10
QUANTILES = {"shortest": 0.0, "5%": 0.05, "median": 0.5, "95%": 0.95, "99%": 0.99, "longest": 1.0}


@dataclass(frozen=True)
class Coverage:
    """How much of a split the vocabulary has. types: different tokens."""

    types: int
    known_types: int
    tokens: int
    known_tokens: int


@dataclass(frozen=True)
class Side:
    """One side of the examples, input or output; what it has none of is empty.

    text: what a value is, in words. counted: what lengths are in. most: the greatest length; None: no bound.
    lengths: by split, (values,) of int. tokens: by split, how often each is there. known: those that have an id.
    class_noun, classes: labels, categories or spans, by split, with how often each is there.
    numbers: by split, (values,) of float.
    """

    text: str
    counted: str
    most: int | None
    lengths: Mapping[str, np.ndarray]
    tokens: Mapping[str, Counter[str]]
    known: Collection[str]
    class_noun: str
    classes: Mapping[str, Counter[str]]
    numbers: Mapping[str, np.ndarray]

    def measure_coverage(self, split: str) -> Coverage:
        """Return how much of a split's tokens is known."""
        counts = self.tokens[split]
        known = [count for token, count in counts.items() if token in self.known]
        return Coverage(len(counts), len(known), tokens=counts.total(), known_tokens=sum(known))

    def find_unknown(self, split: str) -> list[tuple[str, int]]:
        """Return the most frequent unknown tokens of a split, with their counts."""
        return Counter({one: n for one, n in self.tokens[split].items() if one not in self.known}).most_common(NAMED)


@dataclass(frozen=True)
class Survey:
    """The examples of all splits. counts: of examples, by split. distinct: of inputs, but for those that are equal."""

    counts: Mapping[str, int]
    distinct: Mapping[str, int]
    input: Side
    output: Side


def survey(splits: Splits, input_field: InputField, output_field: OutputField) -> Survey:
    """Return what there is in examples, once the fields are fitted to those of training."""
    return Survey(
        {split: len(examples) for split, examples in splits.items()},
        {split: len({example.input for example in examples}) for split, examples in splits.items()},
        input=survey_side({split: [one.input for one in examples] for split, examples in splits.items()}, input_field),
        output=survey_side(
            {split: [first(one.output) for one in examples] for split, examples in splits.items()}, output_field
        ),
    )


def survey_side(values: Mapping[str, Sequence[Value]], field: InputField | OutputField) -> Side:
    """Return one side. values: by split; None of an output that nobody knows."""
    lengths: dict[str, np.ndarray] = {}
    tokens: dict[str, Counter[str]] = {}
    classes: dict[str, Counter[str]] = {}
    numbers: dict[str, np.ndarray] = {}
    for split, found in values.items():
        there = [value for value in found if value is not None]
        counts: Counter[str] = Counter()
        steps = []
        for value in there:
            divided = field.divide(value)
            counts.update(divided)
            steps.append(len(divided) if divided else field.measure(value))
        if any(step is not None for step in steps):
            lengths[split] = np.array([step or 0 for step in steps])
        if counts:
            tokens[split] = counts
        if named := Counter(name for value in there for name in field.name_classes(value)):
            classes[split] = named
        if there and isinstance(there[0], float):
            numbers[split] = np.array(there)
    return Side(
        field.describe(),
        field.counted,
        most=field.greatest_length,
        lengths=lengths,
        tokens=tokens,
        known=field.known_tokens,
        class_noun=field.class_noun,
        classes=classes,
        numbers=numbers,
    )


def find_lost(splits: Splits, found: Survey, input_field: InputField) -> Iterator[Finding]:
    """Yield what of the examples no model sees or writes: what is too long, and tokens that are unknown."""
    for name, side in (("input", found.input), ("output", found.output)):
        longer = {split: int((lengths > (side.most or np.inf)).sum()) for split, lengths in side.lengths.items()}
        if any(longer.values()):
            split = max(side.lengths, key=lambda one: side.lengths[one].max())
            there = [one for one in splits[split] if getattr(one, name) is not None]
            longest, steps = there[int(side.lengths[split].argmax())], int(side.lengths[split].max())
            what, weight = "no model writes so much", Weight.LOST
            if name == "input":
                what, weight = _read_longer(longest, input_field)
            where = ", ".join(f"{count:,} of {len(splits[one]):,} ({one})" for one, count in longer.items() if count)
            yield Finding(
                f"{name}s longer than {side.most:,} {side.counted}s, {what}: {where}; the longest has {steps:,}"
                f"{name_place(longest)}",
                weight,
                sum(longer.values()) / sum(map(len, splits.values())),
            )
        shares = {}
        # A word that training has seen once, or that is too rare, may be unknown in training too.
        for split in side.tokens.keys() - {"train"}:
            cover = side.measure_coverage(split)
            shares[split] = 1 - cover.known_tokens / cover.tokens
        if shares and (worst := max(shares.values())) >= UNKNOWN:
            where = ", ".join(f"{shares[split]:.1%} ({split})" for split in splits if split in shares)
            named = list_names(
                f"{shorten(token)} {count:,}" for token, count in side.find_unknown(max(shares, key=shares.__getitem__))
            )
            yield Finding(f"{name}s with unknown {side.counted}s: {where} of all; such as {named}", Weight.LOST, worst)


def _read_longer(example: Example, field: InputField) -> tuple[str, Weight]:
    """Return what becomes of an input that is too long, in words."""
    if field.window:
        return "which are read in windows", Weight.NOTE
    try:
        field.encode(example.input)
    except BadInput:
        return "which training refuses", Weight.DAMAGED
    return "which lose a part", Weight.LOST
