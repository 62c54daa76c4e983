"""TensorBoard: Keras' own callback, which writes curves, the model's graph and histograms of its weights."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import BadInput
from pipeline.quiet import import_tensorflow

if TYPE_CHECKING:
    import keras

    from tasks.task import Scores

FOLDER = "tensorboard"


def check_installed() -> None:
    """Raise BadInput, with the pip line, where TensorBoard or what writes its files is missing."""
    for package in ("tensorboard", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            raise BadInput(f"--tensorboard: {package} is not installed; run: pip install -r requirements-watch.txt")


def make_callback(directory: Path, read_scores: Callable[[], "Scores"]) -> "keras.callbacks.Callback":
    """Return a callback that writes event files into the folder tensorboard of a run directory.

    read_scores: returns the validation scores of the epoch that has just ended. TensorFlow writes the files, whatever
    Keras computes with, and is imported here.
    """
    import_tensorflow()
    import keras
    import tensorflow

    if keras.config.backend() != "tensorflow":
        # It writes files, and is to leave the GPU to whoever computes.
        tensorflow.config.set_visible_devices([], "GPU")

    class Curves(keras.callbacks.TensorBoard):
        """Keras' callback, told the scores of the validation split, which is not scored by Keras."""

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            scores = {f"val_{name}": value for name, value in read_scores().items()}
            super().on_epoch_end(epoch, {**(logs or {}), **scores})

    return Curves(directory / FOLDER, histogram_freq=1, write_graph=True, update_freq="epoch", profile_batch=0)
