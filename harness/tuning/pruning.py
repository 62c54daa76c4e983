"""Pruning: a trial that is worse than others at the same epoch ends early."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import keras

from harness.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import optuna


class Pruning(keras.callbacks.Callback):
    """Reports the monitored score after every epoch, and ends a training that is not worth going on with.

    checkpoint: computes the score; it stands before this one. deadline: in seconds since 1970, after which every
    training ends. ended: whether this one did.
    """

    def __init__(self, trial: "optuna.Trial", checkpoint: Checkpoint, *, monitor: str, deadline: float):
        super().__init__()
        self.trial, self.checkpoint, self.monitor, self.deadline = trial, checkpoint, monitor, deadline
        self.clock: Callable[[], float] = time.time
        self.ended = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.trial.report(self.checkpoint.scores[self.monitor], epoch)
        if not self.checkpoint.progress["done"]:
            self.ended = self.trial.should_prune() or self.clock() > self.deadline
            self.model.stop_training = self.ended
