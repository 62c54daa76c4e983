"""A training step over several devices, here one; tests/harness/training/test_devices.py trains on several."""

from typing import Any

import jax
import keras
import numpy as np
import pytest

from models.backends.adam import Adam
from models.backends.data_parallel import average, shift_seed, unite, use_devices
from pipeline.batches.shares import FILLED

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="several devices are for JAX")


def test_rows_that_fill_a_share_change_neither_the_step_nor_the_loss_that_is_shown() -> None:
    generator = np.random.default_rng(0)
    rows, wanted = generator.normal(size=(6, 3)).astype("float32"), generator.normal(size=(6, 1)).astype("float32")
    weights = np.array([1, 0, 2, 1, 1, 0.5], "float32")
    filled = [np.concatenate([array, array[:2]]) for array in (rows, wanted)]
    found = []
    for shared in (False, True):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((3,), name="rows")
        model = keras.Model({"rows": inputs}, keras.layers.Dense(1)(keras.layers.Dense(4, "tanh")(inputs)))
        model.compile(Adam(0.1, global_clipnorm=0.5), loss=keras.losses.MeanSquaredError("mean_with_sample_weight"))
        model.optimizer.build(model.trainable_variables)
        batch: Any = ({"rows": rows}, wanted, weights)
        if shared:
            use_devices(model, jax.local_devices()[:1])
            batch = ({"rows": filled[0]}, filled[1], np.append(weights, [FILLED, FILLED]).astype("float32"))
        history = model.fit(Repeated(batch), epochs=3, shuffle=False, verbose=0).history["loss"]
        found.append((history, [np.array(weight) for weight in model.weights]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6) and len(set(found[0][0])) == 3
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


class Repeated(keras.utils.PyDataset):
    """One batch, twice in each epoch."""

    def __init__(self, batch: tuple):
        super().__init__()
        self.batch = batch

    def __len__(self) -> int:
        return 2

    def __getitem__(self, position: int) -> tuple:
        return self.batch


def over(step: Any, *given: Any) -> Any:
    """Return what a step gives on each device, as vmap computes it: devices are rows."""
    return jax.vmap(step, axis_name="batch")(*given)


def test_gradients_are_averaged_by_the_weights_of_the_devices() -> None:
    generator = np.random.default_rng(0)
    gradients = [generator.normal(size=(3, 2, 4)).astype("float32"), generator.normal(size=(3, 5)).astype("float32")]
    weights = np.array([2.0, 0.0, 5.0], "float32")
    found = over(lambda *given: average(given[:2], given[2]), *gradients, weights)
    for one, mean in zip(gradients, found, strict=True):
        for row in mean:
            np.testing.assert_allclose(row, np.average(one, axis=0, weights=weights), rtol=1e-5)
    for row in over(lambda *given: average(given[:2], given[2]), *gradients, 0 * weights):
        assert not np.any(row)


def test_each_device_draws_other_numbers_and_all_end_with_the_same_seed() -> None:
    seeds = np.tile(np.array([7, 3], "uint32"), (4, 1))
    shifted = over(shift_seed, seeds)
    assert len({tuple(map(int, row)) for row in shifted}) == 4 and tuple(map(int, shifted[0])) == (7, 3)

    def step(seed: Any) -> Any:
        own = shift_seed(seed)
        return unite(seed, own, own + np.array([0, 1], "uint32"))

    np.testing.assert_array_equal(over(step, seeds), np.tile(np.array([7, 4], "uint32"), (4, 1)))


def test_statistics_are_averaged_and_what_has_not_changed_stays_to_the_bit() -> None:
    before, change = np.full((3, 2), 0.1, "float32"), np.array([[1, 2], [2, 4], [3, 9]], "float32")
    found = over(lambda one, more: unite(one, one, one + more), before, change)
    np.testing.assert_allclose(found, np.tile([2.1, 5.1], (3, 1)), rtol=1e-6)
    np.testing.assert_array_equal(over(lambda one, more: unite(one, one, one + 0 * more), before, change), before)
    np.testing.assert_array_equal(over(lambda one: unite(one, one, one), before), before)
