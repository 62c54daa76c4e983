"""Evaluate: the model's answers to a split, and how good they are."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import data, runs
from harness.experiment import Experiment
from harness.hypothesis import Hypothesis, read_hypotheses
from harness.process import interrupt
from harness.process.cost import Throughput
from models.backends.answering import answer_batch
from pipeline import record
from pipeline.batches.bucketing import Batches
from pipeline.batches.windows import Window, group, join
from pipeline.calibration import expected_calibration_error
from pipeline.example import Example, Value
from pipeline.fields import OutputField
from pipeline.on_disk import OnDisk, Writer, read_side
from tasks.task import Scores, Task


@dataclass(frozen=True)
class Answer:
    """What the model answers to one example.

    output: decoded. details: any further numbers, such as its probability.
    attention: (written symbols, time steps of the input), the weights with which each symbol was written; or None.
    certainties: (steps,), the probability of each of the answers, where there is one per step and they were asked for.
    further: what else the output field tells of the answer, by name.
    hypotheses: the best that a beam search found, where they were asked for.
    probabilities: of each label, by name, where an answer may have several.
    """

    output: Value
    details: Mapping[str, float]
    attention: np.ndarray | None = None
    certainties: np.ndarray | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    hypotheses: Sequence[Hypothesis] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """The answers to all examples, in their order.

    means: of the loss, and of what the family measures beside it, where the decoder gives them; by name.
    """

    answers: Sequence[Answer]
    means: Mapping[str, float]


@dataclass(frozen=True)
class Scored:
    """The scores of answers: the task's metrics and the loss."""

    scores: Scores
    answers: Sequence[Answer]


@dataclass
class _Mean:
    """A loss averaged over all answers asked for (tokens or examples), whatever the batches."""

    total: float = 0.0
    weight: float = 0.0

    def note(self, loss: float, weights: np.ndarray) -> None:
        weight = float(weights.sum())
        self.total, self.weight = self.total + loss * weight, self.weight + weight

    @property
    def mean(self) -> float:
        return self.total / self.weight if self.weight else 0.0


def answer(
    experiment: Experiment,
    decoder: keras.Model,
    batches: Batches,
    *,
    throughput: Throughput | None = None,
    n_best: int = 0,
    on_disk: bool = False,
) -> Answers:
    """Return the answers to all examples, in their order; the padding's answers are cut off.

    decoder: one with a loss gives it for each batch, as one number; see models/decoding/with_loss.py.
    throughput: takes in how fast it was. n_best: so many of the hypotheses of a beam search, at most. on_disk: keep the
    answers there; see pipeline/on_disk.py.
    """
    output_field = experiment.output_field
    kept = Ordered(len(batches.inputs), on_disk=on_disk and not batches.windows)
    means: dict[str, _Mean] = {}
    for length, members, real in batches.plan():
        interrupt.check()
        # A decoder that samples asks for the position of each example, so that no batch changes its random numbers.
        arrays, *wanted = batches.draw(length, members, real)
        drawn = {**arrays, "position": members.astype("int32")}
        drawn |= zip(("expected", "weights"), wanted, strict=False)
        started = time.perf_counter()
        found = compute(decoder, drawn)
        if throughput:
            shape = length, len(members)
            seconds = time.perf_counter() - started
            throughput.add(shape, tokens=int(batches.steps[members[:real]].sum()), seconds=seconds)
        for name in [name for name, array in found.items() if array.ndim == 0]:
            means.setdefault(name, _Mean()).note(float(found.pop(name)), wanted[1])
        for row, member in enumerate(members[:real]):
            steps = int(batches.steps[member])
            one = read_answer(output_field, found, row, steps=steps, masked="mask" in decoder.input)
            if n_best:
                one = replace(one, hypotheses=read_hypotheses(output_field, found, row)[:n_best])
            kept.put(int(member), one)
    known = kept.finish()
    if batches.windows:
        known = [
            join_windows([known[member] for member in members], [batches.windows[member] for member in members])
            for members in group(batches.windows)
        ]
    return Answers(known, {name: one.mean for name, one in means.items()})


