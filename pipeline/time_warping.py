"""Time warping: the baseline of series, the class of the training series that is nearest when time may stretch."""

import numpy as np

from pipeline import metrics
from pipeline.example import Splits
from pipeline.fields import Signal, TimeSeries
from pipeline.metrics import Scores
from pipeline.option import Options

# Steps that each series is brought to, at most: the time it takes grows with their square.
MOST_STEPS = 64
# How far apart two steps that are compared may be, as a share of the steps.
BAND = 0.1


def score_nearest(options: Options, splits: Splits) -> Scores:
    """Return the scores of the class of the nearest training series, by dynamic time warping.

    Sakoe and Chiba 1978, the usual baseline of the field (Bagnall et al. 2017): squared differences of the standardised
    channels together, in a band of a tenth of the steps. All series are brought to one length.
    """
    field = TimeSeries(missing="linear")
    field.fit(example.input for example in splits["train"])
    steps = min(MOST_STEPS, max(len(one.input) for one in splits["train"]))
    known = np.stack([resample(field, example.input, steps) for example in splits["train"]])
    answers = [
        splits["train"][int(measure_distances(resample(field, one.input, steps), known).argmin())].output
        for one in splits["test"]
    ]
    return metrics.accuracy_and_macro_f1([example.output for example in splits["test"]], answers)


def resample(field: TimeSeries, signal: Signal, steps: int) -> np.ndarray:
    """Return a signal as (steps, channels) of standardised numbers, on lines between those that it has."""
    values = field.encode(signal)["values"]
    places = np.linspace(0, len(values) - 1, steps)
    return np.stack([np.interp(places, np.arange(len(values)), channel) for channel in values.T], axis=1)


def measure_distances(asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the squared distance by dynamic time warping from one series to each of several: (series,).

    asked: (steps, channels). known: (series, steps, channels).
    """
    steps = len(asked)
    band = max(1, round(BAND * steps))
    # The least sum up to each pair of steps, whose first row and column stand before the first step.
    least = np.full((steps + 1, steps + 1, len(known)), np.inf)
    least[0, 0] = 0
    for row in range(1, steps + 1):
        first, last = max(1, row - band), min(steps, row + band)
        apart = ((known[:, first - 1 : last] - asked[row - 1]) ** 2).sum(axis=2)
        for column in range(first, last + 1):
            before = np.minimum(least[row - 1, column - 1 : column + 1].min(axis=0), least[row, column - 1])
            least[row, column] = apart[:, column - first] + before
    return least[steps, steps]
