"""For the tests of forecasting: series and windows that are made, not measured."""

from typing import Any

import numpy as np

import tasks
from harness.options import defaults
from pipeline.forecasting.grid import Grid
from pipeline.forecasting.window import TimeSeries, Window
from pipeline.option import Options


def make_series(
    values: Any, grid: Grid | None = None, *, name: str = "north", known: Any = None, covariates: Any = None
) -> TimeSeries:
    """Return a series of hours, or on another grid; known, covariates: (steps, columns)."""
    numbers = np.array(values, "float64")
    grid = grid or Grid("2026-01-01T00", "h", 1)
    empty = np.empty((len(numbers), 0))
    return TimeSeries(
        name,
        grid,
        numbers,
        empty if covariates is None else covariates,
        empty if known is None else known,
        "file.csv:9",
    )


def make_window(values: Any, horizon: int = 2, season: int = 3, **given: Any) -> Window:
    """Return all of a series as a window."""
    return Window(make_series(values, **given), 0, len(values), horizon, season)


def make_options(**changed: Any) -> Options:
    return defaults(tasks.get("forecast")).replace(**changed)


def wave(steps: int, season: int = 24, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """Return a season with a trend and noise, (steps,)."""
    times = np.arange(steps)
    return (
        10 + 0.01 * times + np.sin(2 * np.pi * times / season) + noise * np.random.default_rng(seed).normal(size=steps)
    )
