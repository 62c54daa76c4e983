"""Dynamic evaluation: a model that goes on learning from what it is scored on, once it is scored.

What a text is about, its names above all, a recurrent network has forgotten after some hundred steps; its weights have
not. So each text, or each passage of a running text, is first scored as it comes, in the order of the data, and then
trained on by one step of gradient descent (Mikolov et al. 2010, section 2, the dynamic model; Krause et al. 2018). No
symbol is ever scored by weights that have seen it. The model itself stays as it was: a copy learns.
"""

import importlib
from dataclasses import replace
from typing import Any

import keras

from harness import data
from harness.options import Options
from pipeline.example import Example
from tasks.task import Task


def measure_loss(
    task: Task,
    options: Options,
    model: keras.Model,
    input_field: Any,
    output_field: Any,
    examples: list[Example],
) -> float:
    """Return the loss averaged over all answers asked for, of a copy of the model that learns at options.adapt."""
    family = importlib.import_module(task.model)
    # One by one, and without what only disturbs the learning: then the loss of a step is the score before it.
    options = replace(options, batch=1, batch_tokens=None, dropout=0.0, word_dropout=0.0)
    learner = family.build(input_field, output_field, options)
    for weight, trained in zip(learner.trainable_variables, model.trainable_variables, strict=True):
        weight.assign(trained)
    optimizer = keras.optimizers.RMSprop(options.adapt, rho=0.99, global_clipnorm=options.clip)
    learner.compile(optimizer, loss=family.loss(output_field, options))
    batches = data.encode_batches(options, input_field, output_field, examples)
    total = weight_sum = 0.0
    for entry in batches.plan():
        inputs, outputs, weights = batches.draw(*entry)
        learner.reset_metrics()
        loss = float(learner.train_on_batch(inputs, outputs, weights, return_dict=True)["loss"])
        total, weight_sum = total + loss * float(weights.sum()), weight_sum + float(weights.sum())
    return total / weight_sum
