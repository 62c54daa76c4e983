"""Pretraining: the first layers of a new run learn the language of its training texts; see models/pretraining.py.

Its state is kept after each epoch, so that a run that is stopped here goes on here, and ends with the same weights.
"""

import time
from functools import partial
from pathlib import Path

import keras
import numpy as np

from harness import runs
from harness.experiment import Experiment
from harness.process.console import doing, say
from harness.training.divergence import Divergence
from harness.training.epochs import Epochs
from harness.training.learning_rate import make_rate
from harness.training.optimizer import make_optimizer
from harness.training.schedule import Schedule
from harness.training.variables import save_variables, take_up
from models import pretraining
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput

NAME = "pretraining.npz"


def pretrain(experiment: Experiment, model: keras.Model, batches: Batches) -> float:
    """Train a language model with the first layers of a run's model, for as many epochs as its options say.

    Returns the seconds that it took. Raises BadInput for a model that has no such layers, and where it diverges.
    """
    options = experiment.options
    started, path, epochs = time.perf_counter(), experiment.directory / NAME, int(options.pretrain)
    learner = pretraining.build(model, options)
    rate = make_rate(options, Schedule(epochs, patience=epochs, passes=1, steps=len(batches.plan())))
    # No averages, and all words' vectors: the projection onto them is theirs too.
    learner.compile(optimizer=make_optimizer(options.replace(ema_decay=0.0, lazy_embeddings=False), rate, rows=0))
    learner.optimizer.build(learner.trainable_variables)
    divergence = Divergence(
        options, steps=len(batches.plan()), rate=rate, describe_kept=lambda: "It had not come to its task yet."
    )
    for epoch in range(restore(learner, path), epochs):
        began = time.perf_counter()
        with doing(f"pretraining: epoch {epoch + 1} of {epochs}"):
            kept = fit_epoch(learner, Epochs(batches, epoch), epoch, divergence)
        loss = float(kept.history["loss"][-1])
        runs.write(path, partial(save_variables, model=learner, epochs=np.array(epoch + 1)))
        say(f"pretraining {epoch + 1}/{epochs}  {loss:.4f} nats per word  {time.perf_counter() - began:.1f} s")
    return time.perf_counter() - started


def fit_epoch(learner: keras.Model, data: Epochs, epoch: int, divergence: Divergence) -> keras.callbacks.History:
    """Train an epoch; BadInput, with the step, where it diverges."""
    try:
        return learner.fit(
            data, initial_epoch=epoch, epochs=epoch + 1, callbacks=[divergence], shuffle=False, verbose=0
        )
    except BadInput as error:
        raise BadInput(f"--pretrain: {error}") from None


def restore(learner: keras.Model, path: Path) -> int:
    """Take up the state of pretraining that was stopped, and return how many epochs were done; 0 where there is none.

    Raises BadInput if the file is damaged.
    """
    if not path.exists():
        return 0
    try:
        with np.load(path, allow_pickle=False) as saved:
            take_up(saved, learner)
            return int(saved["epochs"])
    # A damaged file may make zipfile, zlib, NumPy or Keras raise anything.
    except Exception as error:
        raise BadInput(f"{path}: the file is damaged ({error}); start over with --fresh") from None
