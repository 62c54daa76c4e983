"""Schedule: for how long a run is trained."""

from pipeline.option import Options


def plan_epochs(options: Options, steps: int) -> tuple[int, int]:
    """Return the most epochs, and after how many without a better score to stop. steps: training steps per epoch."""
    epochs = options.epochs or min(max(round(options.steps / steps), 2), options.most_epochs)
    return epochs, options.patience or max(epochs // 3, 3)
