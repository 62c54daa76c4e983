"""Time series, and windows of them: what a forecast is made from, and what it is measured by."""

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pipeline.forecasting.grid import Grid

# The largest number of float32, which models compute with; what is larger is as good as infinite.
LARGEST = float(np.finfo("float32").max)


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """Numbers at regular times. NaN stands for what is missing.

    values: (steps,) of float64. covariates: (steps, covariates), known up to the origin of a forecast.
    known: (steps or more, known covariates), known ahead: of the steps that are forecast, too.
    name: among several. origin: the file, and the line of its last value.
    """

    name: str
    grid: Grid
    values: np.ndarray
    covariates: np.ndarray
    known: np.ndarray
    origin: str = ""


@dataclass(frozen=True, eq=False)
class Window:
    """A part of a series, and how many values after it are to be forecast. Two windows of the same numbers are equal.

    start, stop: its steps, start included. horizon: steps to forecast. season: steps after which the series repeats.
    follows: in training, the state of a network goes on from the window before it.
    """

    series: TimeSeries = field(repr=False)
    start: int
    stop: int
    horizon: int
    season: int
    follows: bool = False

    @property
    def values(self) -> np.ndarray:
        """Return the values, (steps,)."""
        return self.series.values[self.start : self.stop]

    @property
    def covariates(self) -> np.ndarray:
        """Return the covariates at its steps, (steps, covariates): those known ahead after the others."""
        inside = slice(self.start, self.stop)
        return np.concatenate([self.series.covariates[inside], self.series.known[inside]], axis=1)

    @property
    def ahead(self) -> np.ndarray:
        """Return the covariates known ahead, at the steps of the horizon: (horizon, known); NaN where nobody knows."""
        found = np.full((self.horizon, self.series.known.shape[1]), np.nan)
        given = self.series.known[self.stop : self.stop + self.horizon]
        found[: len(given)] = given
        return found

    @property
    def times(self) -> tuple[str, ...]:
        """Return the times of the horizon."""
        return self.series.grid.write(self.stop, self.stop + self.horizon)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What makes it equal to another: its times and a digest of its numbers."""
        grid = self.series.grid
        content = b"".join(part.tobytes() for part in (self.values, self.covariates, self.ahead))
        digest = hashlib.blake2b(content, digest_size=12).hexdigest()
        return (grid.write(self.start, self.start + 1)[0], grid.unit, grid.count, self.horizon, self.season, digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Window{self.key}"

    def __str__(self) -> str:
        """Return it as it is typed: @TIME VALUE ..., covariates after commas; after a bar those known ahead."""
        columns = np.concatenate([self.values[:, None], self.covariates], axis=1)
        words = ["@" + self.series.grid.write(self.start, self.start + 1)[0], *map(write_step, columns)]
        if self.series.known.shape[1]:
            words += ["|", *map(write_step, self.ahead)]
        return " ".join(words)


def write_step(numbers: np.ndarray) -> str:
    """Return the numbers of one step with commas between them, "?" for one that is missing."""
    return ",".join("?" if math.isnan(number) else repr(float(number)).removesuffix(".0") for number in numbers)


class Future(NamedTuple):
    """What came after a window.

    values: (horizon,), None where nobody knows. scale: the mean absolute error of the seasonal naive forecast, one
    season ahead, over the part of the series that is trained on: the unit of MASE (Hyndman and Koehler 2006).
    """

    values: tuple[float | None, ...]
    scale: float
