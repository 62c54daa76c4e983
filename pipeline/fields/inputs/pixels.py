"""Pixels: a picture that is read pixel by pixel."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.picture import Picture
from pipeline.files import expand_home
from pipeline.option import option


@dataclass
class Pixels(InputField[Picture]):
    """A picture -> {"values": (side * side, 1)}: how light each pixel is, less the mean, divided by the deviation.

    Row by row, or in one random order that is the same for all pictures, in which what is close in the picture is far
    apart in time (Le et al. 2015, sequential and permuted MNIST). Mean and deviation are those of all pixels of the
    training data; so is the side, that of its smallest picture. Other pictures are scaled to it.
    """

    file: ClassVar[Literal["image", "recording"] | None] = "image"
    order: Literal["rows", "permuted"] = option(
        "rows", "Pixels row by row, or in one random order, the same for all pictures."
    )
    max_length: int = option(
        784, "Most pixels that a cell with a bound, such as dnn, is built for.", low=1, adjustable=True
    )
    side: int = field(default=0, metadata=LEARNED)
    mean: float = field(default=0.0, metadata=LEARNED)
    deviation: float = field(default=1.0, metadata=LEARNED)

    def fit(self, pictures: Iterable[Picture]) -> None:
        pictures = list(pictures)
        self.side = min(picture.side for picture in pictures)
        # In pieces, as all of MNIST in float32 takes much memory.
        count = self.side**2 * len(pictures)
        total = sum(float(self._flatten(picture).sum(dtype="float64")) for picture in pictures)
        self.mean = round(total / count, 6)
        squares = sum(float(((self._flatten(picture) - self.mean) ** 2).sum(dtype="float64")) for picture in pictures)
        self.deviation = round((squares / count) ** 0.5, 6) or 1.0

    def _flatten(self, picture: Picture) -> np.ndarray:
        """Return how light each pixel is, from 0 to 1, row by row: (side * side,) of float32."""
        # As people see it: ITU-R BT.601.
        return (picture.pixels(self.side).reshape(-1, 3) @ np.array((0.299, 0.587, 0.114), "float32")) / 255

    @property
    def _places(self) -> list[int]:
        """Return the place in the picture of each step."""
        count = self.side**2
        return list(range(count)) if self.order == "rows" else random.Random(0).sample(range(count), count)

    def encode(self, picture: Picture) -> Arrays:
        if not isinstance(picture, Picture):
            raise BadInput(f"expected a Picture, got {picture!r:.60}")
        values = (self._flatten(picture) - self.mean) / self.deviation
        if self.order == "permuted":
            values = values[self._places]
        return {"values": values[:, None].astype("float32")}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"values": Array((None, 1), "float32")}

    def parse(self, text: str) -> Picture:
        """Return the picture in the file whose path a user typed."""
        return Picture.from_file(expand_home(text.strip()))

    @property
    def typed(self) -> str:
        return "image.png"

    def list_steps(self, picture: Picture, arrays: Arrays) -> Sequence[str]:
        return [f"row {place // self.side + 1}, column {place % self.side + 1}" for place in self._places]

    def describe(self) -> str:
        order = "row by row" if self.order == "rows" else "in one random order"
        return f"an image of light strokes on a dark ground, scaled to {self.side} x {self.side} pixels, read {order}"

    def find_flaws(self, picture: Picture) -> Iterator[str]:
        pixels = picture.pixels(self.side)
        if (pixels == pixels[0, 0]).all():
            yield "one colour only"
