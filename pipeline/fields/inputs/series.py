"""Series: measurements, a vector of numbers at every step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import InputField
from pipeline.fields.tokenizers import cut_at_blank
from pipeline.option import option


@dataclass
class Series(InputField[str]):
    """Vectors of `width` numbers, written as text -> {"values": (time, width)}.

    Spaces divide the steps, commas the numbers of a step: "0.27,0 0.83,1" is two steps of two numbers.
    """

    width: int = 1
    max_length: int = option(
        400, "Most steps that a cell with a bound, such as dnn, is built for.", low=1, adjustable=True
    )

    def refuse(self, text: str) -> str | None:
        return None if text.strip() else "there is no step in it"

    def encode(self, text: str) -> Arrays:
        steps = text.split()
        if not steps:
            raise BadInput(f"there is no step in {text!r:.60}; give at least one, such as {self._example}")
        values = self._read(steps)
        if values is None:
            number, step = next((n, step) for n, step in enumerate(steps, 1) if self._read([step]) is None)
            raise BadInput(f"step {number} is {step!r:.60}; expected {self.width} numbers, such as {self._example}")
        return {"values": values}

    def _read(self, steps: list[str]) -> np.ndarray | None:
        """Return (time, width), or None if one of the steps is not `width` numbers."""
        try:
            # What is too large for float32 is infinite, and no number.
            with np.errstate(over="ignore"):
                values = np.array([step.split(",") for step in steps], "float32")
        except ValueError:
            return None
        return values if values.shape[1] == self.width and np.isfinite(values).all() else None

    @property
    def _example(self) -> str:
        return ",".join(["0.5"] * self.width)

    def list_steps(self, text: str, arrays: Arrays) -> Sequence[str]:
        return text.split()

    @property
    def arrays(self) -> dict[str, Array]:
        return {"values": Array((None, self.width), "float32")}

    def parse(self, text: str) -> str:
        return text.strip()

    def describe(self) -> str:
        return f"measurements: {self.width} number{'s' * (self.width != 1)} at every step, such as {self.typed!r}"

    @property
    def typed(self) -> str:
        return f"{self._example} {self._example}"

    def measure(self, text: str) -> int:
        return len(text.split())

    def find_flaws(self, text: str) -> Iterator[str]:
        steps = text.split()
        if len(steps) == 1:
            yield "one step only"
        elif len(set(steps)) == 1:
            yield "the same numbers at every step"

    def cut(self, text: str, more: bool) -> tuple[list[str], str]:
        whole, rest = cut_at_blank(text, more)
        return whole.split(), rest
