"""Histogram: a measurement to predict, as a distribution over ranges of it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.fields.array import Array, Arrays
from pipeline.fields.outputs.number import Number


@dataclass
class Histogram(Number):
    """A number <-> {"output": (BINS,)}: how likely each range of numbers is, read by its median.

    A number becomes a Gaussian around it, as wide as 3/4 of a bin, and cross-entropy the loss: "Improving Regression
    Performance with Distributional Losses" (Imani and White 2018, equation 2). The median has the least absolute error
    of all numbers one could name, and does not shrink to the mean of what is uncertain, as least squares does.
    """

    BINS: ClassVar[int] = 25
    MARGIN: ClassVar[int] = 2

    @property
    def edges(self) -> np.ndarray:
        """Return the limits of the bins, (BINS + 1,): from low to high, and MARGIN bins more at either side."""
        width = (self.high - self.low or 1.0) / (self.BINS - 2 * self.MARGIN)
        return self.low + width * np.arange(-self.MARGIN, self.BINS - self.MARGIN + 1)

    def encode(self, number: float) -> Arrays:
        # Not with the others: `list` and `--help` need none of SciPy.
        from scipy.special import ndtr

        edges = self.edges
        # A number unseen in training may lie anywhere.
        middle = np.clip(number, self.low, self.high)
        below = ndtr((edges - middle) / (0.75 * (edges[1] - edges[0])))
        return {"output": (np.diff(below) / (below[-1] - below[0])).astype("float32")}

    def decode(self, output: np.ndarray) -> float:
        """Return the median of a distribution, kept within the range seen in training. output: (BINS,)."""
        below = np.concatenate([[0.0], np.cumsum(output, dtype="float64")])
        return float(np.clip(np.interp(below[-1] / 2, below, self.edges), self.low, self.high))

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((self.BINS,), "float32")}
