"""Calibration: may the probabilities of a classifier be believed? (Guo et al. 2017, "On Calibration of Modern Neural
Networks")"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Bins of probability, between 0 and 1.
BINS = 10
# Between which temperatures one is looked for.
LOWEST, HIGHEST = 0.05, 20.0
# How far the logarithm of a temperature is expected to be from 0, as a standard deviation.
SPREAD = 0.5

Floats = NDArray[np.float64]


def expected_calibration_error(right: ArrayLike, certain: ArrayLike) -> float:
    """Return the mean gap between how sure answers are and how many of them are right, from 0 to 1.

    right, certain: (answers,), whether each is right, and its probability. The gap is that of each of BINS bins of
    probability, weighted by the answers in it (Naeini et al. 2015; Guo et al. 2017, equation 3).
    """
    sure = np.clip(np.asarray(certain, "float64"), 0, 1)
    hits = np.asarray(right, "float64")
    # As scikit-learn's calibration_curve puts them into bins.
    numbers = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    gaps = np.bincount(numbers, hits, minlength=BINS) - np.bincount(numbers, sure, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature by which logits are divided to become the likeliest for the labels (equation 9).

    logits: (examples, labels). labels: (examples,) of integers. The order of the labels, and so the answers, stay.
    Few examples tell little: where all are answered right, the likeliest temperature would be 0. So its logarithm is
    expected to be near 0, with a normal distribution of the standard deviation SPREAD, and the temperature is the
    likeliest of both; the more examples, the less does that count.
    """
    from scipy.optimize import minimize_scalar

    scores, right = np.asarray(logits, "float64"), np.asarray(labels, "int64")
    found = minimize_scalar(
        lambda power: measure_posterior(scores, right, temperature=float(np.exp(power))),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def measure_posterior(logits: Floats, labels: NDArray[np.int64], temperature: float) -> float:
    """Return the negative logarithm, up to a constant, of the posterior that `fit_temperature` makes largest."""
    from scipy.special import log_softmax

    likely = log_softmax(logits / temperature, axis=1)
    own = likely[np.arange(len(labels)), labels]
    return float(-own.sum() + (np.log(temperature) / SPREAD) ** 2 / 2)
