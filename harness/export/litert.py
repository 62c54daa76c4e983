"""LiteRT, once TensorFlow Lite: for telephones and small devices. One input at a time.

Its loops hold tensors of known sizes: those of a batch are not known, so a model takes one input. The time axis is
variable, but for a decoder that attends to its input; such a model has one length (--length), and shorter inputs are
padded to it.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from harness.export import tracing
from harness.export.format import Arrays, Format, Subject, refuse
from pipeline import files
from pipeline.errors import BadInput

WORDS = ("words", "characters", "shapes", "prefixes", "suffixes", "ngrams")
TIMED = ("mask", *WORDS, "values", "observed", "time", "frames")


class LiteModel:
    """A model.tflite in LiteRT, which answers one row after the other. length: that of its inputs; None: any."""

    def __init__(self, path: Path, length: int | None = None):
        from ai_edge_litert.interpreter import Interpreter

        try:
            self.answer = Interpreter(model_path=os.fspath(path)).get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise refuse("litert", error) from error
        self.input = self.answer.get_input_details()
        self.length = length

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        rows = []
        for number in range(len(next(iter(inputs.values())))):
            row = {name: array[number : number + 1] for name, array in inputs.items()}
            rows.append(self.answer(**(pad(row, self.length) if self.length else row)))
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def pad(row: Arrays, length: int) -> Arrays:
    """Return one input with every time axis filled up, or cut where all beyond is padding; BadInput if it is longer."""
    steps = int(row["mask"].sum())
    if steps > length:
        raise BadInput(f"the input has {steps} steps, and the model was exported with --length {length}")
    padded = {}
    for name, array in row.items():
        if name in TIMED or name.startswith("column_"):
            new = np.zeros((1, length, *array.shape[2:]), array.dtype)
            new[:, :steps] = array[:, :steps]
            array = new
        padded[name] = array
    return padded


def write(subject: Subject, path: Path) -> None:
    """Write a run's model for LiteRT. BadInput where LiteRT has no operation for a part, or needs a fixed length."""
    with tracing.tensorflow_process() as call:
        path.write_bytes(call(convert, subject, False))


def quantize(subject: Subject, _: Path, target: Path) -> None:
    """Write the model with weights of 8 bits, and products of integers: the converter's dynamic range quantization."""
    with tracing.tensorflow_process() as call:
        target.write_bytes(call(convert, subject, True))


def convert(subject: Subject, small: bool) -> bytes:
    """Return the file of a run; called in the process of TensorFlow. small: with weights of 8 bits."""
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    advice = "" if subject.length else "a loop in it holds tensors of known sizes only: give --length N"
    model = tracing.open_model(subject)
    try:
        traced = tracing.trace(model, length=subject.length, batch=1)
        concrete = traced.function.get_concrete_function()
        # A loop in LiteRT sees no variables. The public way there, from a SavedModel, leaves them.
        frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
        names = sorted(concrete.structured_outputs)
        order = [tensor.name.partition(":")[0] for tensor in frozen.inputs]

        def answer(**arrays: Any) -> dict[str, Any]:
            return dict(zip(names, frozen(*(arrays[name] for name in order)), strict=True))

        module = tensorflow.Module()
        module.answer = tensorflow.function(answer, autograph=False)
        signature = module.answer.get_concrete_function(**traced.signature)
        with files.temporary_folder() as folder:
            tensorflow.saved_model.save(module, str(folder), signatures={"serving_default": signature})
            converter = tensorflow.lite.TFLiteConverter.from_saved_model(str(folder))
            converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS]
            if small:
                converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
            return converter.convert()
    # Whatever a graph that it does not know makes TensorFlow or the converter raise.
    except Exception as error:
        raise refuse("litert", explain(error), advice) from error


def explain(error: Exception) -> str:
    """Return why a graph could not be converted, in one line: the converter writes its reasons after the graph."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any("enters the loop with shape" in line for line in lines):
        return "what it computes has another size after each step of a loop"
    for sign in ("TF Select ops:", "Custom ops:", "error:"):
        for line in lines:
            if sign in line:
                return line[line.index(sign) :]
    return lines[0] if lines else type(error).__name__


RUN = """
serve = Interpreter(model_path=str(folder / "model.tflite")).get_signature_runner()
shapes = {name: detail["shape_signature"] for name, detail in serve.get_input_details().items()}


def run(inputs):
    asked = {}
    for name, shape in shapes.items():
        wanted = [have if want == -1 else want for want, have in zip(shape, inputs[name].shape)]
        asked[name] = np.zeros(wanted, inputs[name].dtype)
        asked[name][:, : inputs[name].shape[1]] = inputs[name]
    return serve(**asked)
"""

FORMAT = Format(
    "litert",
    "LiteRT (TensorFlow Lite)",
    "model.tflite",
    ("ai_edge_litert",),
    write,
    lambda path, subject: LiteModel(path, subject.length),
    quantize=quantize,
    fixed=True,
    run=RUN,
)
