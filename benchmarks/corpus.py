"""Sentences to tag and reviews to classify, made of random words: the lengths of real ones, and nothing to learn."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

WORDS, TAGS, LABELS = 20_000, 17, 2
# A setting or a result, as JSON has it.
Json: TypeAlias = Any


@dataclass(frozen=True)
class Shape:
    """Lengths are lognormal: their mean and their longest, in tokens; examples: of an epoch."""

    mean: int
    longest: int
    examples: int


SHAPES = {"tagger": Shape(20, 100, 3200), "classifier": Shape(232, 400, 640)}


def draw(kind: str, words: int = WORDS, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return inputs, each (time,) of word numbers from 2 on, and outputs: a tag per word, (time,), or a label, ().

    Words are as frequent as Zipf's law says, so that of the rarest many do not occur.
    """
    shape, generator = SHAPES[kind], np.random.default_rng(seed)
    spread = 0.6
    lengths = generator.lognormal(np.log(shape.mean) - spread**2 / 2, spread, shape.examples)
    lengths = lengths.round().clip(1, shape.longest).astype(int)
    likely = 1 / np.arange(1, words - 1)
    inputs = [generator.choice(words - 2, length, p=likely / likely.sum()).astype("int32") + 2 for length in lengths]
    if kind == "tagger":
        return inputs, [generator.integers(TAGS, size=length).astype("int32") for length in lengths]
    return inputs, [generator.integers(LABELS, size=()).astype("int32") for _ in lengths]


def write(kind: str, words: int = WORDS) -> tuple[list[str], list]:
    """Return the same as texts of words, and as tuples of tags or labels."""
    inputs, outputs = draw(kind, words)
    texts = [" ".join(f"w{number}" for number in numbers) for numbers in inputs]
    return texts, [tuple(map(str, output)) if kind == "tagger" else str(output) for output in outputs]


def dictionary(words: int = WORDS) -> str:
    """Return all words there are, as one text."""
    return " ".join(f"w{number}" for number in range(2, words))
