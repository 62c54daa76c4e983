"""Layers with a mask, whole as native calls, against Keras' own: outputs, states and all gradients."""

from collections.abc import Callable
from types import ModuleType

import keras
import numpy as np
import pytest

from models import recurrent
from models.backends import kernels
from models.tensor import Tensor
from pipeline.cache import folder
from tests.models import numpy, skip_uncompiled

if keras.config.backend() == "torch":
    pytest.skip("torch has kernels of its own", allow_module_level=True)
if not kernels.switch(True, folder() / "kernels", print):
    skip_uncompiled("the native kernels cannot be compiled")

CASES = {
    "simple": (keras.layers.SimpleRNN, recurrent.SimpleRNN, {}),
    "relu": (keras.layers.SimpleRNN, recurrent.SimpleRNN, {"activation": "relu"}),
    "lstm": (keras.layers.LSTM, recurrent.LSTM, {}),
    "gru": (keras.layers.GRU, recurrent.GRU, {}),
}


MASKS = ("right", "left", "holed", "whole", "none")


def draw_mask(kind: str, batch: int, time: int) -> np.ndarray:
    random = np.random.default_rng(3)
    lengths = random.integers(0, time + 1, (batch, 1))
    right = np.arange(time) < lengths
    return {
        "right": right,
        "left": right[:, ::-1],
        "holed": random.random((batch, time)) < 0.6,
        "whole": np.ones((batch, time), bool),
        "none": np.zeros((batch, time), bool),
    }[kind]


def randomize(layer: keras.layers.Layer) -> None:
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=one.shape, scale=0.3).astype("float32") for one in layer.get_weights()])


def differentiator(layer: keras.layers.Layer, factors: list) -> Callable:
    """Return what computes all that a layer returns, and the gradients of a weighted sum of it.

    Those of the inputs, the initial states and the weights. factors: the weights of the sum.
    """

    def total(found: list) -> Tensor:
        return sum(keras.ops.sum(one * factor) for one, factor in zip(found, factors, strict=False))

    if keras.config.backend() == "jax":
        import jax

        variables = layer.trainable_variables, layer.non_trainable_variables
        weights, others = ([one.value for one in part] for part in variables)

        def compute(sequences: Tensor, first: list, weights: list, mask: Tensor) -> tuple:
            found, _ = layer.stateless_call(weights, others, sequences, mask=mask, initial_state=first, training=True)
            return total(found), found

        function = jax.jit(jax.grad(compute, (0, 1, 2), has_aux=True))

        def run(sequences: np.ndarray, first: list, mask: np.ndarray) -> list:
            gradients, found = function(sequences, first, weights, mask)
            return jax.tree.leaves((found, gradients))

        return run
    import tensorflow

    @tensorflow.function
    def trace(sequences: Tensor, first: list, mask: Tensor) -> list:
        watched = [sequences, *first, *(weight.value for weight in layer.trainable_variables)]
        with tensorflow.GradientTape() as tape:
            tape.watch(watched)
            found = layer(sequences, mask=mask, initial_state=first, training=True)
            answer = total(found)
        return [*found, *tape.gradient(answer, watched)]

    def run(sequences: np.ndarray, first: list, mask: np.ndarray) -> list:
        return trace(tensorflow.constant(sequences), [*map(tensorflow.constant, first)], tensorflow.constant(mask))

    return run


@pytest.mark.parametrize("cell", CASES)
@pytest.mark.parametrize(
    ("units", "features", "batch", "time", "backwards", "zero"),
    [
        (7, 3, 1, 1, False, False),
        (50, 20, 5, 17, True, False),
        (16, 33, 3, 70, False, True),
        (5, 4, 130, 6, True, True),
    ],
)
def test_all_that_comes_of_a_layer_is_what_keras_computes(
    cell: str, units: int, features: int, batch: int, time: int, backwards: bool, zero: bool
) -> None:
    theirs, ours, more = CASES[cell]
    given = {"return_sequences": True, "return_state": True, "go_backwards": backwards, "zero_output_for_mask": zero}
    random = np.random.default_rng(2)
    states = 2 if cell == "lstm" else 1
    factors = [random.normal(size=(batch, time, units)).astype("float32")]
    factors += [random.normal(size=(batch, units)).astype("float32") for _ in range(states)]
    run = []
    for make in (theirs, ours):
        layer = make(units, **given, **more)
        layer.build((batch, time, features))
        randomize(layer)
        run.append(differentiator(layer, factors))
    kernels.used.clear()
    for kind in MASKS:
        mask = draw_mask(kind, batch, time)
        sequences = random.normal(size=(batch, time, features)).astype("float32")
        # What stands in the padding is not looked at.
        sequences[~mask] = 100
        first = [random.normal(size=(batch, units)).astype("float32") for _ in range(states)]
        expected, computed = (one(sequences, first, mask) for one in run)
        assert len(expected) == len(computed) == 1 + states + 1 + states + 3
        for one, other in zip(map(numpy, expected), map(numpy, computed), strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5 * max(1, np.abs(one).max()), err_msg=kind)
    assert kernels.used == {cell}


def test_a_stack_with_both_directions_learns_from_padded_words_what_it_does_with_keras() -> None:
    random = np.random.default_rng(0)
    words = random.integers(1, 50, (32, 12)) * draw_mask("right", 32, 12)
    words[:, 0] = 1
    answers = random.normal(size=(32, 1)).astype("float32")

    def learn(module: ModuleType) -> tuple[list[float], np.ndarray]:
        keras.utils.set_random_seed(1)
        inputs = keras.Input((12,), dtype="int32")
        states = keras.layers.Embedding(50, 8, mask_zero=True)(inputs)
        states = keras.layers.Bidirectional(module.LSTM(6, return_sequences=True))(states)
        states, last = module.GRU(6, return_sequences=True, return_state=True)(states)
        after = module.SimpleRNN(6)(states, initial_state=last)
        model = keras.Model(inputs, keras.layers.Dense(1)(after))
        model.compile("adam", "mse")
        history = model.fit(words, answers, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return history.history["loss"], model.predict(words, verbose=0)

    expected = learn(keras.layers)
    kernels.used.clear()
    losses, answered = learn(recurrent)
    np.testing.assert_allclose(losses, expected[0], rtol=1e-4)
    np.testing.assert_allclose(answered, expected[1], atol=1e-4)
    assert kernels.used == {"lstm", "gru", "simple"}


def test_switched_off_the_portable_loops_run() -> None:
    layer = recurrent.GRU(3)
    sequences, mask = np.ones((2, 4, 3), "float32"), np.arange(4) < [[2], [4]]
    expected = numpy(layer(sequences, mask=mask))
    kernels.used.clear()
    try:
        assert not kernels.switch(False)
        np.testing.assert_allclose(numpy(layer(sequences, mask=mask)), expected, atol=1e-6)
        assert not kernels.used
    finally:
        kernels.switch(True)