class Ordered:
    """Takes the answers to examples in any order, and gives them in that of the examples."""

    def __init__(self, count: int, *, on_disk: bool):
        """count: of the examples. on_disk: whether the answers are kept there."""
        self.writer = Writer() if on_disk else None
        self.places = np.zeros(count if on_disk else 0, "int64")
        self.answers: list[Answer | None] = [None] * (0 if on_disk else count)
        self.taken = 0

    def put(self, place: int, found: Answer) -> None:
        """Take the answer to the example at a place."""
        if self.writer:
            self.writer.extend([found])
            self.places[place] = self.taken
        else:
            self.answers[place] = found
        self.taken += 1

    def finish(self) -> Sequence[Answer]:
        """Return all of them."""
        if self.writer:
            return self.writer.finish(self.places)
        return [one for one in self.answers if one is not None]


def join_windows(parts: Sequence[Answer], windows: Sequence[Window]) -> Answer:
    """Return the answer to an example from those to its windows; see pipeline/batches/windows.py."""
    if len(parts) == 1:
        return parts[0]
    output, seams = join([one.output for one in parts], windows)
    certainties = None
    found = [one.certainties for one in parts if one.certainties is not None]
    if len(found) == len(parts):
        begins = [0, *(seam - window.begin for seam, window in zip(seams, windows[1:], strict=True))]
        ends = [*(seam - window.begin for seam, window in zip(seams, windows, strict=False)), None]
        certainties = np.concatenate([one[begin:end] for one, begin, end in zip(found, begins, ends, strict=True)])
    details = dict(parts[0].details)
    if "example_weight" in details:
        weights = [one.details["example_weight"] for one in parts]
        losses = [one.details["example_loss"] * weight for one, weight in zip(parts, weights, strict=True)]
        details |= {"example_weight": sum(weights), "example_loss": sum(losses) / max(sum(weights), 1.0)}
    return replace(parts[0], output=tuple(output), details=details, certainties=certainties)


