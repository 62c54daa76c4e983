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
import numpy as np

from harness import losses
from harness.options import Options
from pipeline.batches.bucketing import Batches
from tasks.task import Task


def measure_loss(
    task: Task, options: Options, model: keras.Model, input_field: Any, output_field: Any, batches: Batches
) -> float | None:
    """Return the loss averaged over all answers asked for, of a copy of the model that learns at options.adapt.

    None where options.adapt is 0 or None: nothing adapts.
    """
    if not options.adapt:
        return None
    family = importlib.import_module(task.model)
    # Without what only disturbs the learning: then the loss of a step is the score before it.
    options = replace(options, dropout=0.0, word_dropout=0.0)
    learner = family.build(input_field, output_field, options)
    for weight, trained in zip(learner.trainable_variables, model.trainable_variables, strict=True):
        # A copy: on JAX a training step takes over the memory of all variables.
        weight.assign(np.array(trained))
    optimizer = keras.optimizers.RMSprop(options.adapt, rho=0.99, global_clipnorm=options.clip)
    learner.compile(optimizer, loss=family.loss(output_field, options))
    return losses.measure_loss(learner, replace(batches, size=1, tokens=None), learn=True)
