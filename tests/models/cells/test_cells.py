"""SimpleRNN, LSTM and GRU are drop-in: the stock Keras layer is the reference for every argument."""

import keras
import numpy as np
import pytest

from models.backends import kernels
from models.recurrent import GRU, LSTM, SimpleRNN
from pipeline.cache import folder
from tests.models import numpy, random_inputs, randomize

PAIRS = {
    "simple": (SimpleRNN, keras.layers.SimpleRNN),
    "lstm": (LSTM, keras.layers.LSTM),
    "gru": (GRU, keras.layers.GRU),
}
STEPS, FEATURES, UNITS = 6, 3, 5
HOLES = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
RIGHT = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
NOISE = random_inputs([STEPS] * 3, STEPS, FEATURES)[0]

ARGUMENTS = {
    "plain": {},
    "last output": {"return_sequences": False},
    "backwards": {"go_backwards": True},
    "no bias": {"use_bias": False},
    "zeros for masked": {"zero_output_for_mask": True},
    "dropout": {"dropout": 0.5, "seed": 3},
    "stateful": {"stateful": True},
    "relu": {"activation": "relu"},
    "recurrent dropout": {"recurrent_dropout": 0.5, "seed": 3},
}
GATED = {"hard gates": {"recurrent_activation": "hard_sigmoid"}, "one gate a time": {"implementation": 1}}
CASES = [(cell, name) for cell in PAIRS for name in (*ARGUMENTS, *(GATED if cell != "simple" else ()))]
CASES.append(("gru", "reset before"))


def make(cell, name):
    arguments = {**ARGUMENTS, **GATED, "reset before": {"reset_after": False}}[name]
    ours, stock = (kind(UNITS, **{"return_sequences": True, "return_state": True, **arguments}) for kind in PAIRS[cell])
    for layer in (ours, stock):
        layer.build(NOISE.shape)
    randomize(stock)
    ours.set_weights(stock.get_weights())
    return ours, stock


def differentiate(layer, inputs, initial, mask, training):
    """Return outputs and states, and the gradients of a random sum of them by weights, inputs and initial states."""
    variables = layer.trainable_variables

    def total(answers):
        random = np.random.default_rng(5)
        return sum(
            keras.ops.sum(keras.ops.multiply(answer, random.normal(size=answer.shape).astype("float32")))
            for answer in answers
        )

    if keras.backend.backend() == "jax":
        import jax

        def function(values, inputs, initial):
            state = [variable.value for variable in layer.non_trainable_variables]
            call = {"mask": mask, "initial_state": initial, "training": training}
            answers, _ = layer.stateless_call(values, state, inputs, **call)
            return total(answers), answers

        values = [variable.value for variable in variables]
        initial = None if initial is None else [jax.numpy.asarray(state) for state in initial]
        differentiated = jax.jit(jax.grad(function, argnums=(0, 1, 2), has_aux=True))
        gradients, answers = differentiated(values, jax.numpy.asarray(inputs), initial)
        return answers, jax.tree.leaves(gradients)
    if keras.backend.backend() == "torch":
        import torch

        watched = [torch.tensor(array, requires_grad=True) for array in [inputs, *(initial or [])]]
        answers = layer(watched[0], mask=mask, initial_state=watched[1:] if initial else None, training=training)
        by = [*[variable.value for variable in variables], *watched]
        return [answer.detach() for answer in answers], torch.autograd.grad(total(answers), by)
    import tensorflow

    watched = tensorflow.constant(inputs)
    initial = None if initial is None else [tensorflow.constant(state) for state in initial]
    with tensorflow.GradientTape() as tape:
        tape.watch([watched, *(initial or [])])
        answers = layer(watched, mask=mask, initial_state=initial, training=training)
        answer = total(answers)
    return answers, tape.gradient(answer, [*[v.value for v in variables], watched, *(initial or [])])


