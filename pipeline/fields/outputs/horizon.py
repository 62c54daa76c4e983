"""Horizon: the next values of a time series, as quantiles or as one number per step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, OutputField
from pipeline.forecasting.window import Future
from pipeline.option import option

# By "mean", or by the quantile, such as "0.5": a number for each step.
Forecast = Mapping[str, tuple[float, ...]]
# What came, or what is answered.
Coming = Future | Forecast


@dataclass
class Horizon(OutputField[Coming]):
    """What comes after a window <-> {"output": (horizon, 3)}: the value, the unit its error is counted in, and 1 where
    it is known. An answer is (horizon, quantiles) in the units of the series, or (horizon, 1): the mean.
    """

    QUANTILES: ClassVar[tuple[float, ...]] = (0.1, 0.25, 0.5, 0.75, 0.9)
    forecast: Literal["quantiles", "mean"] = option(
        "quantiles", "Quantiles, by the pinball loss, with an 80% interval; or the mean alone, by squared error."
    )
    horizon: int = field(default=1, metadata=LEARNED)

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the quantiles that are forecast; none of a mean."""
        return self.QUANTILES if self.forecast == "quantiles" else ()

    def fit(self, futures: Iterable[Coming]) -> None:
        self.horizon = self._measure(next(iter(futures)))

    def extend(self, futures: Iterable[Coming]) -> Sequence[str]:
        if (horizon := self._measure(next(iter(futures)))) != self.horizon:
            raise BadInput(
                f"--horizon {horizon}: the run that is started from forecasts {self.horizon} values; "
                f"give --horizon {self.horizon}"
            )
        return ()

    @staticmethod
    def _measure(future: Coming) -> int:
        return len(read_point(future) if isinstance(future, Mapping) else future.values)

    def encode(self, future: Coming) -> Arrays:
        """Return the array of what came; of a forecast, that of what would make it right, its errors in the unit 1."""
        if isinstance(future, Mapping):
            return self.encode(Future(read_point(future), 1.0))
        if len(future.values) != self.horizon:
            raise BadInput(
                f"{len(future.values)} values follow, and this run forecasts {self.horizon}; "
                f"give --horizon {self.horizon}"
            )
        values = np.array([np.nan if value is None else value for value in future.values])
        known = np.isfinite(values)
        return {
            "output": np.column_stack([np.nan_to_num(values), np.full(len(values), future.scale), known]).astype(
                "float32"
            )
        }

    def decode(self, output: np.ndarray) -> dict[str, tuple[float, ...]]:
        """Return for each quantile, or for the mean, a number for each step. output: (horizon, quantiles)."""
        # More digits than float32 has would look exact.
        return {
            name: tuple(float(f"{number:.7g}") for number in column)
            for name, column in zip(map(str, self.levels or ("mean",)), output.T, strict=True)
        }

    def describe(self) -> str:
        kind = f"the quantiles {', '.join(map(str, self.levels))}" if self.levels else "the mean"
        return f"the next {self.horizon} values: {kind} of each"

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((self.horizon, 3), "float32")}


def read_point(forecast: Forecast) -> tuple[float, ...]:
    """Return the one number of each step: the median, which has the least absolute error, or the mean."""
    return forecast["0.5"] if "0.5" in forecast else forecast["mean"]
