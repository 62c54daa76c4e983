"""Whether an exported model answers as the run does: on real inputs of several lengths, alone and padded in a batch."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.experiment import Experiment, pointing_at
from harness.export.format import Arrays, Runner
from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.example import Example, first

# How far numbers may be apart: that of a logit or a probability, or its share of a number beyond 1.
TOLERANCE = 1e-4
# Different lengths that are looked at, and from how many examples these are chosen.
LENGTHS, FEWEST, LOOKED_AT = 8, 5, 500


@dataclass(frozen=True)
class Sample:
    """A real input, encoded. outputs: what is expected, of a model that is told what it has written; else None."""

    origin: str
    inputs: Arrays
    outputs: Arrays | None
    steps: int


@dataclass(frozen=True)
class Checked:
    """What was compared. answers: their names. inputs: how many. lengths: of these in time steps, where they have any.

    difference: the largest of any number.
    """

    answers: tuple[str, ...]
    inputs: int
    lengths: tuple[int, ...]
    difference: float


def choose_samples(experiment: Experiment, examples: Sequence[Example], longest: int | None = None) -> list[Sample]:
    """Return inputs of several lengths, from the shortest to the longest, each with its outputs where these are told.

    Where there are fewer lengths than FEWEST, beginnings of the longest are added. Inputs without a time axis are as
    they are. longest: most steps; BadInput where all inputs have more.
    """
    arrays = experiment.input_field.arrays
    told = experiment.output_field.autoregressive
    timed = any(array.timed for array in arrays.values())
    found: dict[int, Sample] = {}
    several: list[Sample] = []
    for example in examples[:LOOKED_AT]:
        with pointing_at(example.origin):
            inputs = experiment.input_field.encode(example.input)
            outputs = experiment.output_field.encode(first(example.output)) if told else None
        sample = Sample(example.origin, inputs, outputs, measure(inputs, arrays))
        if longest is None or sample.steps <= longest:
            found.setdefault(sample.steps, sample)
            several.append(sample)
        if not timed and len(several) == LENGTHS:
            return several
    if not found:
        raise BadInput(f"--length {longest}: all inputs of the validation split are longer; give a larger one")
    lengths = sorted(found)
    most = found[lengths[-1]]
    if len(lengths) < FEWEST:
        for steps in range(1, most.steps, max(1, most.steps // FEWEST)):
            cut = {name: one[:steps] if arrays[name].timed else one for name, one in most.inputs.items()}
            found.setdefault(steps, Sample(f"the first {steps} steps of {most.origin}", cut, most.outputs, steps))
        lengths = sorted(found)
    places = np.unique(np.linspace(0, len(lengths) - 1, LENGTHS).round().astype(int))
    return [found[lengths[place]] for place in places]


def answer_samples(
    experiment: Experiment, runner: Runner, samples: Sequence[Sample], position: int = 0
) -> list[Arrays]:
    """Return what a model answers to each of the samples, in padded batches. position: of the first among all."""
    outputs = [one.outputs for one in samples if one.outputs is not None]
    batches = experiment.batch([one.origin for one in samples], [one.inputs for one in samples], outputs or None)
    answers: dict[int, Arrays] = {}
    for length, members, real in batches.plan():
        drawn = {**batches.draw(length, members, real)[0], "position": (members + position).astype("int32")}
        found = runner.predict_on_batch({name: drawn[name] for name in runner.input})
        for row, member in enumerate(members[:real].tolist()):
            answers[member] = {name: np.asarray(array)[row] for name, array in found.items()}
    return [answers[number] for number in range(len(samples))]


def check(experiment: Experiment, reference: Runner, exported: Runner, samples: Sequence[Sample]) -> Checked:
    """Compare what an exported model answers with what the run answers: to padded batches, and to each input alone.

    Raises BadInput, which says of which input and where, for a number that differs by more than TOLERANCE, and for an
    answer in symbols that is another.
    """
    written = experiment.output_field.arrays["output"]
    aligned = not experiment.output_field.autoregressive and written.timed and written.per_step
    wanted = answer_samples(experiment, reference, samples)
    together = answer_samples(experiment, exported, samples)
    unpadded = dataclasses.replace(experiment, lengths=None)
    largest = 0.0
    for number, sample in enumerate(samples):
        alone = answer_samples(unpadded, exported, [sample], position=number)[0]
        for found, how in ((together[number], "in a padded batch"), (alone, "alone")):
            place = f"{sample.origin} ({sample.steps} steps, {how})"
            largest = max(largest, compare(wanted[number], found, place=place, steps=sample.steps if aligned else None))
    lengths = tuple(one.steps for one in samples)
    timed = any(array.timed for array in experiment.input_field.arrays.values())
    return Checked(tuple(wanted[0]), len(samples), lengths if timed else (), largest)


def compare(wanted: Mapping[str, np.ndarray], found: Arrays, *, place: str, steps: int | None) -> float:
    """Return the largest difference of two answers; BadInput for one that is too large.

    steps: those of the input, where the answers go step by step; what comes after them is padding.
    """
    largest = 0.0
    for name, expected in wanted.items():
        if name not in found:
            raise BadInput(f"the exported model has no answer {name!r}; nothing was written")
        # The padded lengths may be others.
        shared = tuple(slice(min(sizes)) for sizes in zip(expected.shape, found[name].shape, strict=True))
        if steps is not None and name in ("output", "logits"):
            shared = (slice(steps), *shared[1:])
        one, other = expected[shared].astype("float64"), found[name][shared].astype("float64")
        difference = np.abs(one - other)
        allowed = 0.0 if expected.dtype.kind in "iu" else TOLERANCE * np.maximum(1, np.abs(one))
        # So that what is no number is wrong too.
        wrong = np.argwhere(~(difference <= allowed))
        if len(wrong):
            at = tuple(wrong[0].tolist())
            raise BadInput(
                f"the exported model does not answer as the run does: {place}: {name}{list(at) if at else ''} is "
                f"{other[at]:.6g}, and should be {one[at]:.6g}; nothing was written"
            )
        if expected.dtype.kind not in "iu":
            largest = max(largest, float(difference.max(initial=0.0)))
    return largest