@pytest.fixture(params=["native", "portable"])
def loop(request):
    """Run a test with the native kernels and without them; what is done after it, with them."""
    if keras.backend.backend() == "torch":
        if request.param == "native":
            pytest.skip("the kernels are for JAX and TensorFlow")
        yield
        return
    found: list = []
    if kernels.switch(request.param == "native", folder() / "kernels", found.append) != (request.param == "native"):
        pytest.skip(found[0])
    yield
    kernels.switch(True, folder() / "kernels", print)


def compare(ours, stock, mask=None, initial=None, training=False):
    found, expected = (differentiate(layer, NOISE, initial, mask, training) for layer in (ours, stock))
    for one, other in zip(found[0], expected[0], strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("cell", "name"), CASES)
def test_outputs_states_and_gradients_are_those_of_keras(cell, name, loop):
    ours, stock = make(cell, name)
    if name == "stateful" and keras.backend.backend() == "torch":
        # Keras' own overwrites a state before the gradient has read it, and fails. Both begin at 0.
        stock = make(cell, "plain")[1]
    compare(ours, stock, training="dropout" in name)


@pytest.mark.parametrize("name", ["plain", "last output", "backwards", "zeros for masked"])
@pytest.mark.parametrize("mask", [RIGHT, HOLES], ids=["right", "holes"])
@pytest.mark.parametrize("cell", PAIRS)
def test_with_a_mask_too(cell, mask, name, loop):
    compare(*make(cell, name), mask=keras.ops.convert_to_tensor(mask))


@pytest.mark.parametrize("cell", PAIRS)
def test_with_initial_states_too(cell, loop):
    random = np.random.default_rng(1)
    initial = [random.normal(size=(3, UNITS)).astype("float32") for _ in range(2 if cell == "lstm" else 1)]
    ours, stock = make(cell, "plain")
    compare(ours, stock, mask=keras.ops.convert_to_tensor(HOLES), initial=initial)


@pytest.mark.parametrize("cell", PAIRS)
def test_a_stateful_layer_goes_on_from_where_it_stopped(cell):
    ours, stock = make(cell, "stateful")
    for part in (NOISE[:, :2], NOISE[:, 2:]):
        for one, other in zip(ours(part), stock(part), strict=True):
            np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)


@pytest.mark.parametrize("cell", PAIRS)
def test_each_loads_the_other_s_saved_weights(cell, tmp_path):
    ours, stock = (keras.Sequential([keras.Input((None, FEATURES)), kind(UNITS)]) for kind in PAIRS[cell])
    path = tmp_path / "model.weights.h5"
    for one, other in ((ours, stock), (stock, ours)):
        randomize(one).save_weights(path)
        other.load_weights(path)
        np.testing.assert_allclose(numpy(one(NOISE)), numpy(other(NOISE)), atol=1e-5)


@pytest.mark.parametrize(("cell", "name"), CASES)
def test_what_the_fast_path_does_not_cover_goes_to_keras(cell, name):
    uncovered = {"hard gates", "reset before"} | ({"relu"} if cell != "simple" else set())
    backend, layer = keras.backend.backend(), make(cell, name)[0]
    assert layer.is_covered() == (name not in uncovered)
    assert layer.is_covered(RIGHT) == (backend == "jax" and name not in uncovered)
    # Of recurrent dropout and zoneout the native kernels alone have loops.
    assert layer.is_covered(noisy=True) == (kernels.library is not None and name not in uncovered)


ZONED = {"simple": {}, "relu": {"activation": "relu"}, "lstm": {}, "gru": {}}


def make_zoned(kind):
    """Return a layer with zoneout and recurrent dropout, and Keras' layer with its weights."""
    ours, stock = PAIRS["simple" if kind == "relu" else kind]
    options = {"return_sequences": True, "return_state": True, **ZONED[kind]}
    layer, plain = ours(UNITS, zoneout=0.25, recurrent_dropout=0.5, **options), stock(UNITS, **options)
    for one in (layer, plain):
        one.build(NOISE.shape)
    layer.set_weights(randomize(plain).get_weights() + layer.get_weights()[len(plain.get_weights()) :])
    return layer, plain


