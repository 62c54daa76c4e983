"""Kinds of analysis: what can be said of answers follows from what they are, as the output field says it."""

from collections.abc import Callable, Sequence

from harness.analysis import forecasts, label_sets, labels, numbers, others, spans, tags, texts
from harness.analysis.answered import Answered
from harness.analysis.section import Section, Sections
from harness.cells import explain_limitation
from pipeline.example import Value
from pipeline.fields import Horizon, OutputField

# A kind: from the answers to what is seen of them.
Kind = Callable[[Answered], Sections]


def find_kind(output_field: OutputField, output: Value) -> Kind:
    """Return the kind of analysis that suits an output field. output: one of its answers.

    - A text is written symbol by symbol, or has symbols in an order but at no known times.
    - Tags are categories, one per step; spans are what BIO tags mark.
    - A label is a category, one per example; or there are several of them, or none.
    - A forecast is several numbers, one for each step ahead.
    - A number is a number; of all else no more is known than its loss.
    """
    if isinstance(output_field, Horizon):
        return forecasts.analyse
    array = output_field.arrays["output"]
    if output_field.autoregressive or (array.timed and not array.per_step):
        return texts.analyse
    if array.independent:
        return label_sets.analyse
    if output_field.categorical and array.timed:
        return spans.analyse if output_field.spans else tags.analyse
    if output_field.categorical:
        return labels.analyse
    return numbers.analyse if isinstance(output, float) else others.analyse


def analyse(answered: Answered) -> list[Section]:
    """Return all sections of a run's answers: its scores, what its kind shows, and where it is better and worse."""
    kind = find_kind(answered.experiment.output_field, answered.outputs[0])
    return [*list_scores(answered), *kind(answered)]


def list_scores(answered: Answered) -> Sequence[Section]:
    """Return the section of the scores, the monitored one first."""
    monitor = answered.monitor
    names = [monitor, *(name for name in answered.scores if name != monitor)]
    task = answered.experiment.task
    best = "lower" if task.lower_is_better else "higher"
    limitation = explain_limitation(answered.experiment.options, task)
    return [
        Section(
            "scores",
            "Scores",
            f"What is looked into is the first; {best} is better."
            + (f" {answered.experiment.options.cell}: {limitation}." if limitation else ""),
            [{"score": name, "value": answered.scores[name]} for name in names],
        )
    ]
