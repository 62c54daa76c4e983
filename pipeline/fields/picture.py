"""Pictures: files of the user's, or pixels made by a program, as square arrays of red, green and blue."""

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import REASON, BadInput, shorten
from pipeline.files import read_at_most

if TYPE_CHECKING:
    from PIL import Image as Pillow

# Sides below show nothing. An image of more pixels would take over 150 MB to decode; a small file can claim any size.
SMALLEST_SIDE = 4
MOST_PIXELS = 50_000_000
# Bytes of an image file: so many pixels take fewer, whatever the kind of file.
MOST_BYTES = 8 * MOST_PIXELS
WHITE = (255, 255, 255)
# The kinds of files that are opened: pixels, which are decoded in this process. Beside them Pillow reads drawings, and
# for one of them, EPS, it starts Ghostscript, whatever the name of the file says.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "QOI", "TGA", "PCX", "SGI")
# What white may be in grey levels of an unknown scale.
WHITES = (1.0, 255.0, 65535.0)


@dataclass(frozen=True)
class Picture:
    """An image, known by its content: two files with the same bytes are one picture, and never in two splits.

    name: what a user sees of it. digest: of its content. source: its file, or its pixels, (size, size, 3) of uint8.
    """

    name: str = field(compare=False)
    digest: str
    source: Path | np.ndarray = field(compare=False, repr=False)

    @classmethod
    def from_file(cls, path: Path, name: str = "") -> "Picture":
        """Return the picture in a file, not decoded yet; BadInput if it cannot be opened."""
        try:
            content = read_at_most(path, MOST_BYTES)
        except FileNotFoundError:
            raise BadInput(f"{path!s:.300}: there is no such image under {Path.cwd()}") from None
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}; expected an image file") from None
        return cls(name or str(path), hashlib.sha256(content).hexdigest()[:16], path)

    @classmethod
    def from_pixels(cls, pixels: np.ndarray, name: str) -> "Picture":
        """Return the picture of these pixels, (size, size, 3) of uint8."""
        return cls(name, hashlib.sha256(pixels.tobytes()).hexdigest()[:16], pixels)

    def __str__(self) -> str:
        return self.name

    @property
    def side(self) -> int:
        """Return the longer side, in pixels; BadInput if its file is not an image."""
        return read_side(self.source) if isinstance(self.source, Path) else len(self.source)

    def pixels(self, size: int) -> np.ndarray:
        """Return (size, size, 3) of uint8; BadInput if its file is not an image, damaged, or of an absurd size."""
        if isinstance(self.source, Path):
            return read_image(self.source, size)
        if len(self.source) == size:
            return self.source
        from PIL import Image as Pillow

        return fit_square(Pillow.fromarray(self.source), size)

    def save(self, path: Path) -> None:
        """Write the pixels to a file of the type that its name says, such as PNG."""
        from PIL import Image as Pillow

        if isinstance(self.source, Path):
            path.write_bytes(self.source.read_bytes())
        else:
            Pillow.fromarray(self.source).save(path)


def read_side(path: Path) -> int:
    """Return the longer side of an image file, in pixels, out of its head; BadInput if it is not an image."""
    from PIL import Image as Pillow

    read_image(path, SMALLEST_SIDE)
    with Pillow.open(path) as image:
        return max(image.size)


def read_image(path: Path, size: int) -> np.ndarray:
    """Return an image file as (size, size, 3) of uint8: see `flatten` and `fit_square`.

    The first frame of an animation.

    Raises BadInput for a file that is not an image, is damaged, or has too many pixels or too few.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    # An older Pillow lacks some.
    Pillow.init()
    formats = [kind for kind in FORMATS if kind in Pillow.OPEN]
    too_large = f"an image of at most {MOST_PIXELS // 10**6} million pixels is expected; scale it down first"
    try:
        with warnings.catch_warnings():
            # Its own, higher limit; ours is checked below.
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            image = Pillow.open(path, formats=formats)
    except Pillow.DecompressionBombError:
        raise BadInput(f"{path}: {too_large}") from None
    except UnidentifiedImageError:
        raise BadInput(
            f"{path}: not an image of a kind that is read: {', '.join(formats)}; convert it to PNG"
        ) from None
    # A damaged file may raise anything: OSError, SyntaxError, ValueError, struct.error.
    except Exception as error:
        raise BadInput(f"{path}: the image cannot be read ({shorten(str(error), REASON)}); restore the file") from None
    with image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise BadInput(f"{path}: {width} x {height} pixels; {too_large}")
        if min(width, height) < SMALLEST_SIDE:
            raise BadInput(
                f"{path}: {width} x {height} pixels; at least {SMALLEST_SIDE} x {SMALLEST_SIDE} are expected"
            )
        try:
            # A JPEG can be decoded at a half, a quarter or an eighth of its size.
            image.draft("RGB", (size, size))
            scale = find_scale(image)
            return fit_square(flatten(ImageOps.exif_transpose(image), scale), size)
        except Exception as error:
            reason = shorten(str(error), REASON)
            raise BadInput(f"{path}: the image is damaged or cut short ({reason}); restore the file") from None


def find_scale(image: "Pillow.Image") -> tuple[float, float] | None:
    """Return the levels of black and of white, of grey with more than 8 bits; None where the file does not say them."""
    if image.mode.startswith("I;16"):
        # TIFF says how many of the 16 bits are used, and may have white at 0: BitsPerSample, PhotometricInterpretation.
        tags = getattr(image, "tag_v2", {})
        highest = 2.0 ** tags.get(258, (16,))[0] - 1
        return (highest, 0.0) if tags.get(262) == 0 else (0.0, highest)
    # Pillow brings all that has more than 8 bits to 16.
    return (0.0, 65535.0) if (image.format, image.mode) == ("PPM", "I") else None


def flatten(image: "Pillow.Image", scale: tuple[float, float] | None = None) -> "Pillow.Image":
    """Return a Pillow image as RGB: on white where it is transparent, grey levels of more than 8 bits as 8 of them.

    scale: the levels of black and of white. None, as of floats and of 32 bits: 0, and the least of 1, 255 and 65,535
    that no level is above; or, where there are levels below 0 or higher still, the lowest and the highest.
    """
    from PIL import Image as Pillow

    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image).astype("float32")
        # What is no number is not there, and what is not there is white.
        shown = np.isfinite(levels) & (levels != image.info.get("transparency"))
        levels[shown] = brighten(levels[shown], scale)
        image = Pillow.fromarray(np.where(shown, levels, 255).astype("uint8"))
    if image.mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        # None only where it works in place.
        image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB") or image
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Pillow.new("RGBA", image.size, (*WHITE, 255))
        return Pillow.alpha_composite(ground, image).convert("RGB")
    return image.convert("RGB")


def brighten(levels: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    """Return grey levels from 0 to 255, of 16 bits the upper 8. scale: see `flatten`."""
    if scale is None:
        low, high = levels.min(initial=np.inf), levels.max(initial=-np.inf)
        scale = next(((0.0, white) for white in WHITES if low >= 0 and high <= white), (low, high))
    black, white = scale
    return (256 * (levels - black) / ((white - black) or 1.0)).clip(0, 255)


def fit_square(image: "Pillow.Image", size: int) -> np.ndarray:
    """Return an RGB image as (size, size, 3) of uint8: scaled with its aspect kept, in the middle of a white square."""
    from PIL import Image as Pillow

    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    if (width, height) != image.size:
        image = image.resize((width, height), Pillow.Resampling.LANCZOS)
    square = np.full((size, size, 3), WHITE, "uint8")
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.asarray(image)
    return square
