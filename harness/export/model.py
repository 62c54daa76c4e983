"""The model that is exported: from a run's arrays to its decoded answers, and the numbers that they come from."""

import keras

from harness.calibration import read_temperature
from harness.experiment import Experiment
from harness.runs import model_file
from harness.runs.trained import Trained, connect, open_model, opening
from models.calibration import divide_logits
from models.layers.carry import stop_carrying
from models.layers.conditional_random_field import score_steps


def open_in_float32(experiment: Experiment) -> Trained:
    """Return a run with its best model; what was trained in mixed precision computes in float32.

    Raises BadInput as `harness.runs.trained.open_model`.
    """
    if experiment.options.precision == "float32":
        return open_model(experiment)
    # The file says in which precision each layer computes.
    keras.config.set_dtype_policy("float32")
    model = experiment.build()
    with opening(experiment) as path:
        model_file.load_weights(model, path)
    divide_logits(model, read_temperature(experiment.directory))
    model.compile(loss=experiment.loss())
    return connect(experiment, model)


def assemble(trained: Trained) -> keras.Model:
    """Return a model from the decoder's arrays to its answers and, where one pass computes both, their "logits"."""
    # A program that calls it may ask about any text at any time.
    stop_carrying(trained.model)
    decoder = trained.decoder
    if set(trained.model.layers) <= set(decoder.layers):
        return keras.Model(decoder.input, {**decoder.output, "logits": score_steps(trained.model.output)})
    return decoder
