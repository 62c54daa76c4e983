"""Ensemble: the answers of several trained runs, averaged: at each step, where they are written symbol by symbol."""

from collections.abc import Sequence

import keras
from keras import ops

from harness.experiment import Experiment
from harness.runs.trained import Trained, connect, open_model
from harness.selection import Selection
from models.decoding.ensemble import combine_writers
from pipeline.errors import BadInput
from pipeline.fields import Array, is_autoregressive

# The logarithm of a probability that is rounded to 0.
LEAST = 1e-30
# What is left of 1 beside the largest number below it.
NEAREST = 6e-8


def average(models: Sequence[keras.Model], output: Array) -> keras.Model:
    """Return a model from the same inputs to the mean of what models give.

    output: what they answer. Of a category, and of several labels, they give logits, whose probabilities are averaged;
    the result is the logarithm of their mean, or of its odds. Else they give numbers.
    """
    inputs = {name: keras.Input(one.shape[1:], dtype=one.dtype, name=name) for name, one in models[0].input.items()}
    found = []
    for number, model in enumerate(models):
        # Layers of one model have names of their own.
        model.name = f"member_{number}"
        found.append(model(inputs))
    if output.independent:
        mean = sum(ops.sigmoid(logits) for logits in found) / len(found)
        odds = ops.log(ops.maximum(mean, LEAST)) - ops.log(ops.maximum(1 - mean, NEAREST))
        return keras.Model(inputs, odds, name="ensemble")
    if output.size is None:
        return keras.Model(inputs, sum(found) / len(found), name="ensemble")
    mean = sum(ops.softmax(logits) for logits in found) / len(found)
    return keras.Model(inputs, ops.log(ops.maximum(mean, LEAST)), name="ensemble")


def combine(members: Sequence[Trained]) -> Trained:
    """Return the ensemble of trained runs, as a trained run of the first one's experiment."""
    experiment, models = members[0].experiment, [member.model for member in members]
    for other in members[1:]:
        if len(other.model.output.shape) != len(models[0].output.shape):
            raise BadInput(
                f"ensemble: {other.experiment.directory} has another --decoder than {experiment.directory}: with a CRF "
                "a tag has a probability for each tag before it, and else one alone; train both alike"
            )
    if is_autoregressive(experiment.output_field):
        for member in members:
            if "decoder" not in {layer.name for layer in member.model.layers}:
                raise BadInput(
                    f"ensemble: {member.experiment.directory}: no layer of the model is called decoder; see "
                    "models/family.py"
                )
        model = combine_writers(models)
    else:
        model = average(models, experiment.output_field.arrays["output"])
    model.compile(loss=experiment.loss())
    return connect(experiment, model)


def measure_ensemble(members: Sequence[Experiment], selection: Selection) -> dict[str, float]:
    """Return the scores of an ensemble of runs on selected examples. BadInput as `open_model`."""
    together = combine([open_model(member) for member in members])
    batches = members[0].encode(selection.examples)
    return together.scorer.measure(selection.examples, batches, training=selection.training).scores


def score_ensemble(members: Sequence[Experiment], selection: Selection) -> dict:
    """Return the scores of runs on selected examples, one by one and as an ensemble. BadInput as `open_model`."""
    first = members[0]
    batches = first.encode(selection.examples)
    trained = [open_model(member) for member in members]

    def measure(one: Trained) -> dict[str, float]:
        return one.scorer.measure(selection.examples, batches, training=selection.training).scores

    alone = {str(member.experiment.directory): measure(member) for member in trained}
    return {
        "task": first.task.name,
        "split": selection.split,
        "examples": len(selection.examples),
        "monitor": first.task.monitor,
        "scores": measure(combine(trained)),
        "members": alone,
    }
