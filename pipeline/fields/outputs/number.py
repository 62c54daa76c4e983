"""Number: a measurement to predict, by regression."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, OutputField


@dataclass
class Number(OutputField[float]):
    """A number <-> {"output": ()}, scaled to mean 0 and standard deviation 1 of the training data.

    low, high: the range of the training data.
    """

    mean: float = field(default=0.0, metadata=LEARNED)
    deviation: float = field(default=1.0, metadata=LEARNED)
    low: float = field(default=0.0, metadata=LEARNED)
    high: float = field(default=0.0, metadata=LEARNED)

    def fit(self, numbers: Iterable[float]) -> None:
        values = np.fromiter(numbers, "float64")
        self.low, self.high = float(values.min()), float(values.max())
        with np.errstate(over="ignore"):
            self.mean, self.deviation = float(values.mean()), float(values.std()) if self.low < self.high else 1.0
        if not np.isfinite([self.mean, self.deviation]).all():
            raise BadInput(
                f"the training data's numbers reach from {self.low:g} to {self.high:g}, too far for their mean and "
                f"deviation to be computed; leave the extreme ones out, or give their logarithms"
            )

    def extend(self, numbers: Iterable[float]) -> Sequence[str]:
        values = np.fromiter(numbers, "float64")
        # Answers are kept within the range; the scale, which the weights belong to, stays.
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        return ()

    def parse(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = np.nan
        if not np.isfinite(number):
            raise BadInput(f"expected a number, such as 3.5, got {text!r:.60}")
        return number

    def encode(self, number: float) -> Arrays:
        return {"output": np.array((number - self.mean) / self.deviation, "float32")}

    def decode(self, output: np.ndarray) -> float:
        """Return the number in the user's units, kept within the range seen in training."""
        return float(np.clip(float(output) * self.deviation + self.mean, self.low, self.high))

    def describe(self) -> str:
        return f"a number between {self.low:g} and {self.high:g}"

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((), "float32")}
