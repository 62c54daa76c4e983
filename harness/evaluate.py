"""Evaluate: the model's answers to a split, and how good they are."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import data, dynamic_evaluation, runs
from harness.losses import measure_loss
from harness.options import AS_STORED, AS_TRAINED, Decoding, Reading
from harness.process.console import say
from harness.process.cost import Pace
from harness.runs.stored import Stored, read_run
from harness.runs.trained import load
from harness.selection import Selection, select
from pipeline import record
from pipeline.batches.bucketing import Batches
from pipeline.example import Example
from tasks.task import Task


@dataclass(frozen=True)
class Answer:
    """What the model answers to one example.

    output: decoded. details: any further numbers, such as its probability.
    attention: (written symbols, time steps of the input), the weights with which each symbol was written; or None.
    """

    output: Any
    details: dict[str, float]
    attention: np.ndarray | None = None


def answer(
    decoder: keras.Model,
    batches: Batches,
    output_field: Any,
    pace: Pace | None = None,
    losses: list[tuple[float, float]] | None = None,
) -> list[Answer]:
    """Return the answers to all examples, in their order; the padding's answers are cut off.

    pace: takes in how fast the decoder was. losses: takes in the sum over the losses of each batch and the number of
    answers asked for in it, where the decoder gives them; see models.layers.losses.judge.
    """
    # An output that is as long as its input; one that is written symbol by symbol has an end of its own.
    written = output_field.arrays["output"]
    aligned = output_field.start is None and written.timed and written.per_step
    answers: list[Any] = [None] * len(batches.inputs)
    for length, members, real in batches.plan():
        # A decoder that samples asks for the position of each example, so that no batch changes its random numbers.
        arrays, *wanted = batches.draw(length, members, real)
        drawn = {**arrays, "position": members.astype("int32")}
        drawn |= zip(("expected", "weights"), wanted, strict=False)
        inputs = {name: drawn[name] for name in decoder.input}
        started = time.perf_counter()
        found = {name: np.asarray(array) for name, array in decoder.predict_on_batch(inputs).items()}
        if pace:
            shape = length, len(members)
            pace.note(shape, int(batches.steps[members[:real]].sum()), time.perf_counter() - started)
        if "loss" in found and losses is not None:
            weight = float(wanted[1].sum())
            losses.append((float(found.pop("loss")) * weight, weight))
        for row, member in enumerate(members[:real]):
            steps = slice(batches.steps[member]) if aligned else ()
            output = output_field.decode(found["output"][row][steps])
            details = {name: float(array[row]) for name, array in found.items() if name not in ("output", "attention")}
            attention = None
            if "attention" in found:
                # After the end of what is written all weights are 0.
                attention = found["attention"][row][found["attention"][row].any(axis=1)]
                # The positions of an image's grid are no time steps.
                attention = attention[:, : batches.steps[member]] if "mask" in inputs else attention
            answers[member] = Answer(output, details, attention)
    return answers


def measure(
    task: Task,
    examples: Sequence[Example],
    batches: Batches,
    model: keras.Model,
    decoder: keras.Model,
    output_field: Any,
    training: Sequence[Example] = (),
    pace: Pace | None = None,
    adapted: float | None = None,
) -> tuple[dict[str, float], list[Answer]]:
    """Return the task's metrics and the loss, and the answers they were computed from.

    decoder: one that gives the loss too spares a second pass; see models.layers.losses.judge.
    training: the examples that the model was trained on, where they are at hand; for `Task.further`.
    pace: see `answer`. adapted: a loss to report in place of the model's own; see harness/dynamic_evaluation.py.
    """
    losses: list[tuple[float, float]] = []
    answers = answer(decoder, batches, output_field, pace, losses)
    predictions = [found.output for found in answers]
    if adapted is not None:
        loss = adapted
    else:
        loss = float(np.divide(*np.sum(losses, axis=0))) if losses else measure_loss(model, batches)
    scores = task.metrics([example.output for example in examples], predictions)
    if task.further:
        scores |= task.further(training, predictions, loss)
    return scores | {"loss": loss}, answers


def write_answers(path: Path, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
    """Write a JSON line an example: its input, expected output, predicted output and where it was read."""
    lines = [
        record.dump(
            {
                "input": data.to_plain(example.input),
                "output": example.output,
                "prediction": found.output,
                **found.details,
            }
            | {"origin": example.origin}
        )
        for example, found in zip(examples, answers, strict=True)
    ]
    runs.write_text(path, "\n".join(lines) + "\n")


def read_contexts(model: keras.Model, batches: Batches) -> np.ndarray:
    """Return what a model that writes starts from for each example, (examples, features), in their order."""
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    reader = keras.Model(inputs, model.get_layer("context").output)
    contexts: Any = [None] * len(batches.inputs)
    for length, members, real in batches.plan():
        arrays = batches.draw(length, members, real)[0]
        found = np.asarray(reader.predict_on_batch({name: arrays[name] for name in inputs}))
        for member, context in zip(members[:real], found, strict=False):
            contexts[member] = context
    return np.stack(contexts)


def describe_metrics(task: Task) -> dict[str, str]:
    """Return {"signature": how the metrics compute}, where a task says it."""
    return {"signature": task.signature()} if task.signature else {}


def evaluate(
    directory: Path,
    source: str | None = None,
    split: str = "test",
    include: tuple[Path, ...] = (),
    decoding: Decoding = AS_TRAINED,
    reading: Reading = AS_STORED,
) -> dict:
    """Return the scores of a trained run on a split of its own data, or of other data (`source`, as for --data).

    decoding: options to decode with in place of the run's own; then its predictions are not written.
    reading: how `source` is read.
    """
    stored = read_run(directory, include, decoding)
    return score(stored, select(stored, source, split, reading), source, keep=decoding == AS_TRAINED)


def score(stored: Stored, selection: Selection, source: str | None, keep: bool) -> dict:
    """Return the scores of a run on selected examples. source: of other data. keep: write the answers to the run."""
    examples, directory = selection.examples, stored.directory
    batches = data.encode_batches(stored.options, stored.input_field, stored.output_field, examples)
    run = load(stored)
    adapted = dynamic_evaluation.measure_loss(
        run.task, run.options, run.model, run.input_field, run.output_field, batches
    )
    scores, answers = measure(
        run.task, examples, batches, run.model, run.judge, run.output_field, selection.training, adapted=adapted
    )
    if source is None and keep:
        path = directory / "predictions" / f"{selection.split}.jsonl"
        try:
            write_answers(path, examples, answers)
        except OSError as error:
            # The run may be another user's.
            say(f"{path}: the answers cannot be written there: {error.strerror}")
    # The baselines' scores are those of the run's own test.
    own = source is None and selection.split == "test" and (directory / "scores.json").exists()
    baselines = runs.read_scores(directory, runs.read_config(directory))["baselines"] if own else None
    return {
        "run": str(directory),
        "task": run.task.name,
        "data": source or run.options.data,
        "split": selection.split,
        "examples": len(examples),
        "monitor": run.task.monitor,
        "scores": scores,
        **({"baselines": baselines} if baselines else {}),
        **describe_metrics(run.task),
    }
