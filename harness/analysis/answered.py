"""What a run answers to a split: all that an analysis is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
from numpy.typing import NDArray

from harness import dynamic_evaluation, evaluate
from harness.experiment import Experiment
from harness.hypothesis import Hypothesis, read_hypotheses
from harness.runs.trained import Trained
from harness.selection import Selection
from models.decoding.per_example import is_one_pass, measure_examples, with_details
from pipeline.batches.bucketing import Batches
from pipeline.example import Alternatives, Example, Value
from pipeline.option import Value as OptionValue
from tasks.task import Scores

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Hypotheses of beam search, where the run's own beam is narrower.
WIDTH = 5


@dataclass(frozen=True)
class Answered:
    """The examples of a split, and what a run answers to them, in their order.

    source: of other data than the run's own. certainties: of each step's answer, (time,) per example, where each step
    is one of a few categories; probabilities: of each whole answer, where the model gives one; label_probabilities: of
    each label, by name, where an answer may have several.
    losses: of each example, (examples,), the mean over the answers that are asked for; `weights` says how many.
    lengths: in time steps; of the outputs where the inputs have none. scores: as `evaluate` gives them.
    from_answers: whether the monitored score is computed from answers, rather than from the loss.
    """

    trained: Trained
    selection: Selection
    source: str | None
    outputs: list[Value]
    certainties: list[Floats] | None
    probabilities: Floats | None
    losses: Floats
    weights: Floats
    lengths: Integers
    scores: Scores
    from_answers: bool
    label_probabilities: Sequence[Mapping[str, float]] = ()

    @property
    def experiment(self) -> Experiment:
        return self.trained.experiment

    @property
    def examples(self) -> Sequence[Example]:
        return self.selection.examples

    @property
    def monitor(self) -> str:
        return self.experiment.task.monitor

    @cached_property
    def expected(self) -> list[Value]:
        """Return what is expected of each example; Alternatives where several outputs are right."""
        return [example.output for example in self.examples]

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Return which answers are what is expected, or one of the Alternatives, (examples,)."""
        return np.array(
            [
                output in expected if isinstance(expected, Alternatives) else is_same(output, expected)
                for output, expected in zip(self.outputs, self.expected, strict=True)
            ]
        )

    def name_origin(self, member: int) -> str:
        """Return where an example was read; of generated data, which has no files, its number."""
        return self.examples[member].origin or f"{self.selection.split} {member + 1:,}"

    def measure(self, members: Sequence[int] | Integers) -> float | None:
        """Return the monitored score of some of the examples; None where it is not defined for these."""
        chosen = [self.examples[member] for member in members]
        outputs = [self.outputs[member] for member in members]
        try:
            means = {"loss": self.mean_loss(members)}
            return float(evaluate.rate(self.experiment.task, chosen, outputs, means=means)[self.monitor])
        # A metric may be of any library, and fail in any way on a part of the examples.
        except Exception:
            return None

    def mean_loss(self, members: Sequence[int] | Integers) -> float:
        """Return the loss averaged over all answers asked for of some examples."""
        return average(self.losses[np.asarray(members)], self.weights[np.asarray(members)])

    @cached_property
    def tokens(self) -> list[Sequence[str]]:
        """Return the tokens of each input; none where inputs are not made of any."""
        return [self.experiment.input_field.divide(example.input) for example in self.examples]

    @cached_property
    def training_counts(self) -> Counter[str] | None:
        """Return how often each token stands in the training data; None where that is not at hand."""
        if not self.selection.training:
            return None
        counts: Counter[str] = Counter()
        before = None
        for example in self.selection.training:
            # Captions of one image, say, are several examples of one input.
            if example.input is not before:
                counts.update(self.experiment.input_field.divide(example.input))
            before = example.input
        return counts


def is_same(output: Value, expected: Value) -> bool:
    """Return whether an output is the expected one; a tuple of tags may be a list."""
    return tuple(output) == tuple(expected) if isinstance(expected, (tuple, list)) else output == expected


