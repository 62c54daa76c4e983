"""Image: a picture as pixels."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import InputField
from pipeline.fields.picture import Picture
from pipeline.option import option


@dataclass
class Image(InputField[Picture]):
    """A picture -> {"image": (image_size, image_size, 3)} of uint8; models scale it themselves."""

    image_size: int = option(48, "Side of the square that images are scaled to, in pixels.", low=16, high=512)

    def encode(self, picture: Picture) -> Arrays:
        return {"image": picture.pixels(self.image_size)}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"image": Array((self.image_size, self.image_size, 3), "uint8")}

    def parse(self, text: str) -> Picture:
        """Return the picture in the file whose path a user typed."""
        return Picture.from_file(Path(text.strip()).expanduser())
