"""Grid: regular times out of time stamps, their seasons and where they are in the calendar."""

import numpy as np
import pandas
import pytest

from pipeline.errors import BadInput
from pipeline.forecasting.grid import Grid, fit_grid, read_grid


@pytest.mark.parametrize(
    ("frequency", "unit", "count", "season"),
    [
        ("30min", "m", 30, 48), ("h", "h", 1, 24), ("6h", "h", 6, 4), ("D", "D", 1, 7), ("7D", "D", 7, 52),
        ("MS", "M", 1, 12), ("ME", "M", 1, 12), ("QE", "M", 3, 4), ("YE", "Y", 1, 1), ("7min", "m", 7, 1),
    ],
)  # fmt: skip
def test_the_step_and_the_season_follow_from_the_time_stamps(
    frequency: str, unit: str, count: int, season: int
) -> None:
    times = pandas.date_range("2020-02-29", periods=40, freq=frequency).to_numpy().astype("datetime64[s]")
    # Every time but the fifth is there.
    grid, positions = fit_grid(np.delete(times, 4))
    assert (grid.unit, grid.count, grid.find_season()) == (unit, count, season)
    assert positions.tolist() == [place for place in range(40) if place != 4]


def test_times_that_are_not_regular_are_refused() -> None:
    times = np.array(["2026-01-01T00:00", "2026-01-01T01:00", "2026-01-01T02:00", "2026-01-01T03:13"], "datetime64[s]")
    with pytest.raises(BadInput, match="most are 1 hour apart, but 2026-01-01T03:13:00 is not"):
        fit_grid(times)


def test_phases_are_those_of_pandas() -> None:
    grid = Grid("2025-12-30T05", "h", 5)
    times = pandas.DatetimeIndex(grid.list_times(3, 40))
    found = grid.list_phases(3, 40, ["day", "week", "year"])
    expected = np.stack([times.hour / 24, times.dayofweek / 7, (times.dayofyear - 1) / 366], axis=1) * 2 * np.pi
    np.testing.assert_allclose(found, np.concatenate([np.sin(expected), np.cos(expected)], axis=1), atol=1e-6)


def test_times_are_written_and_read_again() -> None:
    for grid in (Grid("2026-01-31T23:30", "m", 30), Grid("2026-11", "M", 3), Grid("1999", "Y", 1), Grid("-7", "", 2)):
        written = grid.write(0, 4)
        assert read_grid(written[2], grid.unit, grid.count).write(0, 2) == written[2:]
    assert Grid("2026-11", "M", 3).write(1, 3) == ("2027-02", "2027-05")


@pytest.mark.parametrize(("typed", "unit"), [("noon", "h"), ("2026-13-01", "D"), ("1.5", ""), ("", "D")])
def test_what_is_no_time_is_refused(typed: str, unit: str) -> None:
    with pytest.raises(BadInput, match="expected the (time|number) of the first"):
        read_grid(typed, unit, 1)
