"""Dynamic evaluation: a model that goes on learning from what it is scored on, once it is scored.

What a text is about, its names above all, a recurrent network has forgotten after some hundred steps; its weights have
not. So each text, or each passage of a running text, is first scored as it comes, in the order of the data, and then
trained on by one step of gradient descent (Mikolov et al. 2010, section 2, the dynamic model; Krause et al. 2018). No
symbol is ever scored by weights that have seen it. The model itself stays as it was: a copy learns.
"""

from dataclasses import replace

import keras
import numpy as np

from harness import evaluate
from harness.experiment import Experiment
from pipeline.batches.bucketing import Batches


def measure_loss(experiment: Experiment, model: keras.Model, batches: Batches) -> float | None:
    """Return the loss averaged over all answers asked for, of a copy of the model that learns as it is scored.

    options.dynamic_evaluation: the learning rate. None where it is 0, or where the task has no such option.
    """
    rate = experiment.options.as_dict().get("dynamic_evaluation")
    if not rate:
        return None
    # Without what only disturbs the learning: then the loss of a step is the score before it.
    learning = experiment.replace_options(dropout=0.0, word_dropout=0.0)
    learner = learning.build()
    for weight, trained in zip(learner.trainable_variables, model.trainable_variables, strict=True):
        # A copy: on JAX a training step takes over the memory of all variables.
        weight.assign(np.array(trained))
    optimizer = keras.optimizers.RMSprop(rate, rho=0.99, global_clipnorm=experiment.options.clip_norm)
    learner.compile(optimizer, loss=learning.loss())
    return evaluate.measure_loss(learner, replace(batches, size=1, tokens=None), learn=True)
