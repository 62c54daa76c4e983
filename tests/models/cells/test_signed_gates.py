"""Gates from -1 to 1, against their formula, step by step in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from models.cells import CELLS, linear_rnn
from models.cells.counting import explain_gates
from models.cells.parallel_rnn import ParallelRNN
from tests.models import numpy, randomize
from tests.models.cells.test_cells import HOLES, differentiate
from tests.models.cells.test_parallel_rnn import FEATURES, NOISE, STEPS, UNITS, draw_states, sigmoid, weights_of

SIGNED = ("mingru", "minlstm")
SCANS = [linear_rnn.scan_in_parallel, linear_rnn.scan_in_steps]


def make(cell: str, **given: object) -> keras.layers.RNN:
    layer = CELLS[cell](UNITS, signed=True, **{"return_sequences": True, "return_state": True, **given})
    layer.build((None, None, FEATURES))
    randomize(layer)
    # Some gates at both ends, most between them.
    layer.set_weights([2 * weight for weight in layer.get_weights()])
    return layer


def step(cell: str, w: dict, x: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the next state and the gate of the step."""
    if cell == "mingru":
        keep, new = np.split(x @ w["kernel"], 2, axis=1)
        share = sigmoid(keep + w["keep_bias"])
    else:
        forget, let, new = np.split(x @ w["kernel"], 3, axis=1)
        f, i = sigmoid(forget + w["forget_bias"]), sigmoid(let + w["input_bias"])
        share = f / (f + i)
    gate = np.clip(1.2 * (2 * share - 1), -1, 1)
    return gate * state + (1 - gate) / 2 * (new + w["bias"]), gate


@pytest.mark.parametrize("cell", SIGNED)
@pytest.mark.parametrize("mask", [None, HOLES], ids=["no mask", "holes"])
def test_outputs_and_states_are_those_of_the_formula(cell: str, mask: np.ndarray | None) -> None:
    layer = make(cell)
    states, weights = draw_states(layer), weights_of(layer)
    found, last = layer(NOISE, mask=None if mask is None else ops.convert_to_tensor(mask), initial_state=states)
    state, output, gates = states[0].astype("float64"), np.zeros((3, UNITS)), []
    for place in range(STEPS):
        inside = np.ones((3, 1), bool) if mask is None else mask[:, place, None]
        after, gate = step(cell, weights, NOISE[:, place].astype("float64"), state)
        state, output = np.where(inside, after, state), np.where(inside, after, output)
        gates.append(gate)
        np.testing.assert_allclose(numpy(found)[:, place], output, atol=1e-5)
    np.testing.assert_allclose(numpy(last), state, atol=1e-5)
    assert np.min(gates) == -1 and np.max(gates) == 1 and np.abs(gates).min() < 0.5


@pytest.mark.parametrize("cell", SIGNED)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in steps"])
def test_gradients_are_those_of_the_loop_of_keras(cell: str, at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_rnn, "_is_wide", lambda: at_once)
    layer = make(cell)
    states = draw_states(layer)
    found = differentiate(layer, NOISE, states, None, False)[1]
    monkeypatch.setattr(ParallelRNN, "inner_loop", keras.layers.RNN.inner_loop)
    for one, other in zip(found, differentiate(layer, NOISE, states, None, False)[1], strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scan", SCANS)
def test_one_unit_counts_modulo_two_for_thousands_of_steps(scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_rnn, "_scan", lambda a, b, reverse=False: scan(a, b, reverse))
    layer = CELLS["mingru"](1, signed=True, return_sequences=True)
    layer.build((None, None, 2))
    # Symbol 0 keeps the state; symbol 1 takes 0 to 1, and 1 to 0. A sigmoid of 3 is not quite at its end.
    layer.set_weights([np.array([[3.0, 0.0], [-3.0, 0.0]]), np.zeros(1), np.ones(1)])
    symbols = np.random.default_rng(0).integers(0, 2, (2, 3000))
    found = numpy(layer(np.eye(2, dtype="float32")[symbols]))[:, :, 0]
    np.testing.assert_array_equal(found, np.cumsum(symbols, axis=1) % 2)


@pytest.mark.parametrize("cell", SIGNED)
@pytest.mark.parametrize("chrono", [None, 50])
def test_they_begin_with_the_memories_of_gates_from_0_to_1(cell: str, chrono: int | None) -> None:
    kept = []
    for signed in (False, True):
        keras.utils.set_random_seed(1)
        layer = CELLS[cell](UNITS, chrono=chrono, signed=signed)
        layer.build((None, None, FEATURES))
        state = layer.cell(np.zeros((1, FEATURES), "float32"), [np.ones((1, UNITS), "float32")])[1][0]
        kept.append(numpy(state))
    np.testing.assert_allclose(kept[1], kept[0], atol=2e-3 if chrono else 1e-6)
    assert chrono is None or kept[0].max() > 0.9


@pytest.mark.parametrize("cell", SIGNED)
def test_a_layer_is_saved_with_its_sign_and_one_of_an_earlier_version_has_none(cell: str) -> None:
    config = make(cell).get_config()
    layer = type(make(cell))
    assert layer.from_config(config).cell.signed
    del config["signed"]
    assert not layer.from_config(config).cell.signed


def test_what_they_cannot_count_is_said() -> None:
    plain, signed = (CELLS["mingru"].options(signed=signed) for signed in (False, True))
    assert "cannot count modulo 2" in explain_gates(plain, 2) and "--signed" in explain_gates(plain, 2)
    assert "cannot count modulo 3" in explain_gates(plain, 3) and "--signed" not in explain_gates(plain, 3)
    assert explain_gates(signed, 2) is None and explain_gates(signed, 4) is None
    assert "cannot count modulo 5" in explain_gates(signed, 5)