def average(losses: Floats, weights: Floats) -> float:
    """Return a weighted mean; 0 where nothing weighs anything."""
    return float(losses @ weights / weights.sum()) if weights.sum() else 0.0


def collect(trained: Trained, selection: Selection, source: str | None = None) -> Answered:
    """Return what a run answers to a selection, in one pass where its decoder is no search, else in two."""
    experiment = trained.experiment
    batches = experiment.encode(selection.examples)
    one_pass = is_one_pass(trained.model, trained.decoder)
    output_field, model = experiment.output_field, trained.model
    decoder = trained.decoder
    if one_pass:
        decoder = with_details(model, decoder, output_field, experiment.measures())
    found = evaluate.answer(experiment, decoder, batches)
    answers = found.answers
    if one_pass:
        losses, weights = (
            np.array([one.details[name] for one in answers]) for name in ("example_loss", "example_weight")
        )
    else:
        losses, weights = measure_losses(measure_examples(model, output_field), batches)
    outputs = [one.output for one in answers]
    adapted = dynamic_evaluation.measure_loss(experiment, model, batches)
    loss = average(losses, weights) if adapted is None else adapted
    task = experiment.task
    return Answered(
        trained,
        selection,
        source,
        outputs=outputs,
        certainties=_list_certainties(answers),
        probabilities=_list_probabilities(answers),
        label_probabilities=[one.probabilities for one in answers],
        losses=losses,
        weights=weights,
        lengths=batches.example_steps,
        scores=evaluate.rate(
            task, selection.examples, outputs, means={**found.means, "loss": loss}, training=selection.training
        )
        | evaluate.rate_probabilities(experiment, selection.examples, answers),
        from_answers=task.monitor in task.metrics([one.output for one in selection.examples[:5]], outputs[:5]),
    )


def _list_certainties(answers: Sequence[evaluate.Answer]) -> list[Floats] | None:
    found = [one.certainties for one in answers if one.certainties is not None]
    return [np.asarray(one, "float64") for one in found] if len(found) == len(answers) else None


def _list_probabilities(answers: Sequence[evaluate.Answer]) -> Floats | None:
    if any("probability" not in one.details for one in answers):
        return None
    return np.array([one.details["probability"] for one in answers])


def measure_losses(model: keras.Model, batches: Batches) -> tuple[Floats, Floats]:
    """Return the loss and the weight of each example, both (examples,). model: of `measure_examples`."""
    losses, weights = np.zeros(len(batches.inputs)), np.zeros(len(batches.inputs))
    for length, members, real in batches.plan():
        inputs, expected, asked = batches.draw(length, members, real)
        drawn = {**inputs, "expected": expected, "weights": asked}
        found = model.predict_on_batch({name: drawn[name] for name in model.input})
        losses[members[:real]] = np.asarray(found["example_loss"])[:real]
        weights[members[:real]] = np.asarray(found["example_weight"])[:real]
    return losses, weights


def find_hypotheses(trained: Trained, examples: Sequence[Example]) -> list[list[Hypothesis]]:
    """Return the texts that beam search finds for each example, the best first; none where the run cannot search."""
    options = trained.experiment.options.as_dict()
    if "beam" not in options:
        return [[] for _ in examples]
    changed: dict[str, OptionValue] = {"beam": max(int(options["beam"] or 1), WIDTH)}
    if "temperature" in options:
        # What is drawn by chance is not searched for.
        changed["temperature"] = None
    experiment = trained.experiment.replace_options(**changed)
    decoder = experiment.decode(trained.model)
    batches = experiment.encode(examples)
    # One program for them all.
    batches.padded = batches.lengths = [max(batches.padded)]
    found: dict[int, list[Hypothesis]] = {}
    for length, members, real in batches.plan():
        inputs = batches.draw(length, members, real)[0]
        given = decoder.predict_on_batch({name: inputs[name] for name in decoder.input})
        arrays = {name: np.asarray(array) for name, array in given.items()}
        found |= {
            member: read_hypotheses(experiment.output_field, arrays, row) for row, member in enumerate(members[:real])
        }
    return [found[member] for member in range(len(examples))]
