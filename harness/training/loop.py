"""Loop: a compiled model, with what watches over its training."""

from dataclasses import dataclass

import keras

from harness.process.progress import ProgressBar
from harness.runs.trained import Trained
from harness.training.checkpoint import Checkpoint
from harness.training.schedule import Schedule
from pipeline.batches.shares import Share


@dataclass(frozen=True)
class Loop:
    """A compiled model, with what watches over its training.

    rate: the learning rate by step. share: the rows of each batch that this process draws; None: all.
    """

    trained: Trained
    checkpoint: Checkpoint
    bar: ProgressBar
    schedule: Schedule
    rate: keras.optimizers.schedules.LearningRateSchedule
    share: Share | None = None
