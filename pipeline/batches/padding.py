"""Padding, masks and sample weights: all of them are made here.

Padding is on the right, always. Three sentences of 2, 4 and 3 words, padded to 4:

    words  7 2 0 0    mask  1 1 0 0
           5 9 3 2          1 1 1 1
           8 2 4 0          1 1 1 0
"""

from collections.abc import Sequence

import numpy as np

from pipeline.fields import UNSEEN, Array, Arrays


def measure(example: Arrays, arrays: dict[str, Array]) -> int:
    """Return the number of time steps of one encoded example; 1 if none of its arrays has a time axis."""
    return next((len(example[name]) for name, array in arrays.items() if array.timed), 1)


def pad(examples: Sequence[Arrays], arrays: dict[str, Array], steps: int) -> Arrays:
    """Stack examples into one batch, every time axis filled with 0 up to `steps`.

    Returns each array as (batch, steps, ...) or, without a time axis, (batch, ...); and "mask", (batch, steps) of bool,
    true where there is input, if any array has a time axis.
    """
    batch: Arrays = {}
    for name, array in arrays.items():
        if not array.timed:
            batch[name] = np.stack([example[name] for example in examples])
            continue
        lengths = np.array([len(example[name]) for example in examples])
        mask = np.arange(steps) < lengths[:, None]
        batch[name] = np.zeros((len(examples), steps, *examples[0][name].shape[1:]), array.dtype)
        # Row after row, as a mask is filled: a loop over the examples takes three times as long.
        batch[name][mask] = np.concatenate([example[name] for example in examples])
        batch["mask"] = mask
    return batch


def weigh(outputs: Arrays, real: int, per_step: bool = True) -> np.ndarray:
    """Return the sample weights of a padded batch of outputs: 1 where there is something to answer, 0 on padding.

    (batch, time) if the outputs have a time axis (their mask is taken out of `outputs`) and each step is an answer of
    its own, else (batch,). Outputs may bring a "weight" of their own, (batch, time), for what is to be read and not
    answered; it is taken out too.
    real: the rows from this one on only fill up the batch and have weight 0.

    An output that is UNSEEN has weight 0, and becomes 0, which is some output.
    """
    mask = outputs.pop("mask", None)
    weights = np.ones(len(outputs["output"]), "float32")
    if mask is not None and per_step:
        weights = mask * outputs.pop("weight", np.float32(1))
    weights[real:] = 0.0
    expected = outputs["output"]
    if expected.dtype.kind == "i" and (expected == UNSEEN).any():
        weights = weights * (expected != UNSEEN)
        outputs["output"] = np.maximum(expected, 0)
    return weights


def shift(output: np.ndarray, start: int) -> np.ndarray:
    """Return what was written before each step of (batch, time): the output one step late, `start` as its first."""
    first = np.full((len(output), 1), start, output.dtype)
    return np.concatenate([first, output[:, :-1]], axis=1)
