"""Step checkpoint: within an epoch, the state to go on from, by time, and where a signal asks for the end."""

import time

import keras

from harness.process import interrupt
from harness.process.console import say
from harness.process.progress import Logs
from harness.training.checkpoint import Checkpoint
from harness.training.divergence import Divergence

# How many times as long as it takes to write a state there is none, so that it costs 2% of the time at most.
SHARE = 50


class StepCheckpoint(keras.callbacks.Callback):
    """Keeps the state within an epoch. To be called after the checkpoint of the epochs.

    every: seconds after which a state is written. steps: in each epoch.
    """

    def __init__(self, checkpoint: Checkpoint, divergence: Divergence, *, every: float, steps: int):
        super().__init__()
        self.checkpoint, self.divergence = checkpoint, divergence
        self.every, self.steps = every, steps
        self.due = time.monotonic() + every
        self.told = False

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        step = batch + 1
        # One batch alone tells TensorFlow nothing of the others; see Epochs.
        if step == self.steps - 1:
            return
        interrupt.note_unsaved()
        if interrupt.is_asked() or time.monotonic() >= self.due:
            self.save(step)

    def save(self, step: int) -> None:
        """Keep the state after a step."""
        started = time.monotonic()
        self.divergence.check(step)
        self.checkpoint.save_within(step)
        interrupt.note_saved(f"step {step} of {self.steps} of epoch {self.divergence.epoch + 1}")
        took = time.monotonic() - started
        if took * SHARE > self.every:
            if not self.told:
                say(f"--save-every: to save takes {took:.2g} s; it is done every {took * SHARE:.2g} s: 2% of the time")
            self.every, self.told = took * SHARE, True
        self.due = time.monotonic() + self.every

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.due = time.monotonic() + self.every
        interrupt.note_saved(f"epoch {epoch + 1}")
