"""The cells that compute a whole sequence at once, against each one's formula, step by step in NumPy."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from models.cells import linear_rnn
from models.cells.parallel_rnn import ParallelRNN
from models.layers.decoder import Decoder
from models.recurrent import CELLS, stack_layers
from tests.models import NEW, numpy, random_inputs, randomize, remembering
from tests.models.cells.test_cells import HOLES, RIGHT, differentiate

STEPS, FEATURES, UNITS = 6, 3, 5
NOISE = random_inputs([STEPS] * 3, STEPS, FEATURES)[0]
STEPWISE = [cell for cell in NEW if CELLS[cell].writes]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_indrnn(w, x, states):
    h = np.maximum(0, x @ w["kernel"] + w["recurrent_weights"] * states[0] + w["bias"])
    return h, [h]


def step_mingru(w, x, states):
    kernels = np.split(w["kernel"], 2, axis=1)
    z, new = 1 - sigmoid(x @ kernels[0] + w["keep_bias"]), x @ kernels[1] + w["bias"]
    h = (1 - z) * states[0] + z * new
    return h, [h]


def step_minlstm(w, x, states):
    kernels = np.split(w["kernel"], 3, axis=1)
    f, i = sigmoid(x @ kernels[0] + w["forget_bias"]), sigmoid(x @ kernels[1] + w["input_bias"])
    h = f / (f + i) * states[0] + i / (f + i) * (x @ kernels[2] + w["bias"])
    return h, [h]


def step_lru(w, x, states):
    eigenvalues = np.exp(-np.exp(w["decay"]) + 1j * np.exp(w["angle"]))
    into, out = np.split(w["kernel"], 2, axis=1), np.split(w["output_kernel"], 2, axis=0)
    h = eigenvalues * (states[0] + 1j * states[1]) + np.exp(w["scale"]) * (x @ (into[0] + 1j * into[1]))
    y = (h @ (out[0] - 1j * out[1])).real + x @ w["skip_kernel"]
    g = 0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))
    return g * sigmoid(g @ w["gate_kernel"] + w["gate_bias"]), [h.real, h.imag]


def step_delta(w, x, states, signed=False):
    """Heads of two numbers each, four of them: the recurrence of Yang et al. 2025, equation 10, in its own form.

    signed: the range of the replaced share as Grazzi et al. 2024 have it, with both ends of it reached.
    """
    heads, size, rows = 4, 2, len(x)
    mixed, b, a, gate = np.split(x @ w["kernel"], [24, 28, 32], axis=1)
    window = np.concatenate([states[1].reshape(rows, 3, 24), mixed[:, None]], axis=1)
    mixed = (window * w["convolution"]).sum(axis=1)
    q, k, v = (mixed * sigmoid(mixed)).reshape(rows, 3, heads, size).swapaxes(0, 1)
    q, k = (one / np.sqrt((one**2).sum(axis=2, keepdims=True) + 1e-6) for one in (q, k))
    a = np.exp(-np.exp(w["decay_rate"]) * np.log1p(np.exp(a + w["decay_bias"])))
    memory, read = states[0].reshape(rows, heads, size, size).astype("float64"), np.zeros((rows, heads, size))
    for row, head in np.ndindex(rows, heads):
        key, share = k[row, head], sigmoid(b[row, head])
        share = 2 * np.clip(1.2 * share - 0.1, 0, 1) if signed else share
        # The paper's state is the transpose: values times keys.
        erased = memory[row, head].T @ (a[row, head] * (np.eye(size) - share * np.outer(key, key)))
        memory[row, head] = (erased + share * np.outer(v[row, head], key)).T
        read[row, head] = memory[row, head].T @ q[row, head] / np.sqrt(size)
    read = read / np.sqrt((read**2).mean(axis=2, keepdims=True) + 1e-5) * w["scale"]
    h = (read.reshape(rows, 8) * gate * sigmoid(gate)) @ w["output_kernel"]
    return h, [memory.reshape(rows, -1), window[:, 1:].reshape(rows, -1)]


def step_bag(w, x, states):
    before = np.abs(states[1])
    mean = (before * states[0] + x @ w["kernel"]) / (before + 1)
    return np.tanh(mean + w["bias"]), [mean, before + 1]


STEP = {
    "indrnn": step_indrnn,
    "mingru": step_mingru,
    "minlstm": step_minlstm,
    "lru": step_lru,
    "delta": step_delta,
    "bag": step_bag,
}
SIGNED = {"delta, signed": partial(step_delta, signed=True)}


def make(cell, **options):
    layer = CELLS[cell](UNITS, **{"return_sequences": True, "return_state": True, **options})
    layer.build((None, None, FEATURES))
    return randomize(layer)


def weights_of(layer):
    return {weight.path.split("/")[-1]: numpy(weight).astype("float64") for weight in layer.weights}


def draw_states(layer, seed=1):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(3, size)).astype("float32") for size in layer.cell.state_size]


def refer(cell, layer, inputs, states, mask=None):
    """Return all outputs and the last states by the formula; where the mask is false, those before stay."""
    weights, outputs = weights_of(layer), []
    output = np.zeros((3, UNITS))
    for step in range(inputs.shape[1]):
        now, after = (STEP | SIGNED)[cell](weights, inputs[:, step].astype("float64"), states)
        inside = np.ones((3, 1), bool) if mask is None else mask[:, step, None]
        output = np.where(inside, now, output)
        states = [np.where(inside, one, other) for one, other in zip(after, states, strict=True)]
        outputs.append(output)
    return np.stack(outputs, axis=1), states


def test_every_new_cell_has_its_formula_here():
    assert set(NEW) == {*STEP, "dnn"}


@pytest.mark.parametrize("cell", STEP)
@pytest.mark.parametrize("mask", [None, RIGHT, HOLES], ids=["no mask", "right", "holes"])
@pytest.mark.parametrize("given", [True, False], ids=["given states", "zero states"])
def test_outputs_and_states_are_those_of_the_formula(cell, mask, given):
    layer = make(cell)
    states = draw_states(layer) if given else [np.zeros((3, size), "float32") for size in layer.cell.state_size]
    call = {"initial_state": states} if given else {}
    found = layer(NOISE, mask=None if mask is None else ops.convert_to_tensor(mask), **call)
    outputs, last = refer(cell, layer, NOISE, states, mask)
    np.testing.assert_allclose(numpy(found[0]), outputs, atol=1e-5)
    for one, other in zip(found[1:], last, strict=True):
        np.testing.assert_allclose(numpy(one), other, atol=1e-5)


@pytest.mark.parametrize("cell", STEP)
def test_backwards_and_the_last_output_alone_too(cell):
    layer = make(cell, go_backwards=True, return_sequences=False)
    zeros = [np.zeros((3, size)) for size in layer.cell.state_size]
    for mask in (None, HOLES):
        outputs, _ = refer(cell, layer, NOISE[:, ::-1], zeros, None if mask is None else mask[:, ::-1])
        found = layer(NOISE, mask=None if mask is None else ops.convert_to_tensor(mask))[0]
        np.testing.assert_allclose(numpy(found), outputs[:, -1], atol=1e-5)


@pytest.mark.parametrize("cell", STEP)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in steps"])
def test_gradients_are_those_of_the_loop_of_keras(cell, at_once, monkeypatch):
    monkeypatch.setattr(linear_rnn, "_is_wide", lambda: at_once)
    layer = make(cell)
    states = draw_states(layer)
    found = differentiate(layer, NOISE, states, None, False)[1]
    monkeypatch.setattr(ParallelRNN, "inner_loop", keras.layers.RNN.inner_loop)
    for one, other in zip(found, differentiate(layer, NOISE, states, None, False)[1], strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("scan", [linear_rnn.scan_in_parallel, linear_rnn.scan_in_steps])
def test_both_scans_are_the_loop(scan, parts):
    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=(7, 3, parts, 4)).astype("float32") for _ in range(2))

    def complexify(numbers):
        return numbers[..., 0, :] + (1j * numbers[..., 1, :] if parts == 2 else 0)

    for reverse in (False, True):
        found, state = complexify(numpy(scan(a, b, reverse=reverse))), 0
        for step in range(6, -1, -1) if reverse else range(7):
            state = complexify(a)[step] * state + complexify(b)[step]
            np.testing.assert_allclose(found[step], state, atol=1e-4)


@pytest.mark.parametrize("cell", ["mingru", "minlstm", "lru"])
@pytest.mark.parametrize("scan", [linear_rnn.scan_in_parallel, linear_rnn.scan_in_steps])
def test_a_thousand_steps_and_shut_gates_lose_nothing(cell, scan, monkeypatch):
    monkeypatch.setattr(linear_rnn, "_scan", lambda a, b, reverse=False: scan(a, b, reverse))
    layer = CELLS[cell](UNITS, return_sequences=True)
    inputs = np.random.default_rng(2).normal(size=(3, 1000, FEATURES)).astype("float32")
    # Gates that are shut or open altogether, for hundreds of steps at a time.
    inputs *= np.where(np.arange(1000) // 200 % 2, 100.0, 1.0)[:, None].astype("float32")
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    states = [np.zeros((3, size)) for size in layer.cell.state_size]
    with np.errstate(over="ignore"):
        expected, _ = refer(cell, layer, inputs, states)
    np.testing.assert_allclose(model.predict_on_batch(inputs), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("cell", STEPWISE)
@pytest.mark.parametrize("attention", ["none", "luong"])
def test_a_decoder_writes_step_by_step_what_it_is_taught_all_at_once(cell, attention):
    decoder = Decoder(7, cell, units=6, depth=2, features=5, dropout=0.5, attention=attention)
    generator = np.random.default_rng(3)
    context, memory = (generator.normal(size=shape).astype("float32") for shape in ((4, 4), (4, 5, 3)))
    previous = generator.integers(0, 7, (4, STEPS)).astype("int32")
    decoder(previous, context, memory)
    randomize(decoder)
    taught = numpy(decoder(previous, context, memory))
    states, remembered = decoder.make_first_states(context), decoder.prepare_attention(memory)
    for step in range(STEPS):
        logits, states, _ = decoder.step(ops.convert_to_tensor(previous[:, step]), states, remembered)
        np.testing.assert_allclose(numpy(logits), taught[:, step], atol=1e-4)


@pytest.mark.parametrize("cell", NEW)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_saved_stack_gives_the_same_states(cell, bidirectional, tmp_path):
    inputs, mask = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
    states = stack_layers(
        inputs,
        mask,
        cell=cell,
        units=UNITS,
        depth=2,
        bidirectional=bidirectional,
        options=None if cell == "delta" else remembering(cell, 9),
        longest=STEPS,
    )
    model = keras.Model([inputs, mask], states)
    batch = [NOISE, RIGHT]
    expected = numpy(model(batch))
    assert expected.shape == (3, STEPS, UNITS * (1 + bidirectional)) and np.isfinite(expected).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(batch)), expected, atol=1e-6)


@pytest.mark.parametrize("cell", NEW)
def test_in_half_precision_the_states_are_close(cell):
    options = {"longest": STEPS} if cell == "dnn" else {}
    full = CELLS[cell](UNITS, return_sequences=True, **options)
    full.build(NOISE.shape)
    randomize(full)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = CELLS[cell](UNITS, return_sequences=True, **options)
        half.build(NOISE.shape)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(full.get_weights())
    found = half(NOISE)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    np.testing.assert_allclose(numpy(ops.cast(found, "float32")), numpy(full(NOISE)), atol=0.1)


@pytest.mark.parametrize("cell", ["indrnn", "mingru", "minlstm", "lru"])
def test_cells_begin_by_remembering_for_as_long_as_asked(cell):
    longest, units = 50, 400
    inputs = keras.Input((None, 1))
    mask = keras.Input((None,), dtype="bool")
    states = stack_layers(inputs, mask, cell=cell, units=units, options=remembering(cell, longest))
    model = keras.Model(inputs, states)
    own = model.layers[-1].cell
    first = [np.ones((1, units), "float32")] + [np.zeros((1, units), "float32")] * (cell == "lru")
    # An input of 0 changes nothing: what is kept of a state is the share of every step.
    _, after = own(np.zeros((1, 1), "float32"), first)
    kept = np.sqrt(sum(numpy(state)[0].astype("float64") ** 2 for state in after))
    if cell == "indrnn":
        assert kept.min() ** longest >= 0.5 - 1e-3 and kept.max() ** longest <= 2 + 1e-3
        return
    memory = 1 / (1 - kept)
    assert memory.min() >= 2 - 1e-3 and memory.max() <= longest + 1e-2
    assert memory.max() > longest * 0.8
    assert np.mean(memory) == pytest.approx((2 + longest) / 2, rel=0.1)


def test_an_lru_begins_with_states_as_large_as_its_inputs():
    layer = CELLS["lru"](60, return_state=True)
    noise = np.random.default_rng(0).normal(size=(150, 300, 16)).astype("float32")
    _, real, imaginary = layer(noise)
    assert np.mean(numpy(real) ** 2 + numpy(imaginary) ** 2) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("slow, expected", [(True, {"decay", "angle", "scale"}), (False, set())])
def test_the_eigenvalues_of_an_lru_are_learned_slowly_where_asked(slow, expected):
    made = make("lru", slow_eigenvalues=slow)
    cell = type(made.cell).from_config(made.cell.get_config())
    cell.build((None, FEATURES))
    for weights in (made.weights, cell.weights):
        assert {weight.name for weight in weights if getattr(weight, "learning_rate_factor", 1) == 0.25} == expected


def test_the_recurrent_weights_of_indrnn_stay_where_no_state_can_explode():
    for chrono, most in ((None, 1.0), (20, 2 ** (1 / 20))):
        layer = make("indrnn", chrono=chrono)
        (weight,) = (weight for weight in layer.weights if "recurrent_weights" in weight.path)
        bounded = numpy(weight.constraint(ops.convert_to_tensor([-3.0, 0.5, 3.0])))
        np.testing.assert_allclose(bounded, [-most, 0.5, most], rtol=1e-6)


def test_a_bag_does_not_know_the_order():
    layer = make("bag", return_sequences=False)
    mixed = NOISE[:, np.random.default_rng(0).permutation(STEPS)]
    np.testing.assert_allclose(numpy(layer(mixed)[0]), numpy(layer(NOISE)[0]), atol=1e-6)


def flat(longest=8, **options):
    layer = CELLS["dnn"](UNITS, longest=longest, **options)
    layer.build((None, None, FEATURES))
    return randomize(layer)


@pytest.mark.parametrize("mask", [None, RIGHT, HOLES], ids=["no mask", "right", "holes"])
def test_dnn_is_a_dense_layer_of_the_padded_input_flattened(mask):
    layer = flat(return_sequences=True)
    kernel, bias = layer.get_weights()
    found = numpy(layer(NOISE, mask=None if mask is None else ops.convert_to_tensor(mask)))
    for step in range(STEPS):
        padded = np.zeros((3, 8, FEATURES))
        padded[:, : step + 1] = NOISE[:, : step + 1]
        if mask is not None:
            padded[:, :STEPS][~mask] = 0
        np.testing.assert_allclose(
            found[:, step], np.tanh(padded.reshape(3, -1) @ kernel.reshape(-1, UNITS) + bias), atol=1e-5
        )
    last = flat()
    np.testing.assert_allclose(numpy(last(NOISE)), numpy(flat(return_sequences=True)(NOISE))[:, -1], atol=1e-6)


def test_the_weights_of_dnn_grow_with_the_length_and_longer_inputs_are_refused():
    assert [flat(longest).count_params() for longest in (8, 16)] == [8 * 3 * 5 + 5, 16 * 3 * 5 + 5]
    with pytest.raises(ValueError, match="the input has 6 steps, and the layer was built for 5"):
        flat(5)(NOISE)
