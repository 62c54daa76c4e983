"""The cells whose inputs are multiplied for all steps at once, against each one's formula, step by step in NumPy."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from models.cells import projected_rnn, unrolling
from models.cells.layer_norm import EPSILON
from models.cells.projected_rnn import ProjectedRNN
from models.layers.decoder import Decoder
from models.recurrent import CELLS
from tests.models import PROJECTED, numpy, random_inputs, randomize
from tests.models.cells.test_cells import HOLES, differentiate
from tests.models.cells.test_parallel_rnn import sigmoid, weights_of

STEPS, FEATURES, UNITS, ROWS = 6, 3, 5, 3
NOISE = random_inputs([STEPS] * ROWS, STEPS, FEATURES)[0]
OWN = [cell for cell in PROJECTED if cell != "irnn"]


def normalize(numbers, gain):
    centred = numbers - numbers.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON) * gain


def step_irnn(w, x, product, states):
    return [np.maximum(0, x @ w["kernel"] + product + w["bias"])]


def step_peephole(w, x, product, states):
    i, f, g, o = np.split(x @ w["kernel"] + product + w["bias"], 4, axis=1)
    before = states[1]
    c = sigmoid(f + w["peephole_f"] * before) * before + sigmoid(i + w["peephole_i"] * before) * np.tanh(g)
    return [sigmoid(o + w["peephole_o"] * c) * np.tanh(c), c]


def step_lnlstm(w, x, product, states):
    total = normalize(x @ w["kernel"], w["input_gain"]) + normalize(product, w["recurrent_gain"]) + w["bias"]
    i, f, g, o = np.split(total, 4, axis=1)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(normalize(c, w["state_gain"]) + w["state_bias"]), c]


def step_lngru(w, x, product, states):
    gates, width = slice(2 * UNITS), slice(2 * UNITS, 3 * UNITS)
    given, bias = x @ w["kernel"], w["bias"]
    z, r = np.split(
        sigmoid(
            normalize(given[:, gates], w["input_gain"][gates])
            + normalize(product[:, gates], w["recurrent_gain"][gates])
            + bias[gates]
        ),
        2,
        axis=1,
    )
    seen = normalize(product[:, width], w["recurrent_gain"][width]) + w["candidate_bias"]
    g = np.tanh(normalize(given[:, width], w["input_gain"][width]) + bias[width] + r * seen)
    return [z * states[0] + (1 - z) * g]


def step_slstm(w, x, product, states):
    i, f, z, o = np.split(x @ w["kernel"] + product + w["bias"], 4, axis=1)
    _, c, n, m = states
    kept = np.log(sigmoid(f)) + m
    after = np.where(n == 0, i, np.maximum(kept, i))
    c = np.exp(kept - after) * (n != 0) * c + np.exp(i - after) * np.tanh(z)
    n = np.exp(kept - after) * (n != 0) * n + np.exp(i - after)
    return [sigmoid(o) * c / np.maximum(n, 1), c, n, after]


STEP = {
    "irnn": step_irnn,
    "peephole": step_peephole,
    "lnlstm": step_lnlstm,
    "lngru": step_lngru,
    "slstm": step_slstm,
}


def make(cell, **options):
    layer = CELLS[cell](UNITS, **{"return_sequences": True, "return_state": True, **options})
    layer.build((None, None, FEATURES))
    return randomize(layer)


def draw_states(layer, seed=1):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(ROWS, size)).astype("float32") for size in keras.tree.flatten(layer.cell.state_size)]


def refer(cell, layer, states, *, mask=None, dropped=None, zones=None):
    """Return all outputs and the last states by the formula; see models/cells/unrolling.py for the arguments."""
    weights, outputs = weights_of(layer), []
    for step in range(STEPS):
        x = NOISE[:, step].astype("float64")
        seen = states[0] if dropped is None else states[0] * dropped
        after = STEP[cell](weights, x, seen @ weights["recurrent_kernel"], states)
        if zones is not None:
            after = [
                kept[step] * old + (1 - kept[step]) * new for kept, new, old in zip(zones, after, states, strict=True)
            ]
        inside = np.ones((ROWS, 1), bool) if mask is None else mask[:, step, None]
        states = [np.where(inside, new, old) for new, old in zip(after, states, strict=True)]
        outputs.append(states[0])
    return np.stack(outputs, axis=1), states


def check(found, expected):
    np.testing.assert_allclose(numpy(found[0]), expected[0], atol=1e-5)
    for one, other in zip(found[1:], expected[1], strict=True):
        np.testing.assert_allclose(numpy(one), other, atol=1e-5)


def test_every_such_cell_has_its_formula_here():
    assert set(STEP) == set(PROJECTED)


@pytest.mark.parametrize("cell", STEP)
def test_outputs_and_states_are_those_of_the_formula(cell):
    layer = make(cell)
    zeros = [np.zeros((ROWS, size)) for size in keras.tree.flatten(layer.cell.state_size)]
    expected = refer(cell, layer, zeros)
    check(layer(NOISE), expected)
    # One step, as a decoder and a stream take it.
    output, states = layer.cell(NOISE[:, 0], [ops.convert_to_tensor(state.astype("float32")) for state in zeros])
    np.testing.assert_allclose(numpy(output), expected[0][:, 0], atol=1e-5)
    assert len(states) == len(zeros)


@pytest.mark.parametrize("cell", OWN)
def test_with_a_mask_the_states_stay_and_any_states_can_be_the_first(cell):
    layer = make(cell)
    states = draw_states(layer)
    found = layer(NOISE, mask=ops.convert_to_tensor(HOLES), initial_state=states)
    check(found, refer(cell, layer, states, mask=HOLES))


@pytest.mark.parametrize("cell", OWN)
def test_gradients_are_those_of_the_loop_of_keras(cell, monkeypatch):
    layer = make(cell)
    # States that an sLSTM may have: its normalizer is at least 1.
    states = [np.abs(state) + 1 for state in draw_states(layer)]
    found = differentiate(layer, NOISE, states, None, False)
    monkeypatch.setattr(ProjectedRNN, "inner_loop", keras.layers.RNN.inner_loop)
    for one, other in zip(found[1], differentiate(layer, NOISE, states, None, False)[1], strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", ["peephole", "lngru"])
def test_recurrent_dropout_and_zoneout_are_those_of_the_formula(cell, monkeypatch):
    layer = make(cell, recurrent_dropout=0.5, zoneout=0.25)
    states, generator = draw_states(layer), np.random.default_rng(4)
    dropped = generator.choice([0.0, 2.0], (1, ROWS, UNITS)).astype("float32")
    zones = [generator.random((STEPS, ROWS, UNITS)) < 0.25 for _ in states]
    monkeypatch.setattr(layer.cell, "draw_dropped", lambda state: ops.convert_to_tensor(dropped))
    real = projected_rnn.draw_zones

    def draw(*given, training, **more):
        return [ops.convert_to_tensor(one) for one in zones] if training else real(*given, training=False, **more)

    monkeypatch.setattr(projected_rnn, "draw_zones", draw)
    found = layer(NOISE, initial_state=states, training=True)
    check(found, refer(cell, layer, states, dropped=dropped[0], zones=zones))
    # Afterwards nothing is random: the mean of old and new.
    found = layer(NOISE, initial_state=states)
    check(found, refer(cell, layer, states, zones=[np.full((STEPS, 1, 1), 0.25)] * len(states)))
    output, _ = layer.cell(NOISE[:, 0], [ops.convert_to_tensor(state) for state in states])
    np.testing.assert_allclose(numpy(output), numpy(found[0])[:, 0], atol=1e-5)


def test_masks_of_recurrent_dropout_are_of_a_sequence_and_zones_of_a_step():
    layer = CELLS["peephole"](200, recurrent_dropout=0.4, zoneout=0.3)
    layer.build((None, None, FEATURES))
    dropped = numpy(layer.cell.draw_dropped(ops.zeros((50, 200))))
    assert dropped.shape == (1, 50, 200) and set(np.unique(dropped.round(4))) == {0.0, np.float32(1.6667)}
    assert (dropped == 0).mean() == pytest.approx(0.4, abs=0.02)
    zones = projected_rnn.draw_zones(layer.cell.generator, (7, 50, 200), 0.3, count=2, training=True)
    assert [one.shape for one in map(numpy, zones)] == [(7, 50, 200)] * 2
    assert (numpy(zones[0]) != numpy(zones[1])).any()
    assert numpy(zones[0]).mean() == pytest.approx(0.3, abs=0.01)


def test_an_slstm_stays_finite_whatever_its_gates_say():
    layer = make("slstm")
    huge = NOISE * 1e3
    outputs, _, cell_state, normalizer, _ = (numpy(one) for one in layer(huge))
    assert np.isfinite(outputs).all() and (np.abs(outputs) <= 1).all()
    assert np.isfinite(cell_state).all() and (normalizer >= 1).all()


@pytest.mark.parametrize("cell", ["lnlstm", "slstm"])
def test_a_decoder_writes_step_by_step_what_it_is_taught_all_at_once(cell):
    decoder = Decoder(7, cell, units=6, depth=2, features=5, dropout=0.5)
    generator = np.random.default_rng(3)
    context = generator.normal(size=(4, 4)).astype("float32")
    previous = generator.integers(0, 7, (4, STEPS)).astype("int32")
    decoder(previous, context)
    randomize(decoder)
    taught = numpy(decoder(previous, context))
    states = decoder.make_first_states(context)
    assert [len(one) for one in states] == [len(decoder.layers[0].cell.state_size)] * 2
    for step in range(STEPS):
        logits, states, _ = decoder.step(ops.convert_to_tensor(previous[:, step]), states)
        np.testing.assert_allclose(numpy(logits), taught[:, step], atol=1e-4)


def test_an_slstm_in_half_precision_counts_beyond_what_bfloat16_can():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = CELLS["slstm"](UNITS, return_sequences=True)
        half.build((None, None, FEATURES))
    finally:
        keras.config.set_dtype_policy("float32")
    full = CELLS["slstm"](UNITS, return_sequences=True)
    full.build((None, None, FEATURES))
    # All gates open: the state is the mean of 600 candidates, of which the first half is 1 and the second -1.
    kernel, recurrent, bias = (np.zeros(weight.shape, "float32") for weight in full.get_weights())
    kernel[0, 2 * UNITS : 3 * UNITS], bias[UNITS : 2 * UNITS], bias[3 * UNITS :] = 10, 20, 20
    inputs = np.zeros((1, 600, FEATURES), "float32")
    inputs[:, :300, 0], inputs[:, 300:, 0] = 1, -1
    for layer in (half, full):
        layer.set_weights([kernel, recurrent, bias])
        np.testing.assert_allclose(numpy(ops.cast(layer(inputs), "float32"))[0, -1], 0.0, atol=0.01)


def test_an_irnn_begins_by_adding_up_what_comes_in():
    layer = CELLS["irnn"](UNITS, return_sequences=True)
    layer.build((None, None, FEATURES))
    kernel, recurrent, bias = layer.get_weights()
    np.testing.assert_array_equal(recurrent, np.eye(UNITS))
    assert not bias.any() and 0 < kernel.std() < 3e-3
    kernel = np.abs(kernel)
    layer.set_weights([kernel, recurrent, bias])
    expected = np.cumsum(np.abs(NOISE) @ kernel, axis=1)
    np.testing.assert_allclose(numpy(layer(np.abs(NOISE))), expected, rtol=1e-4)


@pytest.mark.parametrize("cell", PROJECTED)
def test_what_is_saved_has_all_arguments(cell, tmp_path):
    options = {"recurrent_dropout": 0.2} | ({} if cell == "slstm" else {"zoneout": 0.1})
    options |= {"chrono": 9} if cell in ("peephole", "lnlstm", "lngru") else {}
    inputs = keras.Input((None, FEATURES))
    model = keras.Model(inputs, CELLS[cell](UNITS, return_sequences=True, **options)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(NOISE)), numpy(model(NOISE)), atol=1e-6)
    assert again.layers[-1].get_config() == model.layers[-1].get_config()


@pytest.mark.needs("torch")
@pytest.mark.needs("xlstm")
def test_a_step_of_an_slstm_is_that_of_the_package_of_its_authors():
    import torch

    # The package itself imports compilers and kernels; its plain form is one file, which needs torch alone.
    spec = importlib.util.find_spec("xlstm")
    assert spec and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "blocks/slstm/src/vanilla/slstm.py")
    spec = importlib.util.spec_from_file_location("vanilla_slstm", path)
    assert spec and spec.loader
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    generator, states = np.random.default_rng(0), torch.zeros(4, ROWS, UNITS)
    found = [ops.zeros((ROWS, UNITS)) for _ in range(4)]
    for _ in range(4):
        given, product = (generator.normal(size=(ROWS, 4 * UNITS)).astype("float32") * 3 for _ in range(2))
        bias = torch.zeros(1, 4 * UNITS)
        states, _ = package.slstm_forward_pointwise(torch.tensor(given), torch.tensor(product), bias, states, {})
        advance = CELLS["slstm"](UNITS).cell.advance
        found = advance(ops.convert_to_tensor(given), ops.convert_to_tensor(product), found, [])
        for one, other in zip(found, states, strict=True):
            np.testing.assert_allclose(numpy(one), other.numpy(), atol=1e-5)


@pytest.mark.needs("torchrecurrent")
def test_a_peephole_lstm_is_that_of_torchrecurrent():
    import torch
    from torchrecurrent import PeepholeLSTMCell

    layer, other = make("peephole"), PeepholeLSTMCell(FEATURES, UNITS)
    weights = weights_of(layer)
    sight = np.concatenate([weights[f"peephole_{gate}"] for gate in "ifo"])
    values = {
        "weight_ih": weights["kernel"].T,
        "weight_hh": weights["recurrent_kernel"].T,
        "weight_ph": sight,
        "bias_ih": weights["bias"],
        "bias_hh": weights["bias"] * 0,
    }
    with torch.no_grad():
        for name, value in values.items():
            getattr(other, name).copy_(torch.tensor(value))
        states = (torch.zeros(ROWS, UNITS), torch.zeros(ROWS, UNITS))
        outputs = []
        for step in range(STEPS):
            states = other(torch.tensor(NOISE[:, step]), states)
            outputs.append(states[0].numpy())
    np.testing.assert_allclose(numpy(layer(NOISE)[0]), np.stack(outputs, axis=1), atol=1e-5)


@pytest.mark.parametrize("kind", unrolling.USUAL)
def test_the_portable_step_of_the_three_layers_is_that_of_keras(kind):
    cells = {"simple": keras.layers.SimpleRNNCell, "lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}
    cell = keras.layers.SimpleRNNCell(UNITS, activation="relu") if kind == "relu" else cells[kind](UNITS)
    cell.build((None, FEATURES))
    randomize(cell)
    states = [ops.convert_to_tensor(one) for one in draw_states(type("Layer", (), {"cell": cell}))]
    _, expected = cell(NOISE[:, 0], states)
    bias = numpy(cell.bias)
    given, within = (bias[0], bias[1]) if bias.ndim == 2 else (bias, bias * 0)
    projected = NOISE[:, 0] @ numpy(cell.kernel) + given
    product = numpy(states[0]) @ numpy(cell.recurrent_kernel)
    found = unrolling.USUAL[kind](*map(ops.convert_to_tensor, (projected, product)), states, [within])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)
