"""The learning rate: how it rises and falls."""

import keras
from keras import ops

from harness.training.schedule import Schedule
from models.saving import PACKAGE
from models.tensor import Tensor
from pipeline.option import Options

# Share of the training steps in which the learning rate rises; of --steps, where their number is not known.
WARM_UP = 0.1
NEVER = 2**30


def make_rate(options: Options, schedule: Schedule) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate with a linear warm-up and a cosine fall to 0 over the steps of a schedule.

    Where the training converges, it falls when it is told to.
    """
    if schedule.converges:
        return WarmupStableDecay(options.learning_rate, max(1, round(WARM_UP * options.steps)))
    steps = schedule.epochs * schedule.steps
    rise = max(1, round(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), warmup_target=options.learning_rate, warmup_steps=rise
    )


@keras.saving.register_keras_serializable(PACKAGE)
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly, stays, and falls linearly to 0 when it is told to (Hägele et al. 2024).

    rate: the highest. warm_up: in how many steps it is reached.
    """

    def __init__(self, rate: float, warm_up: int):
        super().__init__()
        self.rate, self.warm_up = rate, warm_up
        self.fall: keras.Variable | None = None

    def track(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Keep the two steps between which the rate falls among the variables of an optimizer: with its state."""
        self.fall = optimizer.add_variable((2,), dtype="int32", name="fall")
        self.fall.assign([NEVER - 1, NEVER])

    def begin_fall(self, begin: int, steps: int) -> None:
        """Let the rate fall to 0 in the `steps` training steps after step `begin`."""
        assert self.fall is not None
        self.fall.assign([begin, begin + steps])

    def __call__(self, step: Tensor) -> Tensor:
        assert self.fall is not None
        step, bounds = ops.cast(step, "int32"), ops.convert_to_tensor(self.fall)
        begin, end = bounds[0], bounds[1]
        rise = ops.cast(ops.minimum(step + 1, self.warm_up), "float32") / self.warm_up
        left = ops.cast(end - ops.maximum(step, begin), "float32") / ops.cast(end - begin, "float32")
        return self.rate * rise * ops.maximum(left, 0.0)

    def get_config(self) -> dict:
        return {"rate": self.rate, "warm_up": self.warm_up}
