"""The errors of forecasts, against their definitions and scikit-learn's pinball loss."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from pipeline.forecasting import baselines, metrics
from pipeline.forecasting.naive import repeat_season
from pipeline.forecasting.rolling import divide
from pipeline.forecasting.window import Future
from tests.pipeline.forecasting import make_options, make_series, make_window, wave

ACTUAL = np.array([[1.0, 2.0, 0.0], [10.0, 20.0, 31.0]])
QUANTILES = {"0.1": ACTUAL - [[1, 1, 1], [2, -2, 2]], "0.5": ACTUAL + [[0.5, 0, 0], [1, 2, -3]], "0.9": ACTUAL + 4}
REFERENCES = [Future(tuple(row), scale) for row, scale in zip(ACTUAL.tolist(), (0.5, 2.0), strict=True)]
PREDICTIONS = [{level: tuple(rows[n].tolist()) for level, rows in QUANTILES.items()} for n in range(2)]


def test_scores_are_those_of_their_definitions() -> None:
    found = metrics.measure(REFERENCES, PREDICTIONS)
    assert found["mae"] == pytest.approx(6.5 / 6)
    assert found["rmse"] == pytest.approx(np.sqrt((0.25 + 1 + 4 + 9) / 6))
    # 0 and 0 differ by nothing.
    assert found["smape"] == pytest.approx(200 * (0.5 / 2.5 + 1 / 21 + 2 / 42 + 3 / 59) / 6)
    assert found["mase"] == pytest.approx((0.5 / 0.5 + (1 + 2 + 3) / 2) / 6)
    # One value lies below its 10% quantile.
    assert found["coverage_80"] == pytest.approx(5 / 6)
    assert found["width_80"] == pytest.approx((3 * 5 + 6 + 2 + 6) / 6)
    scaled = [
        mean_pinball_loss(ACTUAL[n] / scale, QUANTILES[level][n] / scale, alpha=float(level))
        for n, scale in ((0, 0.5), (1, 2.0))
        for level in QUANTILES
    ]
    assert found["pinball"] == pytest.approx(np.mean(scaled))


def test_steps_that_nobody_knows_count_nowhere() -> None:
    longer = [Future((*one.values, None), one.scale) for one in REFERENCES]
    answers = [{level: (*numbers, 1e9) for level, numbers in one.items()} for one in PREDICTIONS]
    assert metrics.measure(longer, answers) == metrics.measure(REFERENCES, PREDICTIONS)


def test_a_mean_has_no_interval() -> None:
    found = metrics.measure(REFERENCES, [{"mean": one["0.5"]} for one in PREDICTIONS])
    assert found.keys() == {"mae", "rmse", "smape", "mase"}
    assert found["mase"] == metrics.measure(REFERENCES, PREDICTIONS)["mase"]


def test_the_seasonal_naive_forecast_repeats_the_last_season_that_is_known() -> None:
    assert repeat_season(np.array([1.0, 2, 3, 4, 5, 6]), 5, 3).tolist() == [4, 5, 6, 4, 5]
    assert repeat_season(np.array([1.0, 2, 3, 4, np.nan, 6]), 3, 3).tolist() == [4, 2, 6]
    assert repeat_season(np.array([7.0, np.nan]), 2, 2).tolist() == [7, 7]
    assert baselines.forecast_naively(make_window(range(6))).tolist() == [3, 4]


@pytest.mark.slow
def test_exponential_smoothing_knows_a_season_and_a_trend() -> None:
    options = make_options(window=30, horizon=6, season=6)
    splits = divide([make_series(wave(200, 6, noise=0.02))], options, print)
    smoothed = baselines.score_exponential_smoothing(options, splits)
    naive = baselines.score_seasonal_naive(options, splits)
    assert smoothed["mase"] < 0.7 * naive["mase"]
    assert 0.4 < smoothed["coverage_80"] <= 1
    # What lies in the future of the last origin is not looked at.
    later = {split: examples[:-1] for split, examples in splits.items()}
    fewer = [example.input for example in later["test"]]
    every = [example.input for example in splits["test"]]
    assert baselines.smooth(fewer) == baselines.smooth(every)[:-1]


@pytest.mark.parametrize("season", [1, 12])
def test_exponential_smoothing_of_short_series_with_gaps(season: int) -> None:
    values = wave(40, 12)
    values[[3, 30]] = np.nan
    found = baselines.smooth([make_window(values, horizon=3, season=season)])
    assert np.isfinite(list(found[0].values())).all()
