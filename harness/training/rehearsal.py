"""Rehearsal: a model with a cell of the user's own takes one step, is saved and loaded, before a run is trained.

What Keras cannot load again would otherwise be found when the training is over, and lost.
"""

import sys
import traceback

import keras
import numpy as np

from harness.experiment import Experiment
from harness.process import backend
from harness.runs import model_file
from models.cells import CELLS
from models.layers.block import ENTRY
from pipeline import files
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.option import Options

CURE = (
    "Its class, and every function that it is given, needs @keras.saving.register_keras_serializable() above it, and "
    "the class a get_config() that returns all arguments of __init__"
)


def rehearse(experiment: Experiment, batches: Batches) -> None:
    """Do so with the model of a run; where its cell and its family are this suite's own, do nothing.

    batches: of the first, two examples are trained on, and the loaded model is compared by them.
    Raises BadInput for a model that cannot be trained or loaded, or that computes something else once it is loaded.
    """
    options, module = experiment.options, experiment.task.family.module
    if CELLS[options.cell].built_in and module.startswith("models."):
        return
    subject = module if CELLS[options.cell].built_in else f"--cell {options.cell}"
    backend.reset(options.seed, options.precision)
    length, members, _ = batches.plan()[0]
    inputs, outputs, weights = batches.draw(length, members[:2], real=len(members[:2]))
    try:
        model = experiment.build()
        # A search goes one step at a time, which training does not.
        experiment.decode(model)
        inputs = {name: inputs[name] for name in model.input}
        model.compile(keras.optimizers.Adam(options.learning_rate), loss=experiment.loss())
        model.train_on_batch(inputs, outputs, sample_weight=weights)
        answer = np.asarray(model.predict_on_batch(inputs))
    except Exception as error:
        if backend.describe_out_of_memory(error):
            raise
        reason = f"{type(error).__name__}: {model_file.explain(error)}"
        raise BadInput(f"{find_line(error, options)}{subject}: no model can be trained with it: {reason}") from error
    if options.as_dict().get("block") and not {ENTRY, "decoder"} & {layer.name for layer in model.layers}:
        raise BadInput(
            f"--block: the models of {module} have no blocks; hand block=options.block on to stack_layers there, or "
            "leave the option out"
        )
    with files.temporary_folder() as folder:
        path = folder / "model.keras"
        try:
            model.save(path)
            loaded = model_file.load(path)
        except Exception as error:
            if backend.describe_out_of_memory(error):
                raise
            reason = str(error) if isinstance(error, BadInput) else model_file.explain(error)
            raise BadInput(
                f"{subject}: a model with it cannot be saved and loaded again, so nothing has been trained: {reason}. "
                f"{CURE}"
            ) from error
    if not np.allclose(answer, loaded.predict_on_batch(inputs), rtol=1e-3, atol=1e-3, equal_nan=True):
        raise BadInput(
            f"{subject}: a model with it, saved and loaded again, computes something else, so nothing has been "
            f"trained: what it computes with must be a weight (add_weight), or an argument of __init__. {CURE}"
        )


def find_line(error: BaseException, options: Options) -> str:
    """Return "FILE:LINE: " of the file that defines the cell, where the error went through it."""
    path = vars(sys.modules[CELLS[options.cell].module]).get("__file__")
    lines: list[int | None] = []
    # Keras raises an error of its own after one in a layer.
    within: BaseException | None = error
    while within and not lines:
        lines = [frame.lineno for frame in traceback.extract_tb(within.__traceback__) if frame.filename == path]
        within = within.__context__
    return f"{path}:{lines[-1]}: " if lines else ""
