"""The seasonal naive forecast: what was one season before. Networks forecast by how much the truth is off from it."""

import numpy as np


def repeat_season(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Return the values one season before each step of the horizon, (horizon,); further seasons are the same again.

    Where one is missing, that of the season before counts, and after all of them the last value that is known; NaN if
    none is. values: (steps,), the newest last.
    """
    steps = np.arange(horizon)
    places = len(values) + steps - season * (steps // season + 1)
    forecast = np.where(places >= 0, values[np.maximum(places, 0)], np.nan)
    for step in np.flatnonzero(~np.isfinite(forecast)):
        place = int(places[step])
        while place >= 0 and not np.isfinite(values[place]):
            place -= season
        known = values[np.isfinite(values)]
        forecast[step] = values[place] if place >= 0 else known[-1] if len(known) else np.nan
    return forecast


def difference(values: np.ndarray, season: int) -> np.ndarray:
    """Return by how much each value differs from that of a season before, (steps,); NaN where one is not known."""
    found = np.full(len(values), np.nan)
    found[season:] = values[season:] - values[:-season]
    return found


def measure_scale(values: np.ndarray, season: int) -> float:
    """Return the mean absolute seasonal difference, the unit of MASE (Hyndman and Koehler 2006); NaN if none is known.

    values: (steps,), those of the training alone.
    """
    apart = np.abs(difference(values, season))
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else float("nan")
