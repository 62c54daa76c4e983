"""History: windows as arrays that are scaled by their own past, and as text."""

import numpy as np
import pytest

from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import History
from pipeline.fields.inputs.history import average
from pipeline.forecasting.grid import Grid
from pipeline.forecasting.naive import repeat_season
from pipeline.forecasting.window import Window
from tests.pipeline.fields import fitted
from tests.pipeline.forecasting import make_series, make_window, wave

SEASON, HORIZON = 6, 8


def window(values: np.ndarray, **given: object) -> Window:
    return make_window(values, HORIZON, SEASON, **given)


VALUES = wave(60, SEASON)
FIELD = fitted(History(), [window(VALUES), window(wave(60, SEASON, seed=1))])


def test_the_arrays_are_as_they_are_announced() -> None:
    for calendar in (False, True):
        field = fitted(History(calendar=calendar), [window(VALUES)])
        found = field.encode(window(VALUES))
        for name, array in field.arrays.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == tuple(54 if size is None else size for size in array.shape)
        assert np.isfinite(np.concatenate([array.ravel() for array in found.values()])).all()


@pytest.mark.parametrize(("factor", "shift", "slope"), [(1000.0, 0.0, 0.0), (1.0, 1e4, 0.0), (0.01, -3.0, 0.02)])
def test_a_series_of_another_size_level_or_trend_looks_alike(factor: float, shift: float, slope: float) -> None:
    field = fitted(History(), [window(VALUES)])
    field.floor = 0.0
    one = field.encode(window(VALUES))
    other = field.encode(window(factor * VALUES + shift + slope * np.arange(60)))
    np.testing.assert_allclose(other["future"], one["future"], atol=2e-3)
    np.testing.assert_allclose(other["values"][:, 1:], one["values"][:, 1:], atol=2e-3)
    assert other["spread"] == pytest.approx(factor * one["spread"], rel=1e-3)
    going_on = factor * one["anchor"] + shift + slope * np.arange(60, 60 + HORIZON)
    np.testing.assert_allclose(other["anchor"], going_on, rtol=1e-4)


def test_the_anchor_is_the_seasonal_naive_forecast_with_the_drift_of_the_last_seasons() -> None:
    # 24 steps at least: four seasons.
    drift = (VALUES[-24:] - VALUES[-30:-6]).mean()
    expected = repeat_season(VALUES, HORIZON, SEASON) + drift * np.array([1] * 6 + [2] * 2)
    np.testing.assert_allclose(FIELD.encode(window(VALUES))["anchor"], expected, rtol=1e-6)


def test_gaps_are_masked() -> None:
    values = VALUES.copy()
    values[[20, 21, 59]] = np.nan
    found = FIELD.encode(window(values))
    assert found["values"][:, 2].tolist() == [float(place not in (20, 21, 59)) for place in range(6, 60)]
    assert not found["values"][[14, 15, 53], :2].any()
    assert all(np.isfinite(array).all() for array in found.values())


def test_means_and_deviations_are_those_of_what_is_known() -> None:
    values = np.random.default_rng(0).normal(size=(5, 60))
    values[values > 0.5] = np.nan
    np.testing.assert_array_equal(average(values), np.nanmean(values, axis=1))
    found = FIELD.encode(window(values[0]))["values"][:, 0]
    expected = (values[0] - np.nanmean(values[0])) / np.nanstd(values[0])
    np.testing.assert_allclose(found, np.nan_to_num(expected[SEASON:]), rtol=1e-6)


def test_a_steady_window_has_a_spread_of_its_own() -> None:
    found = FIELD.encode(window(np.full(60, 7.0)))
    assert found["spread"] == pytest.approx(FIELD.floor) and FIELD.floor > 0
    assert found["anchor"].tolist() == [7.0] * HORIZON


def test_covariates_are_scaled_by_the_training_and_those_known_ahead_reach_over_the_horizon() -> None:
    random = np.random.default_rng(0)
    wind, holidays = random.normal(5, 2, (60, 1)), random.integers(0, 2, (60 + HORIZON, 1)).astype(float)
    one = window(VALUES, covariates=wind, known=holidays)
    field = fitted(History(), [one])
    found = field.encode(one)
    np.testing.assert_allclose(found["values"][:, 3], ((wind - wind.mean()) / wind.std())[6:, 0], atol=1e-5)
    scaled = (holidays - holidays[:60].mean()) / holidays[:60].std()
    np.testing.assert_allclose(found["future"][:, -1], scaled[60:, 0], atol=1e-5)
    assert field.parse(str(one)) == one
    with pytest.raises(BadInput, match="known ahead end with the series"):
        field.encode(window(VALUES, covariates=wind, known=holidays[:60]))
    with pytest.raises(BadInput, match="0 covariates and 0 known ahead, and this run is trained with 1 and 1"):
        field.encode(window(VALUES))


@pytest.mark.parametrize(
    "grid", [Grid("2026-01-01T00", "h", 1), Grid("1999-12", "M", 1), Grid("1700", "Y", 1), Grid("5", "", 1)]
)
def test_a_window_is_typed_as_it_is_written(grid: Grid) -> None:
    values = np.round(VALUES, 2)
    values[30] = np.nan
    one = window(values, grid=grid)
    field = fitted(History(), [one])
    assert field.parse(str(one)) == one
    assert str(one).split()[0] == f"@{grid.start}"
    field.parse(field.typed + " 1" * 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3", "3 values: expected more than one season of 6"),
        ("", "0 values: expected"),
        ("1 2 3 1e200 5 6 7", "value 4 is '1e200'; expected such as 0.5"),
        ("1 2 3 four 5 6 7", "value 4 is 'four'; expected such as 0.5, or \\? for a missing number"),
        ("1 2 3 4,5 5 6 7", "value 4 is '4,5'"),
        ("1 2 3 inf 5 6 7", "value 4 is 'inf'"),
        ("? ? ? ? ? ? ?", "none of its values is known"),
        ("@noon 1 2 3 4 5 6 7", "@noon: expected the time of the first value"),
    ],
)
def test_what_is_no_window_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        FIELD.parse(text)


def test_the_calendar_asks_for_a_time_and_another_step_is_refused() -> None:
    field = fitted(History(calendar=True), [window(VALUES)])
    assert field.cycles == ["day"]
    with pytest.raises(BadInput, match="begin with the time of the first value, such as @2026-11-29T00"):
        field.parse("1 2 3 4 5 6 7")
    with pytest.raises(BadInput, match="a value per day, and this run is trained on one per hour"):
        field.encode(window(VALUES, grid=Grid("2026-01-01", "D", 1)))


def test_saved_and_restored_it_is_the_same() -> None:
    field = fitted(History(calendar=True), [window(VALUES)])
    assert fields.restore(History(calendar=True), fields.save(field)) == field


def test_two_windows_of_the_same_numbers_are_equal() -> None:
    longer = make_series(np.r_[VALUES, 1.0])
    same = Window(longer, 0, 60, HORIZON, SEASON)
    assert same == window(VALUES) and hash(same) == hash(window(VALUES))
    assert Window(longer, 1, 61, HORIZON, SEASON) != same


def test_windows_of_another_horizon_or_season_do_not_extend_it() -> None:
    field = fields.inherit(History(), FIELD)
    assert field.extend([window(VALUES)]) == ()
    for horizon, season in ((HORIZON + 1, SEASON), (HORIZON, SEASON + 1)):
        with pytest.raises(BadInput, match=f"give --horizon {HORIZON} --season {SEASON}"):
            field.extend([make_window(VALUES, horizon, season)])
