"""The report: what there is in the data of a task, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harness import data
from harness.data_report.examples import Shown, show_examples
from harness.training import fine_tuning
from pipeline import findings
from pipeline.findings import Finding, sort_worst_first
from pipeline.option import Options
from pipeline.survey import QUANTILES, Side, Survey, find_lost, survey
from tasks.task import Task


@dataclass(frozen=True)
class DataReport:
    """What is known of the data of a task.

    notes: what was guessed or left out in reading, and facts. warnings: the worst first. examples: some of training, as
    a model is given them.
    """

    task: Task
    origin: data.Origin
    survey: Survey
    notes: Sequence[str]
    warnings: Sequence[Finding]
    examples: Sequence[Shown]


def look(task: Task, options: Options) -> DataReport:
    """Return the report of what training with these options would see; BadInput for data that no model can learn from.

    All values are looked at, those in files of their own too.
    """
    notes: list[str] = []
    earlier = fine_tuning.read_start(task, options) if options.from_ else None
    fitted = data.fit(task, options, notes.append, fine_tuning.find_fields(earlier))
    given, wanted = fitted.input_field, fitted.output_field
    surveyed = survey(fitted.examples, given, wanted)
    shown, refused = show_examples(fitted.examples["train"], given, wanted)
    found = [
        *data.inspect(fitted, task, options),
        *findings.find_flaws(fitted.examples, given, wanted),
        *findings.find_few(fitted.examples),
        *find_lost(fitted.examples, surveyed, given),
        *refused,
    ]
    return DataReport(
        task,
        data.find_origin(task, options),
        surveyed,
        notes=[*notes, *(one.text for one in found if not one.weight)],
        warnings=sort_worst_first(found),
        examples=shown,
    )


def summarise(report: DataReport) -> dict[str, Any]:
    """Return the report as JSON can hold it; lengths and numbers by their quantiles."""
    return {
        "task": report.task.name,
        "data": asdict(report.origin),
        "warnings": [{"text": one.text, "weight": one.weight.name, "share": one.share} for one in report.warnings],
        "notes": list(report.notes),
        "examples": dict(report.survey.counts),
        "distinct_inputs": dict(report.survey.distinct),
        "input": _summarise_side(report.survey.input),
        "output": _summarise_side(report.survey.output),
        "shown": [one.as_dict() for one in report.examples],
    }


def _summarise_side(side: Side) -> dict[str, Any]:
    found: dict[str, Any] = {"is": side.text}
    if side.lengths:
        found["lengths"] = {"in": side.counted, "most": side.most} | {
            split: measure_quantiles(values) for split, values in side.lengths.items()
        }
    if side.tokens:
        found["vocabulary"] = {"known": len(side.known)} | {
            split: asdict(side.measure_coverage(split)) | {"unknown": dict(side.find_unknown(split))}
            for split in side.tokens
        }
    if side.classes:
        found["classes"] = {"of": side.class_noun} | {
            split: dict(counts.most_common()) for split, counts in side.classes.items()
        }
    if side.numbers:
        found["numbers"] = {split: measure_quantiles(values) for split, values in side.numbers.items()}
    return found


def measure_quantiles(values: np.ndarray) -> dict[str, float]:
    """Return the mean of values, and their quantiles by name. values: (values,), one at least."""
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {"mean": float(values.mean()), **{name: float(one) for name, one in zip(QUANTILES, quantiles, strict=True)}}