def compute(decoder: keras.Model, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a decoder gives for a batch of padded arrays, of which it may not ask for all."""
    return answer_batch(decoder, {name: drawn[name] for name in decoder.input})


def read_answer(
    output_field: OutputField, found: Mapping[str, np.ndarray], row: int, *, steps: int, masked: bool
) -> Answer:
    """Return the answer in one row of what a decoder gives for a batch; what it gives for padding is cut off.

    steps: of the input, without its padding. masked: whether the input has time steps.
    """
    # An output that is as long as its input; one that is written symbol by symbol has an end of its own.
    written = output_field.arrays["output"]
    aligned = not output_field.autoregressive and written.timed and written.per_step
    cut = slice(steps) if aligned else slice(None)
    output = output_field.compose(
        {name: array[row] if array.ndim == 1 else array[row, cut] for name, array in found.items()}
    )
    details = {name: float(array[row]) for name, array in found.items() if array.ndim == 1 and name != "output"}
    attention = None
    if "attention" in found:
        # After the symbols that are written all weights are 0.
        attention = found["attention"][row][found["attention"][row].any(axis=1)]
        # The positions of an image's grid are no time steps.
        attention = attention[:, :steps] if masked else attention
    certainties = found["certainties"][row][:steps] if "certainties" in found else None
    probabilities = output_field.name_probabilities(found["output"][row]) if written.independent else {}
    return Answer(output, details, attention, certainties, output_field.restate(output), probabilities=probabilities)


def measure_loss(model: keras.Model, batches: Batches, *, learn: bool = False) -> float:
    """Return the loss averaged over all answers asked for (tokens or examples), whatever the batches.

    learn: train on each batch too, once its loss is known.
    """
    score = model.train_on_batch if learn else model.test_on_batch
    losses = _Mean()
    for entry in batches.plan():
        interrupt.check()
        inputs, outputs, weights = batches.draw(*entry)
        model.reset_metrics()
        losses.note(float(score(inputs, outputs, weights, return_dict=True)["loss"]), weights)
    return losses.mean


@dataclass(frozen=True)
class Scorer:
    """A model that is scored. decoder: decodes its answers; one that gives the loss too spares a second pass."""

    experiment: Experiment
    model: keras.Model
    decoder: keras.Model

    def measure(
        self,
        examples: Sequence[Example],
        batches: Batches,
        *,
        training: Sequence[Example] = (),
        throughput: Throughput | None = None,
        adapted: float | None = None,
    ) -> Scored:
        """Return the task's metrics and the loss, and the answers they were computed from.

        training: the examples that the model was trained on, where they are at hand; for `Task.extra_metrics`.
        throughput: see `answer`.
        adapted: a loss to report in place of the model's own; see harness/dynamic_evaluation.py.
        """
        on_disk = isinstance(examples, OnDisk)
        found = answer(self.experiment, self.decoder, batches, throughput=throughput, on_disk=on_disk)
        means = dict(found.means)
        if adapted is not None:
            means["loss"] = adapted
        elif "loss" not in means:
            means["loss"] = measure_loss(self.model, batches)
        outputs = read_side(found.answers, attrgetter("output"))
        scores = rate(self.experiment.task, examples, outputs, means=means, training=training)
        return Scored(scores | rate_probabilities(self.experiment, examples, found.answers), found.answers)


def rate_probabilities(experiment: Experiment, examples: Sequence[Example], answers: Sequence[Answer]) -> Scores:
    """Return the calibration error of a classifier's probabilities; nothing where there are none.

    Where there may be several labels, it is that of the probability of each label of each example.
    """
    output = experiment.output_field.arrays["output"]
    if output.independent:
        pairs = (
            (label in example.output, likely)
            for one, example in zip(answers, examples, strict=True)
            for label, likely in one.probabilities.items()
        )
        right, likely = np.fromiter(pairs, np.dtype((float, 2))).T
        return {"calibration_error": expected_calibration_error(right, likely)}
    certain = [one.details["probability"] for one in answers if "probability" in one.details]
    if not output.size or output.timed or len(certain) < len(answers):
        return {}
    right = [one.output == example.output for one, example in zip(answers, examples, strict=True)]
    return {"calibration_error": expected_calibration_error(right, certain)}


def rate(
    task: Task,
    examples: Sequence[Example],
    outputs: Sequence[Value],
    *,
    means: Mapping[str, float],
    training: Sequence[Example] = (),
) -> Scores:
    """Return the scores of a model's outputs to examples.

    means: "loss", and what the family measures beside it, where it was measured. training: see `Scorer.measure`.
    """
    # Several suggestions for each word take a kilobyte per answer, and stay where they are.
    collect: Callable[[Sequence[Value]], Any] = (lambda some: some) if task.output.kind.suggests else list
    predictions, references = collect(outputs), collect(read_side(examples, attrgetter("output")))
    scores = task.metrics(references, predictions)
    if task.extra_metrics:
        scores |= task.extra_metrics(training, predictions, means["loss"])
    if task.measured_metrics:
        scores |= task.measured_metrics(references, means)
    return scores | {"loss": means["loss"]}


def write_answers(path: Path, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
    """Write one JSON line per example: its input, expected output, predicted output and where it was read."""
    lines = (
        record.dump(
            {
                "input": data.to_plain(example.input),
                "output": example.output,
                "prediction": found.output,
                **found.details,
                "origin": example.origin,
            }
        )
        + "\n"
        for example, found in zip(examples, answers, strict=True)
    )
    runs.write_lines(path, lines)


def read_contexts(model: keras.Model, batches: Batches) -> np.ndarray:
    """Return what a model that writes starts from for each example, (examples, features), in their order."""
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    reader = keras.Model(inputs, model.get_layer("context").output)
    contexts: dict[int, np.ndarray] = {}
    for length, members, real in batches.plan():
        arrays = batches.draw(length, members, real)[0]
        # Half precision is none of NumPy's own types: what compares contexts would take it for bytes.
        found = np.asarray(reader.predict_on_batch({name: arrays[name] for name in inputs}), "float32")
        contexts |= zip(members[:real].tolist(), found, strict=False)
    return np.stack([contexts[member] for member in range(len(batches.inputs))])
