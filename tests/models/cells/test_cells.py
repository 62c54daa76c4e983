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
    random = np.random.default_rng(5)
    weights = [random.normal(size=shape).astype("float32") for shape in [(3, STEPS, UNITS), *[(3, UNITS)] * 3]]

    def total(answers):
        return sum(
            keras.ops.sum(keras.ops.multiply(answer, weight[:, : answer.shape[1]] if answer.ndim == 3 else weights[1]))
            for answer, weight in zip(answers, weights, strict=False)
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
    uncovered = {"relu", "recurrent dropout", "hard gates", "reset before"}
    backend, layer = keras.backend.backend(), make(cell, name)[0]
    assert layer.is_covered() == (name not in uncovered)
    assert layer.is_covered(RIGHT) == (backend == "jax" and name not in uncovered)


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
