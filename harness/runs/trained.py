"""A trained run, opened: an experiment with its model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from harness import runs
from harness.calibration import read_temperature
from harness.evaluate import Scorer
from harness.experiment import Experiment
from harness.process import backend
from harness.runs import model_file
from models.calibration import can_calibrate, divide_logits
from models.decoding.with_loss import with_loss
from pipeline.errors import BadInput


@dataclass(frozen=True)
class Trained:
    """An experiment with its best model, which gives logits; of a run that is opened, calibrated ones.

    decoder: gives decoded answers. scorer: measures them, with a decoder that gives their loss too.
    """

    experiment: Experiment
    model: keras.Model
    decoder: keras.Model
    scorer: Scorer


def open_model(experiment: Experiment) -> Trained:
    """Return a run with its best model, compiled.

    Raises BadInput if there is no model yet, or if its file is damaged or of another run.
    """
    directory, options = experiment.directory, experiment.options
    try:
        with backend.shapes_only(options.seed, options.precision):
            expected = experiment.build()
        trained = load_model(experiment)
    except BadInput:
        raise
    # Where options or fields make no model, Keras may raise anything.
    except Exception as error:
        raise BadInput(
            f"{directory}: config.json and fields/ make no model ({error!s:.200}); {runs.RESTORE}"
        ) from error
    shapes, found = ([weight.shape for weight in model.weights] for model in (expected, trained.model))
    if shapes != found:
        raise BadInput(f"{directory}: best.keras is not the model of config.json and fields/; {runs.RESTORE}")
    return trained


def load_model(experiment: Experiment) -> Trained:
    """Return a run with its best model, compiled, without a look at whether it fits the options; see `open_model`."""
    # The family's module holds the layers that the file refers to.
    loss = experiment.loss()
    with opening(experiment) as path:
        model = model_file.load(path)
    model.compile(loss=loss)
    divide_logits(model, read_temperature(experiment.directory))
    return connect(experiment, model)


def connect(experiment: Experiment, model: keras.Model) -> Trained:
    """Return an experiment with a compiled model, and what decodes and scores its answers."""
    decoder = experiment.decode(model)
    measuring = with_loss(model, decoder, experiment.output_field, experiment.measures())
    if can_calibrate(model, experiment.output_field):
        measuring = keras.Model(measuring.input, {**measuring.output, "logits": model.output})
    return Trained(experiment, model, decoder=decoder, scorer=Scorer(experiment, model, measuring))


def take_best(trained: Trained) -> None:
    """Give a model the weights of the best epoch, from its file; BadInput if that is missing or damaged.

    What has been compiled for the model serves it still.
    """
    with opening(trained.experiment) as path:
        model_file.load_weights(trained.model, path)


@contextmanager
def opening(experiment: Experiment) -> Iterator[Path]:
    """Give the path of a run's model; say of which file a BadInput raised inside is, and raise one if there is none."""
    path = experiment.directory / "best.keras"
    if not path.exists():
        raise BadInput(
            f"{experiment.directory}: no trained model yet (best.keras is missing); run the same train command again"
        )
    try:
        if not path.is_file():
            raise BadInput("it is no file")
        yield path
    except BadInput as error:
        raise BadInput(
            f"{path}: the model cannot be loaded: {error}; restore the file, or train again with --fresh"
        ) from error
