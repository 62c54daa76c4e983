"""Padded lengths: few, for every one of them costs the compilation of another program."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike

# A further length is chosen only where the padding is more than this share of what is real.
WASTE = 0.1
# What it takes to compile the programs of a further length, in training steps. It is measured in steps, not in seconds,
# so that a run is the same on every machine: 1.2 s at first, 0.3 s from the cache, where a step takes 15 to 40 ms.
STEPS_TO_COMPILE = 20


@dataclass(frozen=True)
class Lengths:
    """What batches are padded to, ascending: the inputs, and the outputs where these have lengths of their own."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...] = ()


def choose_lengths(lengths: ArrayLike, count: int = 6, waste: float = 0.0) -> list[int]:
    """Return at most `count` padded lengths, ascending, for which the padded total is the least possible.

    No more of them than are needed for the padding to be at most `waste` times the real total.

    Dynamic programming over the distinct lengths, those above 64 first rounded up to one of 64 steps to the longest:
    cost[k][j] is the least total of the shortest j kinds of length in k buckets.
    """
    longest = int(np.max(lengths))
    grain = max(1, -(-longest // 64))
    rounded = np.minimum(-(-np.asarray(lengths) // grain) * grain, longest)
    values, counts = np.unique(rounded, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    cost = np.concatenate([[0.0], np.full(len(values), np.inf)])
    cuts = []
    for _ in range(min(count, len(values))):
        # total[i, j]: the kinds from i up to j in one bucket, as long as kind j; the ones below i as before.
        total = cost[:-1, None] + (below[None, 1:] - below[:-1, None]) * values[None, :]
        total[np.tril_indices(len(values), -1)] = np.inf
        cuts.append(total.argmin(axis=0))
        cost = np.concatenate([[0.0], total.min(axis=0)])
        if cost[-1] <= (1 + waste) * np.sum(lengths):
            break
    chosen, end = [], len(values)
    for cut in reversed(cuts):
        if end:
            chosen.append(int(values[end - 1]))
            end = int(cut[end - 1])
    return chosen[::-1]


def add_longer(known: tuple[int, ...], lengths: ArrayLike) -> list[int]:
    """Return padded lengths with some more, for those of `lengths` that are longer than all of them."""
    longer = np.asarray(lengths)[np.asarray(lengths) > known[-1]]
    return [*known, *(choose_lengths(longer, waste=WASTE) if len(longer) else [])]


def suit_lengths(known: tuple[int, ...], lengths: ArrayLike, batches: int) -> list[int]:
    """Return the padded lengths for examples to answer: the known ones, or others where so many batches pay for them.

    known: those that there are programs for. lengths: of the examples, in time steps. batches: how many they make.
    """
    given = add_longer(known, lengths)
    if not batches:
        return given
    own = choose_lengths(lengths, waste=WASTE)
    padded = [np.asarray(chosen)[np.searchsorted(chosen, lengths)].sum() for chosen in (given, own)]
    saved = padded[0] / padded[1] - 1
    return own if saved * batches > STEPS_TO_COMPILE * len(own) else given


def merge_lengths(found: Lengths, batches: Mapping[tuple[int, int], int], epochs: int) -> Lengths:
    """Return those of the padded lengths that are worth their compilation; the others go with the next longer one.

    batches: how many an epoch has of each (input length, output length), in those of `found`. Of all choices of lengths
    the one is returned for which the time of training is the least: a step takes as long as its padded length, and
    STEPS_TO_COMPILE are added for each pair of lengths that occurs.
    """
    total = sum(count * sum(pair) for pair, count in batches.items())
    # How many steps one time step takes, on the mean.
    unit = sum(batches.values()) / total

    def cost(chosen: Lengths) -> float:
        padded = [
            (round_up(pair[0], chosen.inputs), round_up(pair[1], chosen.outputs or chosen.inputs), count)
            for pair, count in batches.items()
        ]
        work = sum((one + other) * count for one, other, count in padded)
        return epochs * work * unit + STEPS_TO_COMPILE * len({pair[:2] for pair in padded})

    choices = product(subsets(found.inputs), subsets(found.outputs) if found.outputs else [()])
    return min((Lengths(*choice) for choice in choices), key=cost)


def subsets(lengths: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Give every choice of lengths that has the longest, the smaller choices first: what does not occur is left out."""
    *others, longest = lengths
    for count in range(len(lengths)):
        for chosen in combinations(others, count):
            yield *chosen, longest


def round_up(length: int, lengths: Sequence[int]) -> int:
    """Return the least of the padded lengths, ascending, that is as long."""
    return lengths[bisect_left(lengths, length)]
