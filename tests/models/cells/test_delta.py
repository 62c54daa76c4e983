"""The cell delta in chunks, against its recurrence step by step in NumPy, over several chunks."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from models.cells import delta
from models.cells.counting import explain_delta
from models.recurrent import CELLS, stack_layers
from models.streaming import Step
from tests.models import numpy, options, randomize
from tests.models.cells.test_parallel_rnn import FEATURES, UNITS, refer

STEPS = 2 * delta.CHUNK + 8
NOISE = np.random.default_rng(4).normal(size=(3, STEPS, FEATURES)).astype("float32")
# The padding begins within a chunk, and between two.
MASK = np.arange(STEPS) < np.array([[delta.CHUNK + 5], [2 * delta.CHUNK], [STEPS]])


@pytest.fixture(scope="module", params=["delta", "delta, signed"])
def reference(request):
    return request.param


@pytest.fixture(scope="module")
def layer(reference):
    return make(signed="signed" in reference)


def make(**given):
    layer = CELLS["delta"](UNITS, return_sequences=True, return_state=True, **given)
    layer.build((None, None, FEATURES))
    return randomize(layer)


def zeros(layer):
    return [np.zeros((3, size)) for size in layer.cell.state_size]


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
def test_several_chunks_are_the_recurrence(layer, reference, mask):
    outputs, states = refer(reference, layer, NOISE, zeros(layer), mask)
    found = layer(NOISE, mask=None if mask is None else ops.convert_to_tensor(mask))
    for one, other in zip(found, [outputs, *states], strict=True):
        np.testing.assert_allclose(numpy(one), other, atol=1e-4)


def test_states_carry_on_from_a_part_to_the_next(layer):
    whole, *last = layer(NOISE)
    first, *states = layer(NOISE[:, : STEPS // 2])
    second, *states = layer(NOISE[:, STEPS // 2 :], initial_state=states)
    np.testing.assert_allclose(np.concatenate([numpy(first), numpy(second)], axis=1), numpy(whole), atol=1e-5)
    for one, other in zip(states, last, strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)


def test_one_input_again_and_again_loses_no_digits(layer, reference):
    """All keys of a chunk are the same, and each replaces the value wholly: the series of powers would reach 10^8."""
    triangle = np.tril(np.ones((delta.CHUNK, delta.CHUNK), "float32"), -1)
    inverse = np.eye(delta.CHUNK) - np.eye(delta.CHUNK, k=-1)
    np.testing.assert_allclose(numpy(delta.invert(ops.convert_to_tensor(triangle))), inverse, atol=1e-5)
    same = np.repeat(50 * NOISE[:, :1], STEPS, axis=1)
    outputs, _ = refer(reference, layer, same, zeros(layer))
    np.testing.assert_allclose(numpy(layer(same)[0]), outputs, rtol=1e-3, atol=1e-4)


def test_without_gates_nothing_is_forgotten_and_no_output_is_let_through_less():
    """DeltaNet: with orthogonal keys that are replaced wholly, the memory answers each key with its value."""
    cell = delta.DeltaCell(6, heads=2, gates=False)
    cell.build((None, FEATURES))
    names = [weight.path.split("/")[-1] for weight in cell.weights]
    assert names == ["kernel", "convolution", "scale", "output_kernel"]
    keys = np.tile(np.eye(3, dtype="float32")[None, :, None], (1, 1, 2, 1))
    values = np.random.default_rng(0).normal(size=(1, 3, 2, 3)).astype("float32")
    read, last = cell.run_chunks(
        *map(ops.convert_to_tensor, (keys, keys, values)),
        decay=ops.zeros((1, 3, 2)),
        replaced=ops.ones((1, 3, 2)),
        first=ops.zeros((1, 2, 3, 3)),
    )
    np.testing.assert_allclose(numpy(read), values, atol=1e-6)
    np.testing.assert_allclose(numpy(last), values.swapaxes(1, 2), atol=1e-6)
    # A second time, the second key gets another value: the old one is gone, the others stay.
    read, last = cell.run_chunks(
        *map(ops.convert_to_tensor, (keys[:, 1:2], keys[:, 1:2], 5 * values[:, :1])),
        decay=ops.zeros((1, 1, 2)),
        replaced=ops.ones((1, 1, 2)),
        first=last,
    )
    expected = values.swapaxes(1, 2).copy()
    expected[:, :, 1] = 5 * values[:, 0]
    np.testing.assert_allclose(numpy(last), expected, atol=1e-5)


def test_a_stream_without_gates_is_answered_as_the_whole():
    inputs, mask = keras.Input((None, FEATURES), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    states = stack_layers(inputs, mask, cell="delta", units=UNITS, options=options(gates=False, heads=2))
    model = randomize(keras.Model({"frames": inputs, "mask": mask}, {"output": states}))
    step = Step(model)
    found = [step({"frames": NOISE[:1, n : n + 1], "mask": np.ones((1, 1), bool)})["output"][0] for n in range(9)]
    whole = numpy(model({"frames": NOISE[:1], "mask": np.ones((1, STEPS), bool)})["output"])
    np.testing.assert_allclose(np.concatenate(found), whole[0, :9], atol=1e-5)


def reflect(angles):
    """Return what a memory of two numbers, 1 and 0, is after each step that reflects it; angles: of the keys."""
    count = len(angles)
    keys = np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype("float32")[None, :, None]
    cell = delta.DeltaCell(2, heads=1, gates=False, signed=True)
    # The memory's first column is the state, which is read by either of its rows.
    first = ops.convert_to_tensor(np.array([[[[1, 0], [0, 0]]]], "float32"))
    nothing, all_of_it = ops.zeros((1, count, 1)), 2 * ops.ones((1, count, 1))
    found = []
    for row in np.eye(2, dtype="float32"):
        asked = ops.convert_to_tensor(np.tile(row, (1, count, 1, 1)))
        told = cell.run_chunks(
            asked, ops.convert_to_tensor(keys), ops.zeros((1, count, 1, 2)), decay=nothing, replaced=all_of_it,
            first=first,
        )[0]  # fmt: skip
        found.append(numpy(told)[0, :, 0, 0])
    return np.stack(found, axis=-1)


def test_equal_reflections_count_modulo_two_and_alternating_ones_modulo_three():
    """Grazzi et al. 2024, theorem 6: two reflections at an angle of 60 degrees are a rotation by 120."""
    steps = np.arange(600)
    np.testing.assert_allclose(reflect(np.zeros(600))[:, 0], 1 - 2.0 * (steps % 2 == 0), atol=1e-4)
    turned = reflect(np.where(steps % 2, np.pi / 3, 0))[1::2]
    places = 2 * np.pi / 3 * (1 + np.arange(300))
    np.testing.assert_allclose(turned, np.stack([np.cos(places), np.sin(places)], axis=-1), atol=1e-3)


def test_what_delta_cannot_count_is_said_with_what_can():
    def explain(modulus, **given):
        return explain_delta(SimpleNamespace(**{"signed": False, "layers": 1, **given}), modulus)

    assert explain(2).endswith("--signed can") and explain(3).endswith("--signed --layers 2 can")
    assert explain(2, signed=True) is None and explain(3, signed=True, layers=2) is None
    assert explain(3, signed=True).endswith("--layers 2 can")
