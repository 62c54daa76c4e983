"""Every cell in ONNX: what onnxruntime answers is what Keras' own loops on TensorFlow do."""

import numpy as np
import pytest

from harness.export import tracing
from models.cells import CELLS

pytestmark = [pytest.mark.needs("tf2onnx"), pytest.mark.needs("onnxruntime")]
LENGTHS, STEPS, TAGS = (5, 1, 3), 7, 4


def convert_cells(cells):
    """Return for each cell an ONNX file of two layers of it, an input, and what Keras answers; under TensorFlow."""
    import keras
    from keras import ops

    from harness.export import onnx
    from models.decoding.viterbi import BestPath
    from models.layers.conditional_random_field import ConditionalRandomField
    from models.recurrent import stack_layers
    from tests.models import random_inputs, randomize

    allowed = [[True, True, False, True], *([True, False, True, True],) * TAGS]
    found = {}
    for cell in cells:
        sequences, mask = random_inputs(LENGTHS, STEPS, 6)
        inputs = {"values": keras.Input((None, 6), name="values"), "mask": keras.Input((None,), dtype="bool")}
        states = stack_layers(*inputs.values(), cell=cell, units=5, depth=2, bidirectional=True, longest=20)
        logits = keras.layers.Dense(TAGS, name="logits")(states)
        # Over one of them is a conditional random field.
        scores = ConditionalRandomField(allowed)(logits, inputs["mask"]) if cell == "irnn" else ops.log_softmax(logits)
        path = BestPath(allowed)(scores, inputs["mask"])
        model = randomize(keras.Model(inputs, {"logits": logits, "path": path}))
        given = {"values": sequences, "mask": mask}
        answers = {name: np.asarray(array) for name, array in model.predict_on_batch(given).items()}
        found[cell] = onnx.convert(model, cell), given, answers
    return found


@pytest.fixture(scope="module")
def converted():
    # A cell of a test before this one is not known in the other process.
    cells = [name for name, cell in CELLS.items() if cell.built_in]
    with tracing.tensorflow_process() as call:
        yield call(convert_cells, cells)


def open_file(content, tmp_path):
    from harness.export.onnx import OnnxModel

    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    return OnnxModel(path)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.built_in])
def test_answers_are_those_of_keras_whatever_batch_and_length(cell, converted, tmp_path):
    content, given, answers = converted[cell]
    model = open_file(content, tmp_path)
    found = model.predict_on_batch(given)
    real = given["mask"]
    np.testing.assert_allclose(found["logits"][real], answers["logits"][real], atol=1e-5)
    np.testing.assert_array_equal(found["path"][real], answers["path"][real])
    for row, length in enumerate(LENGTHS):
        alone = {name: array[row : row + 1, :length] for name, array in given.items()}
        found = model.predict_on_batch(alone)
        np.testing.assert_allclose(found["logits"][0], answers["logits"][row, :length], atol=1e-5)
        np.testing.assert_array_equal(found["path"][0], answers["path"][row, :length])


@pytest.mark.slow
@pytest.mark.parametrize("cell, operator", [("simple", "RNN"), ("gru", "GRU"), ("lstm", "LSTM")])
def test_the_three_layers_are_one_operator_each(cell, operator, converted):
    import onnx

    from harness.export.onnx import list_nodes

    kinds = [node.op_type for node in list_nodes(onnx.load_from_string(converted[cell][0]).graph)]
    # Two layers of two directions; the two loops are those of the best path.
    assert kinds.count(operator) == 4 and kinds.count("Loop") == 2


@pytest.mark.slow
def test_batch_and_time_are_variable_and_named(converted, tmp_path):
    model = open_file(converted["gru"][0], tmp_path)
    shapes = {one.name: one.shape for one in (*model.session.get_inputs(), *model.session.get_outputs())}
    assert shapes["mask"] == ["batch", "time"] and shapes["values"] == ["batch", "time", 6]
    assert shapes["logits"] == ["batch", "time", TAGS]


def convert_unknown():
    """Convert a model with an operation that ONNX has not; under TensorFlow."""
    import keras
    import tensorflow

    from harness.export import onnx

    class Odd(keras.layers.Layer):
        def call(self, values):
            return tensorflow.math.igamma(values, values)

    inputs = {"values": keras.Input((3,), name="values")}
    onnx.convert(keras.Model(inputs, {"output": Odd()(inputs["values"])}), "odd")


@pytest.mark.slow
def test_what_onnx_cannot_hold_is_one_message():
    from pipeline.errors import BadInput

    with (
        tracing.tensorflow_process() as call,
        pytest.raises(BadInput, match=r"^--format onnx: it cannot hold .*no operator Igamma; choose another") as raised,
    ):
        call(convert_unknown)
    assert "\n" not in str(raised.value)


def test_packed_weights_are_close_and_a_quarter_as_large(tmp_path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from harness.export.onnx import pack_weights

    weights = np.random.default_rng(0).normal(size=(40, 64)).astype("float32")
    weights[3] *= 100
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 64])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    before = len(model.SerializeToString())
    pack_weights(model.graph)
    onnx.checker.check_model(model)
    assert len(model.SerializeToString()) < 0.32 * before
    found = open_file(model.SerializeToString(), tmp_path).predict_on_batch({"x": np.eye(40, dtype="float32")})["y"]
    # Half a step of each row's own scale.
    steps = np.abs(weights).max(axis=1, keepdims=True) / 127
    assert (np.abs(found - weights) <= 0.51 * steps).all()
