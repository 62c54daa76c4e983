"""Schedule: for how long a run is trained."""

from pipeline.batches.bucketing import Batches
from pipeline.option import Options


def plan_epochs(options: Options, batches: Batches) -> tuple[int, int]:
    """Return the most epochs, and after how many without a better score to stop. batches: those of training."""
    epochs = options.epochs or min(max(round(options.steps / len(batches.plan())), 2), 30)
    return epochs, options.patience or max(epochs // 3, 3)
