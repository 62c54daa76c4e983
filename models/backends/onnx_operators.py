"""SimpleRNN, LSTM and GRU as the operators that ONNX has for them: RNN, LSTM and GRU.

A loop of ONNX goes through its operators one by one, some microseconds for each of a dozen per step; these operators
are one call for all steps. tf2onnx, which converts all else, knows them only in graphs of Keras 2. So while TensorFlow
traces a model, `run` puts a marker in the place of the layer, and `HANDLERS` tells tf2onnx what a marker becomes.

The hidden states are in ONNX's order: for a GRU z, r, h as in Keras, for an LSTM i, o, f, c where Keras has i, f, c, o.
A GRU has its reset gate after the product, which is ONNX's `linear_before_reset`.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow

from models.tensor import Tensor

# By how many gates a layer has: the operator, and the place of each of its gates among those of Keras.
OPERATORS = {1: ("RNN", (0,)), 3: ("GRU", (0, 1, 2)), 4: ("LSTM", (0, 3, 1, 2))}
# What TensorFlow calls the operation of a `numpy_function` without a state.
MARKER = "PyFuncStateless"
FLOAT = 1  # the number of ONNX's type


def run(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor | None,
    dropped: Tensor | None,
    zones: list[Tensor] | None,
    library: ctypes.CDLL | None,
) -> tuple[Tensor, list[Tensor]]:
    """See models.backends.Loops. The graph that it makes is to be converted, and cannot be run."""
    assert mask is None and dropped is None and zones is None
    units = weights[1].shape[0]
    time_first = tensorflow.transpose(sequences, (1, 0, 2))
    given = [time_first, *map(tensorflow.convert_to_tensor, weights), *initial]
    h, *last = tensorflow.numpy_function(_refuse, given, [tensorflow.float32] * (1 + len(initial)), stateful=False)
    h = tensorflow.ensure_shape(h, (None, None, units))
    last = [tensorflow.ensure_shape(state, (None, units)) for state in last]
    return tensorflow.transpose(h, (1, 0, 2)), last


def _refuse(*_: np.ndarray) -> None:
    raise NotImplementedError("this graph is made to be converted to ONNX")


def convert_layer(graph: Any, node: Any, name: str, _: list) -> None:
    """Put ONNX's operator in the place of a marker; graph, node: tf2onnx.graph.Graph and Node.

    Raises ValueError where it is not a marker of `run`, or its weights are not constants.
    """
    kernel, recurrent, bias, bias_within = (read_constant(one) for one in node.inputs[1:5])
    units = recurrent.shape[0]
    operator, order = OPERATORS[kernel.shape[1] // units]

    def arrange(weight: np.ndarray) -> np.ndarray:
        gates = np.split(weight, len(order), axis=-1)
        return np.concatenate([gates[place] for place in order], axis=-1).astype("float32")

    def hold(label: str, value: np.ndarray) -> str:
        return graph.make_const(f"{name}_{label}", value).output[0]

    # The first axis of each is that of the directions, of which there is one.
    weights = [
        hold("W", arrange(kernel).T[None]),
        hold("R", arrange(recurrent).T[None]),
        hold("B", np.concatenate([arrange(bias), arrange(bias_within)])[None]),
    ]
    direction, after_time = hold("direction", np.array([0], "int64")), hold("after_time", np.array([1], "int64"))
    sequences, outputs = node.input[0], list(node.output)
    initial = [
        "" if is_zero(before) else graph.make_node("Unsqueeze", [one, direction]).output[0]
        for one, before in zip(node.input[5:], node.inputs[5:], strict=True)
    ]
    graph.remove_node(node.name)
    settings = {"hidden_size": units} | ({"linear_before_reset": 1} if operator == "GRU" else {})
    # Between them: the lengths of the sequences. Nothing that comes before the padding sees it.
    found = graph.make_node(
        operator,
        [sequences, *weights, "", *initial],
        attr=settings,
        output_count=len(outputs),
        dtypes=[FLOAT] * len(outputs),
        name=f"{name}_{operator}",
    )
    for one, output in zip(found.output, outputs, strict=True):
        whole = output == outputs[0]
        graph.make_node(
            "Squeeze",
            [one, after_time if whole else direction],
            outputs=[output],
            dtypes=[FLOAT],
            shapes=[[-1, -1, units] if whole else [-1, units]],
        )


def read_constant(node: Any) -> np.ndarray:
    """Return the value of a node that is a constant; ValueError if it is none."""
    while node.type == "Identity":
        node = node.inputs[0]
    if not node.is_const():
        raise ValueError(f"{node.name}: a numpy_function, which ONNX has not")
    return node.get_tensor_value(as_list=False)


def is_zero(node: Any) -> bool:
    """Return whether a node is an array of zeros, such as the hidden states before the first step."""
    filled = {"Fill": 1, "Expand": 0}.get(node.type)
    if filled is None or not node.inputs[filled].is_const():
        return False
    return not node.inputs[filled].get_tensor_value(as_list=False).any()


def convert_where(graph: Any, node: Any, name: str, _: list) -> None:
    """Convert a choice between two arrays to ONNX's own. tf2onnx multiplies and adds: what is infinite spreads."""
    inputs, (output,) = node.input, node.output
    types, shapes = [graph.get_dtype(output)], [graph.get_shape(output)]
    graph.remove_node(node.name)
    graph.make_node("Where", inputs, outputs=[output], dtypes=types, shapes=shapes)


def convert_log1p(graph: Any, node: Any, name: str, _: list) -> None:
    """Write log(1 + x), which ONNX has no operator for, out."""
    (given,), (output,), shapes = node.input, node.output, node.output_shapes
    one = graph.make_const(f"{name}_one", np.array(1, "float32")).output[0]
    graph.remove_node(node.name)
    more = graph.make_node("Add", [given, one])
    graph.make_node("Log", [more.output[0]], outputs=[output], dtypes=[FLOAT], shapes=shapes)


# As tf2onnx takes them: by the name of TensorFlow's operation, with arguments that there are none of.
HANDLERS: dict[str, tuple[Callable, list]] = {
    MARKER: (convert_layer, []),
    "Log1p": (convert_log1p, []),
    "SelectV2": (convert_where, []),
}
