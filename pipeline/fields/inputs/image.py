"""Image: a picture as pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import InputField
from pipeline.fields.picture import Picture
from pipeline.files import expand_home
from pipeline.option import option


@dataclass
class Image(InputField[Picture]):
    """A picture -> {"image": (image_size, image_size, 3)} of uint8; models scale it themselves."""

    image_size: int = option(48, "Side of the square that images are scaled to, in pixels.", low=16, high=512)
    file: ClassVar[Literal["image", "recording"] | None] = "image"

    def encode(self, picture: Picture) -> Arrays:
        return {"image": picture.pixels(self.image_size)}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"image": Array((self.image_size, self.image_size, 3), "uint8")}

    def describe(self) -> str:
        return f"an image, scaled to {self.image_size} x {self.image_size} pixels"

    @property
    def typed(self) -> str:
        return "image.png"

    def find_flaws(self, picture: Picture) -> Iterator[str]:
        pixels = picture.pixels(self.image_size)
        if (pixels == pixels[0, 0]).all():
            yield "one colour only"

    def parse(self, text: str) -> Picture:
        """Return the picture in the file whose path a user typed."""
        return Picture.from_file(expand_home(text.strip()))
