"""Evaluate: the model's answers to a split, and how good they are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import data, runs
from harness.trained import open_run
from pipeline.batching import Batches
from pipeline.errors import BadInput
from pipeline.example import Example
from tasks.task import Task


@dataclass(frozen=True)
class Answer:
    """What the model answers to one example: the decoded output, and any further numbers such as its probability."""

    output: Any
    details: dict[str, float]


def answer(decoder: keras.Model, batches: Batches, output_field: Any) -> list[Answer]:
    """Return the answers to all examples, in their order; the padding's answers are cut off."""
    per_step = output_field.arrays["output"].shape[:1] == (None,)
    answers: list[Any] = [None] * len(batches.inputs)
    for length, members, real in batches.plan():
        inputs = batches.draw(length, members, real)[0]
        found = {name: np.asarray(array) for name, array in decoder.predict_on_batch(inputs).items()}
        for row, member in enumerate(members[:real]):
            steps = slice(batches.steps[member]) if per_step else ()
            output = output_field.decode(found["output"][row][steps])
            answers[member] = Answer(output, {name: float(found[name][row]) for name in found if name != "output"})
    return answers


def measure_loss(model: keras.Model, batches: Batches) -> float:
    """Return the loss averaged over all answers asked for (tokens or examples), whatever the batches."""
    total = weight = 0.0
    for entry in batches.plan():
        inputs, outputs, weights = batches.draw(*entry)
        model.reset_metrics()
        loss = model.test_on_batch(inputs, outputs, weights, return_dict=True)["loss"]
        total, weight = total + float(loss) * float(weights.sum()), weight + float(weights.sum())
    return total / weight


def measure(
    task: Task,
    examples: Sequence[Example],
    batches: Batches,
    model: keras.Model,
    decoder: keras.Model,
    output_field: Any,
) -> tuple[dict[str, float], list[Answer]]:
    """Return the task's metrics and the loss, and the answers they were computed from."""
    answers = answer(decoder, batches, output_field)
    scores = task.metrics([example.output for example in examples], [found.output for found in answers])
    return scores | {"loss": measure_loss(model, batches)}, answers


def write_answers(path: Path, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
    """Write a JSON line an example: its input, expected output, predicted output and where it was read."""
    lines = [
        json.dumps(
            {"input": example.input, "output": example.output, "prediction": found.output, **found.details}
            | {"origin": example.origin},
            ensure_ascii=False,
        )
        for example, found in zip(examples, answers, strict=True)
    ]
    runs.write_text(path, "\n".join(lines) + "\n")


def evaluate(directory: Path, source: str | None = None, split: str = "test", include: tuple[Path, ...] = ()) -> dict:
    """Return the scores of a trained run on a split of its own data, or of other data (`source`, as for --data)."""
    run = open_run(directory, include)
    options = run.options if source is None else replace(run.options, data=source)
    examples = data.limit(data.load(run.task, options), options.limit)[split]
    if not examples:
        raise BadInput(f"--split {split}: the data has no examples there; expected train, validation or test")
    inputs, outputs = data.encode(examples, run.input_field, run.output_field)
    batches = Batches(inputs, run.input_field.arrays, options.batch, outputs, run.output_field.arrays)
    scores, answers = measure(run.task, examples, batches, run.model, run.decoder, run.output_field)
    if source is None:
        write_answers(directory / "predictions" / f"{split}.jsonl", examples, answers)
    return {
        "run": str(directory),
        "task": run.task.name,
        "data": source or run.options.data or next(iter(run.task.sources)),
        "split": split,
        "examples": len(examples),
        "monitor": run.task.monitor,
        "scores": scores,
    }


def count_tokens(batches: Batches) -> int:
    """Return the number of time steps that are not padding."""
    return int(batches.steps.sum())
