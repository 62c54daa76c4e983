"""Forecasts that need no network: the season before, and exponential smoothing. Both are given all of the past."""

import warnings
from collections.abc import Sequence

import numpy as np

from pipeline.example import Example, Splits
from pipeline.forecasting import metrics
from pipeline.forecasting.naive import repeat_season
from pipeline.forecasting.window import TimeSeries, Window
from pipeline.metrics import Scores
from pipeline.option import Options

# Seasons, and steps at least, of the past that exponential smoothing is fitted to, and begins from.
SEASONS, STEPS = 28, 60
# The interval that a network gives, and the paths that are simulated for it.
INTERVAL = 0.8


def score_seasonal_naive(options: Options, splits: Splits) -> Scores:
    """Return the scores of answering what was one season before."""
    examples = splits["test"]
    answers = [{"mean": tuple(forecast_naively(example.input))} for example in examples]
    return metrics.measure([example.output for example in examples], answers)


def forecast_naively(window: Window) -> np.ndarray:
    """Return the values of the season before, (horizon,)."""
    return repeat_season(window.series.values[: window.stop], window.horizon, window.season)


def score_exponential_smoothing(options: Options, splits: Splits) -> Scores:
    """Return the scores of exponential smoothing with an additive trend and season (statsmodels).

    Its parameters are fitted once, as a network's are, to the last SEASONS seasons before the test of each series, with
    and without damping; the one with the lower AIC is taken. Level, trend and season go on to each origin. The interval
    is that which the model gives (Hyndman et al. 2008, table 6.2).
    """
    by_series: dict[int, list[Example]] = {}
    for example in splits["test"]:
        by_series.setdefault(id(example.input.series), []).append(example)
    references, answers = [], []
    for examples in by_series.values():
        references += [example.output for example in examples]
        answers += smooth([example.input for example in examples])
    return metrics.measure(references, answers)


def smooth(windows: Sequence[Window]) -> list[dict[str, tuple[float, ...]]]:
    """Return the forecasts for windows of one series, in the order of time; see above."""
    import pandas
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    first, last = windows[0], windows[-1]
    season = first.season
    begin = max(0, first.stop - max(SEASONS * season, STEPS))
    # A season has to be seen twice.
    kind = "add" if season > 1 and first.stop - begin >= 2 * season + 2 else None
    # Its intervals ask for an index.
    values = pandas.Series(fill(first.series, begin, last.stop))

    def make(stop: int, damped: bool) -> "ETSModel":
        return ETSModel(
            values[: stop - begin],
            trend="add",
            damped_trend=damped,
            seasonal=kind,
            seasonal_periods=season if kind else None,
            # With the others its search does not end well where a season is long.
            initialization_method="heuristic",
        )

    answers = []
    with warnings.catch_warnings():
        # It warns where its search has not converged; the best that it has found is taken.
        warnings.simplefilter("ignore")
        fits = {damped: make(first.stop, damped).fit(disp=False) for damped in (True, False)}
        damped = min(fits, key=lambda one: fits[one].aic)
        for window in windows:
            went_on = make(window.stop, damped).smooth(fits[damped].params)
            origin = window.stop - begin
            told = went_on.get_prediction(start=origin, end=origin + window.horizon - 1)
            interval = np.asarray(told.pred_int(alpha=1 - INTERVAL))
            columns = (interval[:, 0], np.asarray(told.predicted_mean), interval[:, 1])
            answers.append(
                {level: tuple(column.tolist()) for level, column in zip(("0.1", "0.5", "0.9"), columns, strict=True)}
            )
    return answers


def fill(series: TimeSeries, start: int, stop: int) -> np.ndarray:
    """Return the values from start to stop, gaps filled by a straight line: exponential smoothing knows no gaps."""
    values = series.values[start:stop]
    known = np.isfinite(values)
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
