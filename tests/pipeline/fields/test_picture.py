"""Pictures: what is read of every kind of file, and what each bad one is told."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, ImageCms
from PIL import Image as Pillow
from PIL import __version__ as pillow_version

from pipeline.errors import BadInput
from pipeline.fields.picture import Picture, read_image

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
    found = read_image(save(halves(), tmp_path / name, **options), 8)
    assert found.shape == (8, 8, 3) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(halves()))


def test_a_jpeg_comes_back_nearly_so(tmp_path: Path) -> None:
    found = read_image(save(halves(640, 640), tmp_path / "a.jpg", quality=95), 16)
    np.testing.assert_allclose(found[4:12, 2:6], np.broadcast_to(RED, (8, 4, 3)), atol=4)
    np.testing.assert_allclose(found[4:12, 10:14], np.broadcast_to(BLUE, (8, 4, 3)), atol=4)


@pytest.mark.parametrize(("width", "height", "rows"), [(40, 20, slice(5, 15)), (20, 10, slice(5, 15))])
def test_the_aspect_is_kept_and_the_rest_of_the_square_is_white(width, height, rows, tmp_path: Path) -> None:
    found = read_image(save(halves(width, height), tmp_path / "a.png"), 20)
    np.testing.assert_array_equal(found[rows][:, :6], np.broadcast_to(RED, (10, 6, 3)))
    np.testing.assert_array_equal(found[rows][:, 14:], np.broadcast_to(BLUE, (10, 6, 3)))
    outside = np.delete(found, np.arange(20)[rows], axis=0)
    assert (outside == 255).all()


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    image = halves().convert("RGBA")
    image.paste((*RED, 0), (0, 0, 4, 8))
    image.putpixel((7, 7), (*BLUE, 128))
    found = read_image(save(image, tmp_path / "a.png"), 8)
    np.testing.assert_array_equal(found[:, :4], np.full((8, 4, 3), 255))
    np.testing.assert_array_equal(found[0, 4:], np.broadcast_to(BLUE, (4, 3)))
    np.testing.assert_allclose(found[7, 7], [(low + 255) / 2 for low in BLUE], atol=1)


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Pillow.new("P", (8, 8), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (4, 0, 8, 8))
    np.testing.assert_array_equal(read_image(save(image, tmp_path / "a.png"), 8), np.asarray(halves()))
    found = read_image(save(image, tmp_path / "b.png", transparency=1), 8)
    np.testing.assert_array_equal(found[:, 4:], np.full((8, 4, 3), 255))
    np.testing.assert_array_equal(found[:, :4], np.broadcast_to(RED, (8, 4, 3)))


def test_16_bit_grey_keeps_its_upper_8_bits(tmp_path: Path) -> None:
    values = np.repeat(np.array([[0, 0x1234, 0x80FF, 0xFFFF]], "uint16"), 4, axis=0)
    found = read_image(save(Pillow.fromarray(values), tmp_path / "a.png"), 4)
    assert found[0, :, 0].tolist() == [0, 0x12, 0x80, 0xFF]
    assert (found == found[:, :, :1]).all()


STEPS = np.tile(np.array([0, 0.25, 0.5, 1], "float64"), (4, 1))


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        (STEPS, "float32"),
        (STEPS * 255, "float32"),
        (STEPS * 65535, "float32"),
        (STEPS * 6 - 4, "float32"),
        (STEPS * 1e6, "float32"),
        (STEPS * 255, "int32"),
        (STEPS * 65535, "int32"),
        (STEPS * 2**30, "int32"),
        (STEPS * 65535, "uint16"),
    ],
)
def test_grey_levels_of_any_scale_are_as_bright_as_they_are_meant(levels, kind, tmp_path: Path) -> None:
    found = read_image(save(Pillow.fromarray(levels.astype(kind)), tmp_path / "a.tif"), 4)
    np.testing.assert_allclose(found[0, :, 0], [0, 64, 128, 255], atol=1)
    assert (found == found[:1, :, :1]).all()


def test_a_level_that_is_no_number_is_white_and_one_level_alone_is_black(tmp_path: Path) -> None:
    levels = STEPS.astype("float32")
    levels[0] = np.nan, np.inf, -np.inf, 0.5
    found = read_image(save(Pillow.fromarray(levels), tmp_path / "a.tif"), 4)
    assert found[0, :, 0].tolist() == [255, 255, 255, 128] and found[1, :, 0].tolist() == [0, 64, 128, 255]
    assert (read_image(save(Pillow.fromarray(np.full((4, 4), np.nan, "float32")), tmp_path / "b.tif"), 4) == 255).all()
    assert (read_image(save(Pillow.fromarray(np.full((4, 4), -7, "float32")), tmp_path / "c.tif"), 4) == 0).all()


def test_portable_grey_maps_of_16_bits_and_of_floats(tmp_path: Path) -> None:
    for name, head, kind, most in (("a.pgm", "P5 4 4 65535", ">u2", 65535), ("b.pgm", "P5 4 4 4095", ">u2", 4095)):
        (tmp_path / name).write_bytes(f"{head}\n".encode() + (STEPS * most).astype(kind).tobytes())
        np.testing.assert_allclose(read_image(tmp_path / name, 4)[0, :, 0], [0, 64, 128, 255], atol=1)
    dark = np.full((4, 4), 200, ">u2")
    (tmp_path / "dark.pgm").write_bytes(b"P5 4 4 65535\n" + dark.tobytes())
    assert (read_image(tmp_path / "dark.pgm", 4) == 0).all()
    (tmp_path / "c.pfm").write_bytes(b"Pf\n4 4\n-1.0\n" + STEPS.astype("<f4").tobytes())
    np.testing.assert_allclose(read_image(tmp_path / "c.pfm", 4)[0, :, 0], [0, 64, 128, 255], atol=1)


def tiff(bits: int, white_is_zero: bool, rows: list[bytes]) -> bytes:
    """Return a TIFF file of grey levels: 4 pixels wide, not compressed (TIFF 6.0, section 4)."""
    content = b"".join(rows)
    tags = [(256, 4), (257, len(rows)), (258, bits), (259, 1), (262, int(not white_is_zero)), (273, 8)]
    tags += [(277, 1), (278, len(rows)), (279, len(content))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    place = 8 + len(content)
    return struct.pack("<2sHI", b"II", 42, place) + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_tiff_files_say_how_many_bits_are_used_and_which_end_is_white(tmp_path: Path) -> None:
    row = (STEPS[0] * 65535).astype("<u2").tobytes()
    (tmp_path / "a.tif").write_bytes(tiff(16, white_is_zero=True, rows=[row] * 4))
    np.testing.assert_allclose(read_image(tmp_path / "a.tif", 4)[0, :, 0], [255, 191, 127, 0], atol=1)
    # Four levels of 12 bits in six bytes: 0, 1024, 2048, 4095.
    (tmp_path / "b.tif").write_bytes(tiff(12, white_is_zero=False, rows=[bytes.fromhex("000400800fff")] * 4))
    np.testing.assert_allclose(read_image(tmp_path / "b.tif", 4)[0, :, 0], [0, 64, 128, 255], atol=1)


def png_of_16_bits(kind: int, pixels: np.ndarray) -> bytes:
    """Return a PNG file. kind: 0 grey, 2 colour, 4 and 6 the same with transparency. pixels: (height, width, ...)."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_16_bits_of_each_colour_and_of_transparency(tmp_path: Path) -> None:
    colours = np.asarray(halves()).astype("uint16") * 257
    (tmp_path / "a.png").write_bytes(png_of_16_bits(2, colours))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 8), np.asarray(halves()))
    half = np.full((8, 8, 1), 0x8000)
    (tmp_path / "b.png").write_bytes(png_of_16_bits(6, np.concatenate([colours, half], axis=2)))
    np.testing.assert_allclose(read_image(tmp_path / "b.png", 8)[0, 0], [(low + 255) / 2 for low in RED], atol=1)
    grey = Pillow.fromarray((STEPS * 65535).astype("uint16"))
    found = read_image(save(grey, tmp_path / "c.png", transparency=32767), 4)
    assert found[0, :, 0].tolist() == [0, 63, 255, 255]


