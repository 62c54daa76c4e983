"""Histogram: a measurement to predict, as a distribution over ranges of it, or over its levels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED
from pipeline.fields.outputs.number import Number
from pipeline.option import option


@dataclass
class Histogram(Number):
    """A number <-> {"output": (BINS,)}: how likely each range of numbers is, read by its median.

    A number becomes a Gaussian around it, as wide as 3/4 of a bin, and cross-entropy the loss: "Improving Regression
    Performance with Distributional Losses" (Imani and White 2018, equation 2). The median has the least absolute error
    of all numbers one could name, and does not shrink to the mean of what is uncertain, as least squares does.

    With the loss "ordinal", and with "auto" where there are few different numbers, <-> {"output": (levels,)}: how
    likely each level is, read by its median too. levels: the different numbers of the training data, such as 1 to 5,
    ascending; else None.
    """

    BINS: ClassVar[int] = 25
    MARGIN: ClassVar[int] = 2
    MOST_LEVELS: ClassVar[int] = 50
    loss: Literal["histogram", "ordinal", "auto"] = option(
        "histogram",
        "A number as a histogram of ranges, or as one of a few levels in order (auto: if so).",
        group="training",
    )
    levels: list[float] | None = field(default=None, metadata=LEARNED)

    def fit(self, numbers: Iterable[float]) -> None:
        values = [float(number) for number in numbers]
        super().fit(values)
        levels = sorted(set(values))
        few = 2 <= len(levels) <= self.MOST_LEVELS
        if self.loss == "ordinal" and not few:
            raise BadInput(
                f"--loss ordinal: expected 2 to {self.MOST_LEVELS} different numbers in the training data, got "
                f"{len(levels):,}; leave the option out, or give --loss auto"
            )
        self.levels = levels if few and self.loss != "histogram" else None

    def extend(self, numbers: Iterable[float]) -> Sequence[str]:
        # The weights belong to the bins, or to the levels, as they are.
        numbers = list(numbers)
        if self.levels:
            others = sum(number not in self.levels for number in numbers)
            return [f"{others:,} numbers that are none of the levels, which count as the nearest"] if others else []
        beyond = sum(not self.low <= number <= self.high for number in numbers)
        return [f"{beyond:,} numbers beyond {self.low:g} to {self.high:g}, which count as its ends"] if beyond else []

    @property
    def edges(self) -> np.ndarray:
        """Return the limits of the bins, (BINS + 1,): from low to high, and MARGIN bins more at either side."""
        width = (self.high - self.low or 1.0) / (self.BINS - 2 * self.MARGIN)
        return self.low + width * np.arange(-self.MARGIN, self.BINS - self.MARGIN + 1)

    def encode(self, number: float) -> Arrays:
        # Not with the others: `list` and `--help` need none of SciPy.
        from scipy.special import ndtr

        if self.levels:
            nearest = np.abs(np.array(self.levels) - number).argmin()
            return {"output": np.eye(len(self.levels), dtype="float32")[nearest]}
        edges = self.edges
        # A number unseen in training may lie anywhere.
        middle = np.clip(number, self.low, self.high)
        below = ndtr((edges - middle) / (0.75 * (edges[1] - edges[0])))
        return {"output": (np.diff(below) / (below[-1] - below[0])).astype("float32")}

    def decode(self, output: np.ndarray) -> float:
        """Return the median of a distribution, kept within the range seen in training. output: (BINS,) or (levels,)."""
        if self.levels:
            # Rounding may leave the sum below 1.
            below = np.cumsum(output, dtype="float64")
            return self.levels[int(np.searchsorted(below, below[-1] / 2))]
        below = np.concatenate([[0.0], np.cumsum(output, dtype="float64")])
        return float(np.clip(np.interp(below[-1] / 2, below, self.edges), self.low, self.high))

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((len(self.levels or range(self.BINS)),), "float32", ordered=bool(self.levels))}

    @property
    def range_names(self) -> Sequence[str | None]:
        """Return what each place of a distribution stands for; None of a range that no training number is in."""
        if self.levels:
            return [f"{level:g}" for level in self.levels]
        inside = range(self.MARGIN, self.BINS - self.MARGIN)
        pairs = zip(self.edges[:-1], self.edges[1:], strict=True)
        return [f"{low:.1f} to {high:.1f}" if place in inside else None for place, (low, high) in enumerate(pairs)]
