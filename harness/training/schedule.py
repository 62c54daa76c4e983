"""Schedule: for how long a run is trained."""

import math
from dataclasses import dataclass

from pipeline.option import Options

# With --budget best: as many times --steps at the most; the share of --steps without a better score after which the
# learning rate falls; and in which share of the steps up to the best score it does.
MOST, STALL, COOL_DOWN = 10, 0.5, 0.25
# Answers of the validation split, labels or tags say, from which on they decide anything: which epoch is kept, and
# how sure a label is.
FEWEST = 20


@dataclass(frozen=True)
class KnownLength:
    """For how long a run is trained that has no validation; see harness/training/last_run.py.

    epochs: all of them. stable, fall: where the learning rate is told when to fall: after how many epochs, and in how
    many it would reach 0; 0: it does not fall.
    """

    epochs: int
    stable: int = 0
    fall: int = 0


@dataclass(frozen=True)
class Schedule:
    """For how long a run is trained.

    epochs: the most. patience: epochs without a better score after which it ends; where it converges, after which the
    learning rate falls. passes: over the training data in each epoch. steps: training steps in each epoch.
    converges: whether the score says when the learning rate falls; else it falls from the end of the warm-up on.
    keeps_last: whether the last epoch is kept, whatever validation says. known: of a run without validation.
    """

    epochs: int
    patience: int
    passes: int
    steps: int
    converges: bool = False
    keeps_last: bool = False
    known: KnownLength | None = None

    @property
    def last(self) -> int:
        """Return the last epoch, as far as it is known before the training."""
        return self.known.epochs if self.known else self.epochs

    def cool_down(self, best: int) -> int:
        """Return in how many epochs the learning rate falls to 0, where `best` is the best epoch so far."""
        return max(1, round(COOL_DOWN * best))


def is_telling(options: Options, answers: int) -> bool:
    """Return whether anything is decided by so many answers of the validation split.

    By few of them a network that has learned nothing may well be the best: where one of four is wrong, the first epoch
    has the lowest loss.
    """
    return options.keep_epoch == "best" or answers >= FEWEST


def keeps_last(options: Options, answers: int) -> bool:
    """Return whether the last epoch is kept, whatever validation says. answers: of the validation split."""
    if options.keep_epoch == "auto":
        return options.budget == "fast" and not is_telling(options, answers)
    return options.keep_epoch == "last"


def plan_epochs(options: Options, steps: int) -> Schedule:
    """Return for how long to train. steps: those of one pass over the training data.

    Little data is passed over several times in an epoch, so that --steps fit into --most-epochs: what is scored and
    saved after every epoch would take longer than the training.
    """
    if options.epochs:
        passes = options.passes or 1
        return Schedule(options.epochs, options.patience or max(options.epochs // 3, 3), passes, steps * passes)
    passes = options.passes or math.ceil(options.steps / options.most_epochs / steps)
    steps *= passes
    if options.budget == "best":
        stall = max(2, math.ceil(STALL * options.steps / steps))
        epochs = max(round(MOST * options.steps / steps), 3 * stall)
        return Schedule(epochs, options.patience or stall, passes, steps, converges=True)
    epochs = min(max(round(options.steps / steps), 2), options.most_epochs)
    return Schedule(epochs, options.patience or max(epochs // 3, 3), passes, steps)
