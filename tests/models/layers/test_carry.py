"""Carried states: batches that follow each other are one long sequence; gradients end where a batch begins."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from models.layers.carry import Carry
from models.recurrent import CELLS
from models.tensor import Tensor
from tests.models import numpy

ROWS, STEPS, FEATURES, UNITS, PARTS = 3, 4, 2, 5, 3


def make(cell: str, rows: int = ROWS) -> Carry:
    carried = Carry(CELLS[cell](UNITS, return_sequences=True), rows)
    carried.build((None, None, FEATURES), (None, None), (None,))
    return carried


def read(carried: Carry, sequences: np.ndarray, continues: list[int]) -> np.ndarray:
    mask = np.ones(sequences.shape[:2], bool)
    return numpy(carried(sequences, mask, np.array(continues, "int32"), training=True))


def read_alone(carried: Carry, sequences: np.ndarray) -> np.ndarray:
    return numpy(carried.layer(sequences)[0])


def draw() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, PARTS * STEPS, FEATURES)).astype("float32")


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru", "mingru"])
def test_batches_that_follow_each_other_are_one_long_sequence(cell: str) -> None:
    carried, sequence = make(cell), draw()
    # What an earlier sequence has left is forgotten at the first.
    read(carried, sequence, [0] * ROWS)
    parts = [
        read(carried, part, [int(number > 0)] * ROWS) for number, part in enumerate(np.split(sequence, PARTS, axis=1))
    ]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), read_alone(carried, sequence), atol=1e-5)


def test_each_row_begins_by_itself_and_a_smaller_batch_keeps_the_others() -> None:
    carried, sequence = make("gru"), draw()
    first, second, third = np.split(sequence, PARTS, axis=1)
    read(carried, first, [0] * ROWS)
    found = read(carried, second[:2], [0, 1])
    np.testing.assert_allclose(found[0], read_alone(carried, second[:1])[0], atol=1e-5)
    np.testing.assert_allclose(found[1], read_alone(carried, sequence[1:2, : 2 * STEPS])[0, STEPS:], atol=1e-5)
    # The third row has gone on from its first part.
    after = read(carried, third, [1] * ROWS)
    joined = np.concatenate([first[2:], third[2:]], axis=1)
    np.testing.assert_allclose(after[2], read_alone(carried, joined)[0, STEPS:], atol=1e-5)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="each backend has its own way to gradients; one is enough")
def test_gradients_end_where_a_batch_begins() -> None:
    import jax

    carried, sequence = make("simple"), draw()
    weights = [variable.value for variable in carried.trainable_variables]
    mask = np.ones((ROWS, STEPS), bool)

    def follow(first: Tensor, second: Tensor) -> Tensor:
        states = [variable.value for variable in carried.non_trainable_variables]
        for part, continues in ((first, 0), (second, 1)):
            found, states = carried.stateless_call(
                weights, states, part, mask, np.full(ROWS, continues, "int32"), training=True
            )
        return ops.sum(found)

    before, now = jax.grad(follow, argnums=(0, 1))(sequence[:, :STEPS], sequence[:, STEPS : 2 * STEPS])
    assert not np.any(before)
    assert np.all(np.abs(now).sum(axis=(1, 2)) > 0)


def test_it_is_saved_with_its_layer(tmp_path: Path) -> None:
    inputs = [keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool"), keras.Input((), dtype="int32")]
    model = keras.Model(inputs, Carry(CELLS["gru"](UNITS, return_sequences=True), ROWS)(*inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    sequence = draw()
    given = [sequence, np.ones(sequence.shape[:2], bool), np.zeros(ROWS, "int32")]
    np.testing.assert_allclose(numpy(again(given)), numpy(model(given)), atol=1e-6)
