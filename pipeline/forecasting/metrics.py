"""How good forecasts are: the errors that the field reports, over all steps of all windows whose value is known."""

from collections.abc import Sequence

import numpy as np

from pipeline.fields.outputs.horizon import Forecast, read_point
from pipeline.forecasting.window import Future
from pipeline.metrics import Scores

# The interval that is scored is that between the first and the last of the quantiles that are.
SCORED = LOW, _, HIGH = "0.1", "0.5", "0.9"


def measure(references: Sequence[Future], predictions: Sequence[Forecast]) -> Scores:
    """Return the errors of forecasts, in the units of the series where nothing else is said.

    mae, rmse: of the point forecast, the median or the mean (scikit-learn).
    smape: symmetric mean absolute percentage error, 0 to 200 (Makridakis 1993, as in the M4 competition).
    mase: mean absolute scaled error: below 1 is better than a seasonal naive forecast of one season is over the
        training data of the series (Hyndman and Koehler 2006).
    pinball: of quantiles, the mean loss of those of 10, 50 and 90%, scaled as mase is.
    coverage_80, width_80: the share of the values within the interval from the first to the last of these, and its
        mean width.
    """
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    # Not by their names: those that are read back from a run's predictions are plain tuples.
    values = np.array([after for after, _ in references], "float64")
    known = np.isfinite(values)
    scales = np.broadcast_to(np.array([scale for _, scale in references])[:, None], values.shape)[known]
    actual, point = values[known], np.array([read_point(forecast) for forecast in predictions])[known]
    error = np.abs(actual - point)
    size = np.abs(actual) + np.abs(point)
    scores = {
        "mae": float(mean_absolute_error(actual, point)),
        "rmse": float(root_mean_squared_error(actual, point)),
        "smape": float(200 * np.mean(np.divide(error, size, out=np.zeros_like(size), where=size > 0))),
        "mase": float(np.mean(error / scales)),
    }
    if not predictions[0].keys() >= set(SCORED):
        return scores
    quantiles = {level: np.array([one[level] for one in predictions])[known] for level in SCORED}
    losses = [
        np.maximum(float(level) * (actual - found), (float(level) - 1) * (actual - found))
        for level, found in quantiles.items()
    ]
    low, high = quantiles[LOW], quantiles[HIGH]
    return scores | {
        "pinball": float(np.mean(losses / scales)),
        "coverage_80": float(np.mean((low <= actual) & (actual <= high))),
        "width_80": float(np.mean(high - low)),
    }
