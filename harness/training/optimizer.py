"""The optimizer: Adam, with gradient clipping and the moving average of the weights."""

import keras

from harness.training.learning_rate import WarmupStableDecay
from models.backends.adam import Adam, LazyAdam
from pipeline.option import Options


def make_optimizer(
    options: Options, rate: keras.optimizers.schedules.LearningRateSchedule, *, rows: int
) -> keras.optimizers.Optimizer:
    """Return Adam with gradient clipping. rate: see learning_rate.py.

    Beside the weights it keeps their running average, where options.ema_decay is above 0 (Polyak and Juditsky 1992).
    rows: distinct words in a batch, for options.lazy_embeddings; see models/backends/adam.py.
    """
    given = {"global_clipnorm": options.clip_norm}
    if options.ema_decay:
        given |= {"use_ema": True, "ema_momentum": options.ema_decay}
    optimizer = LazyAdam(rate, rows, **given) if options.lazy_embeddings else Adam(rate, **given)
    if isinstance(rate, WarmupStableDecay):
        rate.track(optimizer)
    return optimizer