@pytest.mark.parametrize("kind", ZONED)
def test_after_training_zoneout_is_the_mean_of_the_old_and_the_new_state(kind, loop, tmp_path):
    layer, plain = make_zoned(kind)
    states = [keras.ops.zeros((3, UNITS)) for _ in plain.state_size]
    outputs = []
    for step in range(STEPS):
        _, new = plain.cell(NOISE[:, step], states)
        output, _ = layer.cell(NOISE[:, step], states)
        states = [0.25 * old + 0.75 * one for old, one in zip(states, new, strict=True)]
        outputs.append(numpy(states[0]))
        np.testing.assert_allclose(numpy(output), outputs[-1], atol=1e-6)
    found = layer(NOISE)
    np.testing.assert_allclose(numpy(found[0]), np.stack(outputs, axis=1), atol=1e-5)
    for one, other in zip(found[1:], states, strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)


@pytest.mark.parametrize("kind", ZONED)
def test_in_training_zoneout_keeps_states_by_the_paper_s_equations(kind, loop, monkeypatch):
    layer, plain = make_zoned(kind)
    random, gates = np.random.default_rng(3), {"lstm": 4, "gru": 3}.get(kind, 1)
    zones = [random.random((STEPS, 3, UNITS)) < 0.25 for _ in plain.state_size]
    dropped = random.choice([0.0, 2.0], size=(gates, 3, UNITS)).astype("float32")
    monkeypatch.setattr(layer, "draw_zones", lambda *_: [keras.ops.convert_to_tensor(one) for one in zones])
    monkeypatch.setattr(layer, "stack_dropout", lambda _: keras.ops.convert_to_tensor(dropped))
    states, outputs = [np.zeros((3, UNITS), "float32") for _ in zones], []
    # Keras' cell with one mask of recurrent dropout for each gate: its first implementation, or that of a SimpleRNN.
    plain.cell.implementation, plain.cell.recurrent_dropout = 1, 0.5
    masks = [keras.ops.convert_to_tensor(one) for one in dropped]
    plain.cell._recurrent_dropout_mask = masks if gates > 1 else masks[0]
    for step in range(STEPS):
        _, new = plain.cell(NOISE[:, step], list(map(keras.ops.convert_to_tensor, states)), training=True)
        states = [np.where(kept[step], old, numpy(one)) for kept, old, one in zip(zones, states, new, strict=True)]
        outputs.append(states[0])
    found = layer(NOISE, training=True)
    np.testing.assert_allclose(numpy(found[0]), np.stack(outputs, axis=1), atol=1e-5)
    np.testing.assert_allclose(numpy(found[-1]), states[-1], atol=1e-5)


def test_zoneout_is_saved_and_asks_for_a_layer_that_the_fast_path_knows(tmp_path):
    model = keras.Sequential([keras.Input((None, FEATURES)), LSTM(UNITS, zoneout=0.1)])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].zoneout == again.layers[0].cell.zoneout == 0.1
    np.testing.assert_allclose(numpy(again(NOISE)), numpy(model(NOISE)), atol=1e-6)
    assert "zoneout" not in LSTM(UNITS).get_config()
    with pytest.raises(ValueError, match="zoneout: expected a layer with Keras' own activations"):
        GRU(UNITS, zoneout=0.1, reset_after=False)


@pytest.mark.parametrize("cell", PAIRS)
def test_in_half_precision_the_states_stay_close_to_those_of_keras(cell):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        ours, stock = make(cell, "plain")
        found, expected = (numpy(keras.ops.cast(layer(NOISE)[0], "float32")) for layer in (ours, stock))
        assert keras.backend.standardize_dtype(ours(NOISE)[0].dtype) == "bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(found, expected, atol=0.03)
