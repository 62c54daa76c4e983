"""Carried states: batches that follow each other are one long sequence; gradients end where a batch begins."""

import keras
import numpy as np
import pytest
from keras import ops

from models.layers.carried import CarriedRNN
from models.recurrent import CELLS
from models.tensor import Tensor

ROWS, STEPS, FEATURES, UNITS, PARTS = 3, 4, 2, 5, 3


def make(cell: str, rows: int = ROWS) -> CarriedRNN:
    carried = CarriedRNN(CELLS[cell](UNITS, return_sequences=True, return_state=True), rows)
    carried.build((None, None, FEATURES), (None,))
    return carried


def draw() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, PARTS * STEPS, FEATURES)).astype("float32")


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru", "mingru"])
def test_batches_that_follow_each_other_are_one_long_sequence(cell: str) -> None:
    carried, sequence = make(cell), draw()
    # What an earlier sequence has left is forgotten at the first.
    carried(sequence, np.ones(ROWS, "float32"), training=True)
    parts = [
        carried(part, np.full(ROWS, float(number == 0), "float32"), training=True)
        for number, part in enumerate(np.split(sequence, PARTS, axis=1))
    ]
    whole = carried.layer(sequence)[0]
    np.testing.assert_allclose(ops.concatenate(parts, axis=1), whole, atol=1e-5)


def test_each_row_begins_by_itself_and_a_smaller_batch_keeps_the_others() -> None:
    carried, sequence = make("gru"), draw()
    first, second, third = np.split(sequence, PARTS, axis=1)
    carried(first, np.ones(ROWS, "float32"), training=True)
    found = carried(second[:2], np.array([1.0, 0.0], "float32"), training=True)
    np.testing.assert_allclose(found[0], carried.layer(second[:1])[0][0], atol=1e-5)
    np.testing.assert_allclose(found[1], carried.layer(sequence[1:2, : 2 * STEPS])[0][0, STEPS:], atol=1e-5)
    # The third row has gone on from its first part.
    after = carried(third, np.zeros(ROWS, "float32"), training=True)
    joined = np.concatenate([first[2:], third[2:]], axis=1)
    np.testing.assert_allclose(after[2], carried.layer(joined)[0][0, STEPS:], atol=1e-5)


def test_outside_of_training_every_sequence_begins_anew_and_nothing_is_kept() -> None:
    carried, sequence = make("lstm"), draw()
    carried(sequence, np.ones(ROWS, "float32"), training=True)
    before = [np.array(state) for state in carried.states]
    found = carried(sequence, np.zeros(ROWS, "float32"))
    np.testing.assert_allclose(found, carried.layer(sequence)[0], atol=1e-6)
    for state, kept in zip(carried.states, before, strict=True):
        np.testing.assert_array_equal(state, kept)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="each backend has its own way to gradients; one is enough")
def test_gradients_end_where_a_batch_begins() -> None:
    import jax

    carried, sequence = make("simple"), draw()
    weights = [variable.value for variable in carried.trainable_variables]

    def follow(first: Tensor, second: Tensor) -> Tensor:
        states = [variable.value for variable in carried.non_trainable_variables]
        for part, begin in ((first, 1.0), (second, 0.0)):
            found, states = carried.stateless_call(
                weights, states, part, np.full(ROWS, begin, "float32"), training=True
            )
        return ops.sum(found)

    before, now = jax.grad(follow, argnums=(0, 1))(sequence[:, :STEPS], sequence[:, STEPS : 2 * STEPS])
    assert not np.any(before)
    assert np.all(np.abs(now).sum(axis=(1, 2)) > 0)


def test_it_is_saved_with_its_layer(tmp_path) -> None:
    values, begin = keras.Input((None, FEATURES)), keras.Input(())
    model = keras.Model(
        [values, begin], CarriedRNN(CELLS["gru"](UNITS, return_sequences=True, return_state=True), ROWS)(values, begin)
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    given = [draw(), np.ones(ROWS, "float32")]
    np.testing.assert_allclose(again(given), model(given), atol=1e-6)
