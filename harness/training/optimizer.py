"""The optimizer: Adam, its learning rate schedule, gradient clipping and the moving average of the weights."""

import keras

from models.backends.adam import Adam, LazyAdam
from pipeline.option import Options

# Share of the training steps in which the learning rate rises.
WARM_UP = 0.1


def make_optimizer(options: Options, steps: int, *, rows: int) -> keras.optimizers.Optimizer:
    """Return Adam with a linear warm-up, a cosine fall to 0 over `steps` training steps, and gradient clipping.

    Beside the weights it keeps their running average, where options.ema_decay is above 0 (Polyak and Juditsky 1992).
    rows: distinct words in a batch, for options.lazy_embeddings; see models/backends/adam.py.
    """
    rise = max(1, round(WARM_UP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), warmup_target=options.learning_rate, warmup_steps=rise
    )
    averaging = {"use_ema": True, "ema_momentum": options.ema_decay} if options.ema_decay else {}
    if options.lazy_embeddings:
        return LazyAdam(schedule, rows, global_clipnorm=options.clip_norm, **averaging)
    return Adam(schedule, global_clipnorm=options.clip_norm, **averaging)
