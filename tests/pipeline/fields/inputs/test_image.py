from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Image, Picture


def test_a_typed_path_gives_the_pixels_that_were_saved(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype="uint8")
    made = Picture.from_pixels(pixels, "noise")
    made.save(tmp_path / "a b.png")
    field = Image(24)
    found = field.encode(field.parse(f" {tmp_path / 'a b.png'} "))["image"]
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(field.encode(made)["image"], pixels)
    assert Image(12).encode(made)["image"].shape == (12, 12, 3) == Image(12).arrays["image"].shape


def test_a_typed_path_without_an_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.png: there is no such image under"):
        Image(8).parse(str(tmp_path / "none.png"))
