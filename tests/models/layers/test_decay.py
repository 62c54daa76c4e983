"""Decay: compared with Che et al. 2018, equations 2 and 10 to 16, step by step in NumPy."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from models.cells import CELLS
from models.layers.decay import DecayCell, wrap_in_decay
from pipeline.errors import BadInput

CHANNELS, UNITS, STEPS = 3, 4, 7


def draw_inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values, (2, time, channels), whether they were measured, and the times, (2, time, 1)."""
    chance = np.random.default_rng(0)
    values = chance.normal(size=(2, STEPS, CHANNELS)).astype("float32")
    measured = (chance.random(values.shape) < 0.5).astype("float32")
    times = np.cumsum(chance.uniform(0.2, 2, (2, STEPS, 1)), axis=1).astype("float32")
    return values, measured, times


def randomise(layer: layers.Layer) -> dict[str, np.ndarray]:
    """Set all weights at random, above and below 0; return them by name."""
    chance = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(chance.normal(size=weight.shape) * 0.5)
    return {weight.path.rpartition("/")[2]: np.asarray(ops.convert_to_numpy(weight)) for weight in layer.weights}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gru_d(x: np.ndarray, m: np.ndarray, s: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """Return the hidden states of one series, (time, units), as the paper has them; the mean of each channel is 0."""
    update, reset, new = (slice(number * UNITS, (number + 1) * UNITS) for number in range(3))
    h, last, delta, states = np.zeros(UNITS), np.zeros(CHANNELS), np.zeros(CHANNELS), []
    for t in range(len(x)):
        if t:
            passed = s[t, 0] - s[t - 1, 0]
            delta = np.where(m[t - 1] == 0, passed + delta, passed)
        gamma_x = np.exp(-np.maximum(0, w["input_decay"] * delta + w["input_decay_bias"]))
        gamma_h = np.exp(-np.maximum(0, delta @ w["hidden_decay"] + w["hidden_decay_bias"]))
        estimate = m[t] * x[t] + (1 - m[t]) * (gamma_x * last + (1 - gamma_x) * 0)
        h, given = gamma_h * h, np.concatenate([estimate, m[t]])
        kernel, recurrent, bias = w["kernel"], w["recurrent_kernel"], w["bias"]
        z = sigmoid(given @ kernel[:, update] + h @ recurrent[:, update] + bias[update])
        r = sigmoid(given @ kernel[:, reset] + h @ recurrent[:, reset] + bias[reset])
        proposed = np.tanh(given @ kernel[:, new] + (r * h) @ recurrent[:, new] + bias[new])
        # Keras' z is the share kept, the paper's that which is new: the same with other signs of its weights.
        h = z * h + (1 - z) * proposed
        last = np.where(m[t] == 1, x[t], last)
        states.append(h)
    return np.stack(states)


def test_a_gru_that_decays_is_gru_d() -> None:
    values, measured, times = draw_inputs()
    layer = layers.RNN(DecayCell(layers.GRUCell(UNITS, reset_after=False), CHANNELS), return_sequences=True)
    # What was not measured may hold anything.
    given = np.concatenate([values, measured, times - times[:, :1]], axis=-1)
    layer.build(given.shape)
    weights = randomise(layer)
    found = ops.convert_to_numpy(layer(given))
    for row in range(2):
        expected = gru_d(values[row], measured[row], times[row], weights)
        assert found[row] == pytest.approx(expected, abs=1e-5)


def test_from_the_end_the_time_that_passes_is_the_same() -> None:
    values, measured, times = draw_inputs()
    layer = layers.RNN(DecayCell(layers.GRUCell(UNITS), CHANNELS), return_sequences=True)
    backwards = np.concatenate([values, measured, times], axis=-1)[:, ::-1]
    mirrored = np.concatenate([values, measured, times[:, -1:] - times], axis=-1)
    mirrored = np.concatenate([mirrored[:, ::-1, :-1], np.sort(mirrored[..., -1:], axis=1)], axis=-1)
    layer.build(mirrored.shape)
    randomise(layer)
    one, other = (ops.convert_to_numpy(layer(given)) for given in (backwards, mirrored))
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("cell", ("simple", "lstm", "lru", "bag"))
def test_every_cell_with_a_state_decays_and_is_its_own_where_all_is_measured_and_nothing_decays(cell: str) -> None:
    values, measured, times = draw_inputs()
    kind = CELLS[cell]
    plain = kind.configure(kind.options() if kind.options else None, 9)(UNITS, return_sequences=True, name=cell)
    layer = wrap_in_decay(plain, CHANNELS)
    given = np.concatenate([values, np.ones_like(measured), times], axis=-1)
    layer.build(given.shape)
    randomise(layer)
    fading = ops.convert_to_numpy(layer(given))
    for weight in (layer.cell.hidden_rate, layer.cell.hidden_bias):
        weight.assign(np.zeros(weight.shape))
    found = ops.convert_to_numpy(layer(given))
    same = layers.RNN(layer.cell.cell, return_sequences=True)(given[..., : 2 * CHANNELS])
    assert found == pytest.approx(ops.convert_to_numpy(same), abs=1e-5)
    assert not np.allclose(found, fading, atol=1e-3)


def test_the_beginning_can_be_learned() -> None:
    layer = layers.RNN(DecayCell(layers.GRUCell(UNITS), CHANNELS))
    layer.build((None, STEPS, 2 * CHANNELS + 1))
    # Where max(0, .) is 0 it has no gradient.
    assert (ops.convert_to_numpy(layer.cell.input_rate) > 0).all()
    assert (ops.convert_to_numpy(layer.cell.hidden_rate) > 0).all()


def test_a_cell_without_a_state_is_refused() -> None:
    with pytest.raises(BadInput, match="--missing decay: the cell of dnn_0_forward has no state that could decay"):
        wrap_in_decay(keras.layers.Dense(3, name="dnn_0_forward"), CHANNELS)
