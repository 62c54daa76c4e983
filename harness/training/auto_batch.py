"""Auto batch: where memory does not suffice for a batch, it is computed in parts (--auto-batch)."""

import dataclasses
import gc

from harness import runs
from harness.process.console import say
from harness.runs import states
from harness.training.begin import Training
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput


def read_parts(training: Training) -> int:
    """Return in how many parts a run has computed its batches so far."""
    history = runs.read_history(training.experiment.directory) if training.begun else {}
    known = [part["batch_parts"] for part in (history, *history.get("resumed", [])) if "batch_parts" in part]
    return known[-1] if known else 1


def double(training: Training, parts: int, reason: str, *, devices: int = 1) -> int:
    """Return in how many parts to try it next, and say so. reason: why it is not enough to have `parts`.

    devices: those that share each batch; each computes its share in so many parts.

    Raises BadInput where a batch has no smaller parts, or where none can be made.
    """
    batches, options = training.batches["train"], training.experiment.options
    rows = -(-max(batches.rows(length) for length in batches.lengths) // devices)
    if parts >= rows:
        raise BadInput(f"--auto-batch: one example at a time is too much: {reason}")
    if batches.begins is not None:
        raise BadInput(f"--auto-batch: a row hands its state on to the next batch, which no part of it does: {reason}")
    if options.as_dict().get("adversarial"):
        raise BadInput(f"--auto-batch: --adversarial has a training step of its own; leave one of them out: {reason}")
    parts *= 2
    whose = "batch" if devices == 1 else "device's share"
    say(f"{reason.partition(';')[0]}: each {whose} of {rows} is computed in {parts} parts of {-(-rows // parts)}")
    return parts


def go_on(training: Training) -> Training:
    """Return a training that has failed as one that goes on from what was saved of it, its memory given back."""
    gc.collect()
    directory = training.experiment.directory
    begun = runs.read_config(directory) if states.find(directory) else None
    return dataclasses.replace(training, begun=begun, fresh=training.fresh and begun is None)


def divide(training: Training, parts: int) -> Training:
    """Return a training whose validation and test are answered in batches of a part of the size."""
    if parts == 1:
        return training
    batches = {split: some if split == "train" else _divide(some, parts) for split, some in training.batches.items()}
    return dataclasses.replace(training, batches=batches)


def _divide(batches: Batches, parts: int) -> Batches:
    tokens = batches.tokens and max(1, batches.tokens // parts)
    return dataclasses.replace(batches, size=max(1, batches.size // parts), tokens=tokens)
