"""The loss of a model on batches of any sizes."""

import keras

from pipeline.batches.bucketing import Batches


def measure_loss(model: keras.Model, batches: Batches, learn: bool = False) -> float:
    """Return the loss averaged over all answers asked for (tokens or examples), whatever the batches.

    learn: train on each batch too, once its loss is known.
    """
    score = model.train_on_batch if learn else model.test_on_batch
    total = asked = 0.0
    for entry in batches.plan():
        inputs, outputs, weights = batches.draw(*entry)
        model.reset_metrics()
        loss = float(score(inputs, outputs, weights, return_dict=True)["loss"])
        total, asked = total + loss * float(weights.sum()), asked + float(weights.sum())
    return total / asked
