"""ONNX, by tf2onnx; run by onnxruntime. Its own RNN, LSTM and GRU operators: models/backends/onnx_operators.py."""

import logging
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.export import tracing
from harness.export.format import Arrays, Format, Subject, refuse

# The latest that tf2onnx writes, and every onnxruntime of the last years reads.
OPSET = 18
# An array of fewer numbers is not worth its scales.
FEWEST = 1024


class OnnxModel:
    """A model.onnx in onnxruntime, on the CPU. threads: that one operator may use; None: as many as there are cores."""

    def __init__(self, path: Path, threads: int | None = None):
        """Raises BadInput where onnxruntime cannot open the file."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        # Those of onnxruntime have no common class but this.
        except Exception as error:
            raise refuse("onnx", error) from error
        self.input = {one.name: one for one in self.session.get_inputs()}
        self.names = [one.name for one in self.session.get_outputs()]

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        return dict(zip(self.names, self.session.run(self.names, inputs), strict=True))


def write(subject: Subject, path: Path) -> None:
    """Write a run's model as ONNX: batch and length are variable. BadInput where ONNX has no operator for a part."""
    with tracing.tensorflow_process() as call:
        path.write_bytes(call(convert_run, subject))


def convert_run(subject: Subject) -> bytes:
    """Return the ONNX file of a run; called in the process of TensorFlow."""
    return convert(tracing.open_model(subject), f"the run {subject.directory}")


def convert(model: Any, about: str) -> bytes:
    """Return a Keras model on TensorFlow as an ONNX file. about: what it is, for those who read the file."""
    import onnx
    import tf2onnx

    from models import backends
    from models.backends import onnx_operators

    logging.disable(logging.CRITICAL)
    traced = tracing.trace(model, inside=partial(backends.replacing, sys.modules[onnx_operators.__name__]))
    try:
        converted, _ = tf2onnx.convert.from_function(
            traced.function,
            list(traced.signature.values()),
            opset=OPSET,
            custom_op_handlers=dict(onnx_operators.HANDLERS),
        )
    # Whatever a graph that it does not know makes it raise.
    except Exception as error:
        raise refuse("onnx", error) from error
    unknown = sorted({node.op_type for node in list_nodes(converted.graph) if not onnx.defs.has(node.op_type)})
    if unknown:
        raise refuse("onnx", f"ONNX has no operator {', '.join(unknown)}", "choose another format, or another --cell")
    for kind in (converted.graph.input, converted.graph.output):
        for one in kind:
            name_axes(one)
    converted.producer_name, converted.doc_string = "Unrolled", about
    return converted.SerializeToString()


def name_axes(value: Any) -> None:
    """Name the first axis of an input or output of a graph "batch", and the second, where it is variable, "time"."""
    for axis, dimension in zip(("batch", "time"), value.type.tensor_type.shape.dim, strict=False):
        if not dimension.HasField("dim_value"):
            dimension.dim_param = axis


def list_nodes(graph: Any) -> Iterator[Any]:
    """Yield all nodes of an onnx.GraphProto, those of the bodies of its loops too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from list_nodes(attribute.g)


def quantize(subject: Subject, path: Path, target: Path) -> None:
    """Write the model at `path` to `target` with weights of 8 bits.

    onnxruntime's dynamic quantization does the products, the embeddings and the LSTM. It leaves those of GRU and RNN,
    and of convolutions, which onnxruntime has no products of integers for: their weights are kept in 8 bits, one scale
    for each row, and become float32 when the file is opened.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(
            path, target, per_channel=True, weight_type=QuantType.QInt8, extra_options={"EnableSubgraph": True}
        )
    finally:
        root.setLevel(before)
    model = onnx.load(target)
    pack_weights(model.graph)
    onnx.save(model, target)


def pack_weights(graph: Any) -> None:
    """Keep each large array of float32 in 8 bits, symmetrically, with a scale for each of its rows."""
    from onnx import helper, numpy_helper

    nodes = []
    for weight in list(graph.initializer):
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < FEWEST or array.ndim < 2:
            continue
        # Of a recurrent layer (1, gates x units, features), else (rows, ...).
        axis = 1 if array.shape[0] == 1 else 0
        others = tuple(other for other in range(array.ndim) if other != axis)
        scale = np.maximum(np.abs(array).max(axis=others), 1e-12) / 127
        shape = [1] * array.ndim
        shape[axis] = -1
        packed = np.rint(array / scale.reshape(shape)).astype("int8")
        graph.initializer.remove(weight)
        names = f"{weight.name}_int8", f"{weight.name}_scale", f"{weight.name}_zero"
        zero = np.zeros(len(scale), "int8")
        for name, value in zip(names, (packed, scale.astype("float32"), zero), strict=True):
            graph.initializer.append(numpy_helper.from_array(value, name))
        nodes.append(helper.make_node("DequantizeLinear", list(names), [weight.name], axis=axis))
    for node in reversed(nodes):
        graph.node.insert(0, node)


RUN = """
options = onnxruntime.SessionOptions()
# A sentence is too little work to share.
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "model.onnx", options)


def run(inputs):
    names = [one.name for one in session.get_outputs()]
    asked = {one.name: inputs[one.name] for one in session.get_inputs()}
    return dict(zip(names, session.run(names, asked)))
"""

FORMAT = Format(
    "onnx",
    "ONNX",
    "model.onnx",
    ("onnx", "tf2onnx", "onnxruntime"),
    write,
    lambda path, subject: OnnxModel(path),
    quantize=quantize,
    run=RUN,
)
