"""The score that a search of n trials may be expected to find, from the scores of the trials that were made."""

from collections.abc import Sequence

import numpy as np


def expect_best(scores: Sequence[float], *, lower_is_better: bool) -> list[float]:
    """Return the expected best score of 1, 2, ... trials, drawn with replacement from those that were made.

    Dodge et al. 2019, "Show Your Work", equation 5: E[max] = sum over v of v (P(V <= v)^n - P(V < v)^n).
    """
    sign = -1 if lower_is_better else 1
    ordered = np.sort(sign * np.asarray(scores, "float64"))
    counts = np.arange(len(ordered) + 1) / len(ordered)
    return [float(sign * (ordered * np.diff(counts**number)).sum()) for number in range(1, len(ordered) + 1)]
