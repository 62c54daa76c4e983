"""Associative recall, generated: pairs of key and value are read, then keys alone, and each asks for its value.

Arora et al. 2024, "Zoology: Measuring and Improving Recall in Efficient Language Models", section 3 and appendix E:
many queries in one sequence (MQAR), each at a distance from its pair that follows a power law, as repetitions in texts
do. A recurrent network can hold only as many pairs as its state has room for; attention looks them up.

With --induction it is the induction heads of Olsson et al. 2022 in the form of Gu and Dao 2023, section 4.1: one key,
"!", at a place that nobody knows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import metrics
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.metrics import Scores
from pipeline.option import Options, option

SIZES = {"validation": 1_000, "test": 1_000}
# What is given where nothing is asked, and answered where nothing is due; the key of --induction.
BLANK, KEY = ".", "!"
# The chance of a distance d is in proportion to d^(POWER - 1).
POWER = 0.01
# The lengths that there are, evenly up to the longest: few, for each is compiled.
LENGTHS = 8
# Sequences drawn in vain before one that is in another split is taken.
TRIES = 100


@dataclass(frozen=True)
class Pairs:
    """Options of the generated sequences."""

    pairs: int = option(16, "Pairs of key and value in a sequence of the test; in training so many at most.", low=1)
    length: int = option(256, "Symbols of the longest sequence that is trained on.", low=4, high=100_000)
    test_length: int | None = option(
        None, "Symbols of the longest sequence of the test; none: as many as --length.", low=4, high=100_000
    )
    symbols: int = option(64, "Different keys, and as many values; the paper has 4,096.", low=2, high=100_000)
    sequences: int = option(20_000, "Sequences to train on.", low=1, high=10_000_000)
    induction: bool = option(False, "One key among other symbols instead of pairs (induction heads).")


def generate(options: Options) -> Splits:
    """Return sequences, and the value that is due at each step. With --pairs 2 --length 8, and with --induction:

        input   k3 v7 k1 v4 .  k1 .  k3        v3 v5 !  v7 v1 v5 v5 !
        output  .  .  .  .  .  v4 .  v7        .  .  .  .  .  .  .  v7

    Each key is asked for once. Lengths: an eighth, two eighths and so on of the longest, of those that hold the pairs.
    Test: options.pairs pairs, as many sequences of each length. Validation and training: fewer pairs and shorter
    sequences too, at random. No sequence is in two of the three, but where there are too few that are so short.
    Raises BadInput if the pairs do not fit into the length, or if there are fewer keys than pairs.
    """
    longest = options.test_length or options.length
    if not options.induction:
        if options.symbols < options.pairs:
            raise BadInput(f"--symbols {options.symbols}: fewer keys than --pairs {options.pairs}")
        for flag, length in (("--length", options.length), ("--test-length", longest)):
            if length < 4 * options.pairs:
                raise BadInput(
                    f"{flag} {length}: {options.pairs} pairs and as many keys, with blanks between, need at least "
                    f"{4 * options.pairs} symbols; give fewer --pairs"
                )
    splits: Splits = {}
    known: set[str] = set()
    for number, (split, size) in enumerate({**SIZES, "train": options.sequences}.items()):
        generator = np.random.default_rng([number, options.induction])
        test = split == "test"
        least = 4 * options.pairs if test and not options.induction else 4
        lengths = list_lengths(longest if test else options.length, least)
        drawn = np.resize(lengths, size) if test else generator.choice(lengths, size)
        splits[split] = [draw_new(generator, int(length), options, most=test, known=known) for length in drawn]
        known |= {example.input for example in splits[split]}
    return {split: splits[split] for split in ("train", "validation", "test")}


def draw_new(
    generator: np.random.Generator, length: int, options: Options, *, most: bool, known: Collection[str]
) -> Example:
    """Return an example whose sequence is not known; one that is, after many tries."""
    for _ in range(TRIES):
        example = draw(generator, length, options, most=most)
        if example.input not in known:
            break
    return example


def list_lengths(longest: int, least: int) -> list[int]:
    """Return the lengths that sequences have, ascending: those of the eighths of the longest that are long enough."""
    lengths = {longest * part // LENGTHS for part in range(1, LENGTHS + 1)}
    return sorted(length for length in lengths if length >= least)


def draw(generator: np.random.Generator, length: int, options: Options, *, most: bool) -> Example:
    """Return one sequence of so many symbols. most: with all the pairs, not a random number of them."""
    if options.induction:
        return draw_induction(generator, length, options.symbols)
    count = options.pairs if most else int(generator.integers(1, min(options.pairs, length // 4) + 1))
    keys, values = (generator.choice(options.symbols, count, replace=False) for _ in "kv")
    given, answers = np.full(length, BLANK, object), np.full(length, BLANK, object)
    given[: 2 * count : 2] = [f"k{key}" for key in keys]
    given[1 : 2 * count : 2] = [f"v{value}" for value in values]
    # Every second step after the pairs; without replacement, as the Gumbel-max trick draws (Kool et al. 2019).
    chances = (POWER - 1) * np.log(np.arange(1, (length - 2 * count) // 2 + 1)) + generator.gumbel(
        size=(length - 2 * count) // 2
    )
    places = 2 * count + 2 * np.argsort(-chances)[:count]
    given[places], answers[places] = given[: 2 * count : 2], given[1 : 2 * count : 2]
    return Example(" ".join(given), tuple(answers))


def draw_induction(generator: np.random.Generator, length: int, symbols: int) -> Example:
    """Return random symbols with the key among them, and once more at the end."""
    given = [f"v{value}" for value in generator.integers(symbols, size=length)]
    place = int(generator.integers(length - 2))
    given[place] = given[-1] = KEY
    return Example(" ".join(given), (*[BLANK] * (length - 1), given[place + 1]))


def measure_recall(references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> Scores:
    """Return the share of right values where one is due: of all sequences, and of those of the longest length."""
    longest = max(map(len, references))
    ends = [number for number, reference in enumerate(references) if len(reference) == longest]
    parts = [references[number] for number in ends], [predictions[number] for number in ends]
    last = metrics.recall_accuracy(*parts, blank=BLANK)["recalled"]
    return metrics.recall_accuracy(references, predictions, BLANK) | {"recalled_longest": last}


def score_guessing(options: object, splits: Splits) -> Scores:
    """Return the scores of answering any of the values read in the sequence, each as likely."""
    shares: list[float] = []
    ends: list[float] = []
    longest = max(len(example.output) for example in splits["test"])
    for example in splits["test"]:
        read = [symbol for symbol in example.input.split() if symbol.startswith("v")]
        found = [read.count(answer) / len(read) for answer in example.output if answer != BLANK]
        shares += found
        if len(example.output) == longest:
            ends += found
    return {"recalled": float(np.mean(shares)), "recalled_longest": float(np.mean(ends))}
