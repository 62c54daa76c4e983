"""OpenVINO, from the SavedModel: it reads the loops of TensorFlow, and not those that tf2onnx makes of them."""

import sys
from pathlib import Path
from types import ModuleType

from harness.export import saved_model
from harness.export.format import Arrays, Format, Subject, refuse
from pipeline import files


def import_openvino() -> ModuleType:
    """Return OpenVINO without its telemetry, which starts a process that reports to Intel."""
    # What is None here counts as not installed.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenvinoModel:
    """A model.xml, with model.bin beside it, on the CPU."""

    def __init__(self, path: Path):
        openvino = import_openvino()
        # As exact as the model was trained: some processors would compute in 16 bits.
        try:
            self.model = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        # Those of its own have no common class but this.
        except Exception as error:
            raise refuse("openvino", error) from error
        self.input = {one.get_any_name(): one for one in self.model.inputs}

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        found = self.model(inputs)
        return {one.get_any_name(): found[one] for one in self.model.outputs}


def write(subject: Subject, path: Path) -> None:
    """Write a run's model as model.xml and model.bin. BadInput where OpenVINO cannot read it."""
    openvino = import_openvino()
    with files.temporary_folder() as folder:
        saved_model.write(subject, folder / "saved_model")
        try:
            model = openvino.Core().read_model(folder / "saved_model")
        except Exception as error:
            raise refuse("openvino", error) from error
        openvino.save_model(model, path, compress_to_fp16=False)


RUN = """
model = openvino.compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def run(inputs):
    found = model({one.get_any_name(): inputs[one.get_any_name()] for one in model.inputs})
    return {one.get_any_name(): found[one] for one in model.outputs}
"""

FORMAT = Format(
    "openvino",
    "OpenVINO",
    "model.xml",
    ("tensorflow", "openvino"),
    write,
    lambda path, subject: OpenvinoModel(path),
    run=RUN,
)
