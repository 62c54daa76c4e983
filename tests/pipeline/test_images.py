"""Images: what is read of every kind of file, and what each bad one is told."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from pipeline.errors import BadInput
from pipeline.images import Image, Picture, read

RED, BLUE = (200, 10, 20), (10, 30, 220)
WHITE = (255, 255, 255)


def halves(width: int = 8, height: int = 8) -> Pillow.Image:
    """Return an image whose left half is red and whose right half is blue."""
    image = Pillow.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def save(image: Pillow.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_pixels_come_back_as_they_were_saved(name: str, tmp_path: Path) -> None:
    options = {"lossless": True} if name.endswith("webp") else {}
    found = read(save(halves(), tmp_path / name, **options), 8)
    assert found.shape == (8, 8, 3) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(halves()))


def test_a_jpeg_comes_back_nearly_so(tmp_path: Path) -> None:
    found = read(save(halves(640, 640), tmp_path / "a.jpg", quality=95), 16)
    np.testing.assert_allclose(found[4:12, 2:6], np.broadcast_to(RED, (8, 4, 3)), atol=4)
    np.testing.assert_allclose(found[4:12, 10:14], np.broadcast_to(BLUE, (8, 4, 3)), atol=4)


@pytest.mark.parametrize(("width", "height", "rows"), [(40, 20, slice(5, 15)), (20, 10, slice(5, 15))])
def test_the_aspect_is_kept_and_the_rest_of_the_square_is_white(width, height, rows, tmp_path: Path) -> None:
    found = read(save(halves(width, height), tmp_path / "a.png"), 20)
    np.testing.assert_array_equal(found[rows][:, :6], np.broadcast_to(RED, (10, 6, 3)))
    np.testing.assert_array_equal(found[rows][:, 14:], np.broadcast_to(BLUE, (10, 6, 3)))
    outside = np.delete(found, np.arange(20)[rows], axis=0)
    assert (outside == 255).all()


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    image = halves().convert("RGBA")
    image.paste((*RED, 0), (0, 0, 4, 8))
    image.putpixel((7, 7), (*BLUE, 128))
    found = read(save(image, tmp_path / "a.png"), 8)
    np.testing.assert_array_equal(found[:, :4], np.full((8, 4, 3), 255))
    np.testing.assert_array_equal(found[0, 4:], np.broadcast_to(BLUE, (4, 3)))
    np.testing.assert_allclose(found[7, 7], [(low + 255) / 2 for low in BLUE], atol=1)


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Pillow.new("P", (8, 8), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (4, 0, 8, 8))
    np.testing.assert_array_equal(read(save(image, tmp_path / "a.png"), 8), np.asarray(halves()))
    found = read(save(image, tmp_path / "b.png", transparency=1), 8)
    np.testing.assert_array_equal(found[:, 4:], np.full((8, 4, 3), 255))
    np.testing.assert_array_equal(found[:, :4], np.broadcast_to(RED, (8, 4, 3)))


def test_16_bit_grey_keeps_its_upper_8_bits(tmp_path: Path) -> None:
    values = np.repeat(np.array([[0, 0x1234, 0x80FF, 0xFFFF]], "uint16"), 4, axis=0)
    found = read(save(Pillow.fromarray(values), tmp_path / "a.png"), 4)
    assert found[0, :, 0].tolist() == [0, 0x12, 0x80, 0xFF]
    assert (found == found[:, :, :1]).all()


@pytest.mark.parametrize("mode", ["L", "1", "LA", "CMYK"])
def test_grey_black_and_white_and_cmyk(mode: str, tmp_path: Path) -> None:
    image = Pillow.new("L", (8, 8), 255)
    image.paste(0, (0, 0, 4, 8))
    found = read(save(image.convert(mode), tmp_path / ("a.tif" if mode == "CMYK" else "a.png")), 8)
    assert (found[:, :4] == 0).all() and (found[:, 4:] == 255).all()


def test_of_an_animation_the_first_frame(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read(tmp_path / "a.gif", 8), np.broadcast_to(RED, (8, 8, 3)), atol=2)


def test_a_photograph_that_says_it_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = read(save(halves(), tmp_path / "a.png", exif=exif), 8)
    np.testing.assert_array_equal(found, np.rot90(np.asarray(halves()), -1))


def claim(width: int, height: int) -> bytes:
    """Return the start of a PNG file that says to be of this size, up to the first bytes of its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">II4s", zlib.crc32(header), 99, b"IDAT")


def test_a_long_narrow_image_is_scaled_down(tmp_path: Path) -> None:
    found = read(save(Pillow.new("L", (20_000, 40)), tmp_path / "a.png"), 48)
    assert (found[23] == 0).all() and (np.delete(found, 23, axis=0) == 255).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not an image"),
        (b"", "not an image"),
        (claim(20_000, 3_000), "20000 x 3000 pixels.*at most 50 million"),
        (claim(20_000, 20_000), "at most 50 million"),
        (claim(30, 30), "damaged or cut short|cannot be read"),
        (claim(0, 0), "a.png"),
    ],
)
def test_a_file_that_is_no_image_or_claims_too_much_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        read(path, 8)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp"])
def test_a_file_cut_short_is_refused_wherever_it_ends(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype="uint8")
    whole = save(Pillow.fromarray(noise), tmp_path / name).read_bytes()
    for share in (0.02, 0.2, 0.5, 0.8):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BadInput, match=rf"{name}: .*(not an image|cannot be read|cut short)"):
            read(tmp_path / name, 8)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 100), (100, 3)])
def test_an_image_too_small_to_show_a_thing_is_refused(width: int, height: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"{width} x {height} pixels; at least 4 x 4"):
        read(save(Pillow.new("RGB", (width, height)), tmp_path / "a.png"), 8)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.png: there is no such image under"):
        Image(8).parse(str(tmp_path / "none.png"))
    with pytest.raises(BadInput, match="cannot be read"):
        Image(8).parse(str(tmp_path))


def test_pictures_of_the_same_content_are_equal_whatever_their_names(tmp_path: Path) -> None:
    one, same = (Picture.from_file(save(halves(), tmp_path / name), name) for name in ("a.png", "b.png"))
    other = Picture.from_file(save(halves(10), tmp_path / "c.png"), "a.png")
    assert one == same and len({one, same, other}) == 2 and repr(one) != repr(other)
    assert str(one) == "a.png"


def test_a_typed_path_gives_the_pixels_that_were_saved(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype="uint8")
    made = Picture.from_pixels(pixels, "noise")
    made.save(tmp_path / "a b.png")
    field = Image(24)
    found = field.encode(field.parse(f" {tmp_path / 'a b.png'} "))["image"]
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(field.encode(made)["image"], pixels)
    assert Image(12).encode(made)["image"].shape == (12, 12, 3) == Image(12).arrays["image"].shape
