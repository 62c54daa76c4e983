"""Forecaster: quantiles that do not cross, in the units of a series, at once or step by step; and their losses."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import mean_pinball_loss

from models import forecaster
from models.layers.forecasting import FeedbackCell, PinballLoss, Quantiles, ScaledSquaredError, Unscale
from pipeline.errors import BadInput
from pipeline.fields import History, Horizon
from tests.models import numpy
from tests.pipeline.fields import fitted
from tests.pipeline.forecasting import make_options, make_window, wave

LEVELS = Horizon.QUANTILES
HORIZON, SEASON = 8, 6
RANDOM = np.random.default_rng(0)
# (batch, horizon, 3): the value, the unit of its error, and whether it is known.
EXPECTED = np.stack(
    [
        RANDOM.normal(size=(4, HORIZON)),
        np.tile([[1.0], [2.0], [0.5], [1.0]], HORIZON),
        RANDOM.integers(0, 2, (4, HORIZON)),
    ],
    axis=2,
).astype("float32")  # fmt: skip


def make_model(**changed: object) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """Return a small model, and a batch of two windows."""
    window = make_window(wave(60, SEASON), HORIZON, SEASON)
    given = fitted(History(), [window])
    wanted = Horizon(horizon=HORIZON, forecast=changed.pop("forecast", "quantiles"))
    options = make_options(units=8, dropout=0.0, **changed)
    model = forecaster.build(given, wanted, options)
    encoded = [given.encode(window), given.encode(make_window(5 * wave(60, SEASON, seed=1), HORIZON, SEASON))]
    batch = {name: np.stack([one[name] for one in encoded]) for name in given.arrays}
    return model, {**batch, "mask": np.ones((2, 54), bool)}


def test_quantiles_do_not_cross_and_begin_at_the_median() -> None:
    numbers = RANDOM.normal(scale=5, size=(3, 4, 5)).astype("float32")
    found = ops.convert_to_numpy(Quantiles(LEVELS)(numbers))
    assert (np.diff(found, axis=-1) >= 0).all()
    np.testing.assert_array_equal(found[..., 2], numbers[..., 0])
    below = numbers[..., 0] - np.log1p(np.exp(numbers[..., 1])) - np.log1p(np.exp(numbers[..., 2]))
    np.testing.assert_allclose(found[..., 0], below, rtol=1e-5, atol=1e-6)


def test_forecasts_are_in_the_units_of_each_series() -> None:
    found = Unscale()(np.ones((2, 3, 1), "float32"), np.array([[1, 2, 3], [10, 20, 30]], "float32"), np.array([0.5, 2]))
    assert ops.convert_to_numpy(found)[..., 0].tolist() == [[1.5, 2.5, 3.5], [12, 22, 32]]


def test_the_pinball_loss_is_that_of_scikit_learn_over_the_steps_that_are_known() -> None:
    quantiles = RANDOM.normal(size=(4, HORIZON, len(LEVELS))).astype("float32")
    found = ops.convert_to_numpy(PinballLoss(LEVELS).call(EXPECTED, quantiles))
    for row in range(4):
        known = EXPECTED[row, :, 2] == 1
        actual, scale = EXPECTED[row, known, 0], EXPECTED[row, 0, 1]
        losses = [mean_pinball_loss(actual, quantiles[row, known, n], alpha=p) for n, p in enumerate(LEVELS)]
        assert found[row] == pytest.approx(np.mean(losses) / scale, rel=1e-5)


def test_the_loss_of_a_mean_is_the_squared_error_over_the_steps_that_are_known() -> None:
    mean = RANDOM.normal(size=(4, HORIZON, 1)).astype("float32")
    known = EXPECTED[..., 2] == 1
    squared = np.square((EXPECTED[..., 0] - mean[..., 0]) / EXPECTED[..., 1])
    expected = [squared[row, known[row]].mean() for row in range(4)]
    np.testing.assert_allclose(numpy(ScaledSquaredError().call(EXPECTED, mean)), expected, rtol=1e-5)
    nothing = EXPECTED * [1, 1, 0]
    assert not ops.convert_to_numpy(ScaledSquaredError().call(nothing, mean)).any()


@pytest.mark.parametrize("cell", ["lstm", "mingru"])
def test_a_forecast_that_is_fed_back_is_the_cell_step_by_step(cell: str) -> None:
    feedback = FeedbackCell(cell, 4, len(LEVELS))
    layer = keras.layers.RNN(feedback, return_sequences=True)
    known = RANDOM.normal(size=(2, 5, 3)).astype("float32")
    first = [
        np.zeros((2, 1), "float32"),
        *(RANDOM.normal(size=(2, 4)).astype("float32") for _ in feedback.state_size[1:]),
    ]
    found = ops.convert_to_numpy(layer(known, initial_state=first))
    before, states = first[0], first[1:]
    for step in range(5):
        given = np.concatenate([known[:, step], before], axis=1)
        hidden, states = feedback.recurrent(given, states if len(states) > 1 else [states[0]])
        states = keras.tree.flatten(states)
        expected = ops.convert_to_numpy(feedback.logits(np.concatenate([numpy(hidden), known[:, step]], axis=1)))
        np.testing.assert_allclose(found[:, step], expected, atol=1e-5)
        before = expected[:, :1]


@pytest.mark.parametrize(
    ("decoding", "forecast"), [("direct", "quantiles"), ("direct", "mean"), ("autoregressive", "quantiles")]
)
def test_a_saved_model_gives_the_same_forecasts(decoding: str, forecast: str, tmp_path: Path) -> None:
    model, batch = make_model(decoding=decoding, forecast=forecast, cell="gru")
    found = model(batch)
    assert found.shape == (2, HORIZON, 5 if forecast == "quantiles" else 1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(batch)), numpy(found), atol=1e-5)


def test_a_network_that_gives_nothing_forecasts_the_anchor() -> None:
    model, batch = make_model(forecast="mean")
    logits = model.get_layer("logits")
    logits.set_weights([np.zeros_like(weight) for weight in logits.get_weights()])
    np.testing.assert_allclose(numpy(model(batch))[..., 0], batch["anchor"], rtol=1e-6)


def test_a_cell_without_a_state_cannot_write_step_by_step() -> None:
    with pytest.raises(BadInput, match="--decoding autoregressive: the cell 'dnn' has no state to go on from"):
        make_model(decoding="autoregressive", cell="dnn", max_length=54)
