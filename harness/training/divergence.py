"""Divergence: a loss that is no number ends training, at the step where it first is none."""

import time
from collections.abc import Callable
from typing import SupportsFloat

import keras
import numpy as np

from harness.process.progress import Logs
from harness.training.variables import bring_up_to_date, find_broken
from pipeline.errors import BadInput
from pipeline.option import Options

# The loss is read after so many steps, or seconds: whoever reads it waits for the step to end.
STEPS, SECONDS = 16, 1.0


class Divergence(keras.callbacks.Callback):
    """Raises BadInput, with the step and its learning rate, where the loss is not finite.

    What is kept of each step is the mean since the epoch began, still on the device: once it is not finite it stays so.
    So the one before the last step's is read now and then, and the first that is not finite is looked for behind it.

    options: of the run. steps: in each epoch. rate: the learning rate by the number of steps that were trained before.
    describe_kept: says which weights are kept.
    """

    def __init__(
        self, options: Options, *, steps: int, rate: Callable[[int], SupportsFloat], describe_kept: Callable[[], str]
    ):
        super().__init__()
        self.options, self.steps, self.rate, self.describe_kept = options, steps, rate, describe_kept
        self.epoch = 0
        self.losses: dict[int, SupportsFloat] = {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch, self.looked = epoch, time.monotonic()
        self.losses = {}

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if logs is None:
            return
        self.losses[batch + 1] = logs["loss"]
        now = time.monotonic()
        if len(self.losses) > 1 and (len(self.losses) > STEPS or now - self.looked > SECONDS):
            self.looked = now
            last = self.losses.popitem()
            self._look()
            self.losses = dict([last])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._check(self.steps)

    def check(self, step: int) -> None:
        """Raise BadInput where the loss, or a weight, is not finite after a step of the epoch."""
        bring_up_to_date(self.model)
        self._check(step)

    def _check(self, step: int) -> None:
        self._look()
        # A gradient that is no number shows in the loss one step later.
        if broken := find_broken(self.model):
            raise self._refuse(step, f"the weights {broken} are no numbers any more")

    def _look(self) -> None:
        losses = list(self.losses.items())
        if not losses or np.isfinite(float(losses[-1][1])):
            return
        step, loss = next((step, float(loss)) for step, loss in losses if not np.isfinite(float(loss)))
        raise self._refuse(step, f"the loss is {loss}")

    def _refuse(self, step: int, what: str) -> BadInput:
        options = self.options
        rate = float(self.rate(self.epoch * self.steps + step - 1))
        half = " or --precision float32" if options.precision != "float32" else ""
        return BadInput(
            f"epoch {self.epoch + 1}, step {step} of {self.steps}: {what}, at a learning rate of {rate:.2g}: training "
            f"diverged. {self.describe_kept()} Try a lower --learning-rate ({options.learning_rate / 4:.2g}, say), a "
            f"lower --clip-norm ({options.clip_norm / 4:.2g}){half}"
        )
