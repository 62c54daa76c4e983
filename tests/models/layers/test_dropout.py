"""The random masks are held to those of jax.random, and the layer to Keras' own."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from harness.differentiation import differentiate
from models.backends import draw_mask, kernels
from models.layers.dropout import Dropout
from models.layers.locked_dropout import LockedDropout
from models.layers.word_dropout import WordDropout
from tests.models import numpy

needs_kernels = pytest.mark.skipif(
    keras.config.backend() != "jax" or kernels.library is None, reason="JAX without native kernels"
)


# Up to several parts for the threads, and neither a multiple of a part nor of a vector.
@needs_kernels
@pytest.mark.parametrize("shape", [(), (1,), (3, 5, 7), (2**14,), (5, 2**14 + 3), (64, 257, 33)])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9999, 1.0])
def test_a_mask_is_that_of_jax_random_to_the_bit(shape: tuple[int, ...], share: float) -> None:
    import jax

    generator, other = keras.random.SeedGenerator(7), keras.random.SeedGenerator(7)
    for _ in range(3):
        expected = jax.random.bernoulli(other.next(), share, shape)
        found = draw_mask(generator, shape, share)
        assert found is not None and found.dtype == bool
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_dropout_is_that_of_keras_to_the_bit_in_both_directions(rate: float, dtype: str) -> None:
    values = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 9, 33)).astype("float32"))
    kinds = (Dropout, keras.layers.Dropout)
    layers = [kind(rate, seed=3, dtype=dtype) for kind in kinds]
    for _ in range(2):
        found, expected = (numpy(ops.cast(layer(values, training=True), "float32")) for layer in layers)
        np.testing.assert_array_equal(found, expected)
    unchanged = [numpy(ops.cast(layer(values, training=False), "float32")) for layer in layers]
    np.testing.assert_array_equal(*unchanged)
    gradients = [
        # The values too: torch differentiates no loss that does not depend on them.
        differentiate(lambda x, kind=kind: ops.sum(x + ops.square(kind(rate, seed=3)(x, training=True))), values)
        for kind in kinds
    ]
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, gradients))


@needs_kernels
@pytest.mark.parametrize(
    ("kind", "dtype", "dropped"), [(Dropout, "float32", 0), (partial(WordDropout, unknown=2), "int32", 2)]
)
def test_the_same_is_dropped_without_the_native_kernels(
    kind: Callable[[float], keras.Layer], dtype: str, dropped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, answers = ops.ones((16, 40), dtype), []
    for wanted in (True, False):
        monkeypatch.setattr(kernels, "_wanted", wanted)
        keras.utils.set_random_seed(1)
        answers.append(ops.convert_to_numpy(kind(0.4)(values, training=True)))
    np.testing.assert_array_equal(*answers)
    assert 0.3 < (answers[0] == dropped).mean() < 0.5


@pytest.mark.parametrize("native", [True, False])
def test_locked_dropout_leaves_the_same_features_out_at_every_step(
    native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_wanted", native)
    values = np.random.default_rng(0).normal(size=(200, 7, 50)).astype("float32")
    layer = LockedDropout(0.4)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(values)), values)
    found = ops.convert_to_numpy(layer(values, training=True))
    dropped = (found == 0).all(axis=1)
    np.testing.assert_allclose(found, np.where(dropped[:, None], 0, values / 0.6), rtol=1e-5)
    assert dropped.mean() == pytest.approx(0.4, abs=0.02)
    # Another sequence, and another step of training, lose others.
    assert (dropped[0] != dropped[1]).any()
    assert (ops.convert_to_numpy(layer(values, training=True)) != found).any()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.rate == 0.4