@pytest.mark.parametrize(
    ("mode", "tolerance"),
    [
        pytest.param(
            "YCbCr",
            3,
            marks=pytest.mark.skipif(
                int(pillow_version.split(".")[0]) < 13, reason="Pillow 13 is the first to read what it writes"
            ),
        ),
        ("LAB", 24),
        ("CMYK", 0),
        ("RGBA", 0),
        ("P", 51),
    ],
)
def test_colours_in_other_terms_come_back_as_red_and_blue(mode: str, tolerance: int, tmp_path: Path) -> None:
    image = halves()
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    found = read_image(save(image if image.mode == mode else image.convert(mode), tmp_path / "a.tif"), 8)
    np.testing.assert_allclose(found, np.asarray(halves()).astype(int), atol=tolerance)


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg", "a.tif"])
def test_an_eps_file_starts_no_program_whatever_its_name(name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    halves().save(tmp_path / "a", "EPS")
    path = (tmp_path / "a").rename(tmp_path / name)
    with Pillow.open(path) as opened, pytest.raises(OSError):
        opened.load()
    assert (tmp_path / "started").exists()
    (tmp_path / "started").unlink()
    with pytest.raises(
        BadInput, match=rf"{name}: not an image of a kind that is read: PNG, JPEG, .*; convert it to PNG"
    ):
        read_image(path, 8)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("mode", ["L", "1", "LA", "CMYK"])
def test_grey_black_and_white_and_cmyk(mode: str, tmp_path: Path) -> None:
    image = Pillow.new("L", (8, 8), 255)
    image.paste(0, (0, 0, 4, 8))
    found = read_image(save(image.convert(mode), tmp_path / ("a.tif" if mode == "CMYK" else "a.png")), 8)
    assert (found[:, :4] == 0).all() and (found[:, 4:] == 255).all()


def test_of_an_animation_the_first_frame(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_image(tmp_path / "a.gif", 8), np.broadcast_to(RED, (8, 8, 3)), atol=2)


def test_a_photograph_that_says_it_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = read_image(save(halves(), tmp_path / "a.png", exif=exif), 8)
    np.testing.assert_array_equal(found, np.rot90(np.asarray(halves()), -1))


def claim(width: int, height: int) -> bytes:
    """Return the start of a PNG file that says to be of this size, up to the first bytes of its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">II4s", zlib.crc32(header), 99, b"IDAT")


def test_a_long_narrow_image_is_scaled_down(tmp_path: Path) -> None:
    found = read_image(save(Pillow.new("L", (20_000, 40)), tmp_path / "a.png"), 48)
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
        read_image(path, 8)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp"])
def test_a_file_cut_short_is_refused_wherever_it_ends(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype="uint8")
    whole = save(Pillow.fromarray(noise), tmp_path / name).read_bytes()
    for share in (0.02, 0.2, 0.5, 0.8):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BadInput, match=rf"{name}: .*(not an image|cannot be read|cut short)"):
            read_image(tmp_path / name, 8)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 100), (100, 3)])
def test_an_image_too_small_to_show_a_thing_is_refused(width: int, height: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"{width} x {height} pixels; at least 4 x 4"):
        read_image(save(Pillow.new("RGB", (width, height)), tmp_path / "a.png"), 8)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.png: there is no such image under"):
        Picture.from_file(tmp_path / "none.png")
    with pytest.raises(BadInput, match="cannot be read"):
        Picture.from_file(tmp_path)


def test_pictures_of_the_same_content_are_equal_whatever_their_names(tmp_path: Path) -> None:
    one, same = (Picture.from_file(save(halves(), tmp_path / name), name) for name in ("a.png", "b.png"))
    other = Picture.from_file(save(halves(10), tmp_path / "c.png"), "a.png")
    assert one == same and len({one, same, other}) == 2 and repr(one) != repr(other)
    assert str(one) == "a.png"
