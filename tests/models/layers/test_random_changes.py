"""Images changed in training, against SciPy. (Recordings: tests/models/test_transcriber.py.)"""

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.ndimage import map_coordinates

from models.layers.random_changes import ColourJitter, RandomAffine, RandomCrop, RandomMirror, change_colours
from tests.models import numpy

HEIGHT, WIDTH, MOST = 12, 17, 0.2


def test_an_image_is_moved_and_stretched_in_training_alone_and_what_lies_between_pixels_is_shared():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype("float32")
    noise = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH)).astype("float32")
    # Every pixel says where it is, so that a warped image says where each of its pixels was taken from.
    images = np.repeat(np.stack([rows, columns, noise], axis=-1)[None], 50, axis=0)
    layer = RandomAffine(MOST)
    np.testing.assert_array_equal(numpy(layer(images)), images)
    warped = numpy(layer(images, training=True))
    assert warped.shape == images.shape
    for image in warped:
        expected = map_coordinates(noise, [image[..., 0], image[..., 1]], order=1, mode="nearest")
        np.testing.assert_allclose(image[..., 2], expected, atol=1e-4)
        np.testing.assert_allclose(image[..., 0], image[:, :1, 0].repeat(WIDTH, axis=1), atol=1e-4)
        np.testing.assert_allclose(image[..., 1], image[:1, :, 1].repeat(HEIGHT, axis=0), atol=1e-4)
    for size, source in ((HEIGHT, warped[:, :, 0, 0]), (WIDTH, warped[:, 0, :, 1])):
        middle = source[:, size // 2 - 1 : size // 2 + 2]
        stretch, move = np.diff(middle, axis=1), source.mean(axis=1) - (size - 1) / 2
        np.testing.assert_allclose(stretch[:, 0], stretch[:, 1], atol=1e-4)
        assert 1 - MOST <= stretch.min() < 0.9 and 1.1 < stretch.max() <= 1 + MOST
        assert -MOST * size <= move.min() < -0.05 * size and 0.05 * size < move.max() <= MOST * size


def tell_places(count: int = 60) -> np.ndarray:
    """Return images whose pixels say their row and column."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype("float32")
    return np.repeat(np.stack([rows, columns, rows], axis=-1)[None], count, axis=0)


def test_a_crop_is_a_part_of_the_image_that_fills_the_whole():
    layer, images = RandomCrop(0.5), tell_places()
    np.testing.assert_array_equal(numpy(layer(images)), images)
    found = numpy(layer(images, training=True))
    kept = []
    for size, source in ((HEIGHT, found[:, :, 0, 0]), (WIDTH, found[:, 0, :, 1])):
        assert source.min() >= 0 and source.max() <= size - 1
        steps = np.diff(source, axis=1)
        np.testing.assert_allclose(steps, steps[:, :1].repeat(size - 1, axis=1), atol=1e-4)
        kept.append(steps[:, 0])
        # Anywhere: the middle of what is left of the narrowest ones varies.
        assert np.ptp(source.mean(axis=1)) > 0.25 * size
    np.testing.assert_allclose(kept[0], kept[1], atol=1e-4)
    assert 0.5 <= kept[0].min() < 0.6 and 0.9 < kept[0].max() <= 1


def test_every_other_image_is_mirrored():
    layer, images = RandomMirror(), tell_places()
    np.testing.assert_array_equal(numpy(layer(images)), images)
    found = numpy(layer(images, training=True))
    mirrored = found[:, 0, 0, 1] > 0
    np.testing.assert_array_equal(found, np.where(mirrored[:, None, None, None], images[:, :, ::-1], images))
    assert 15 < mirrored.sum() < 45


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.4])
def test_colours_change_as_pillow_changes_them(factor: float):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype="uint8")
    factors = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0}
    known = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color}
    for name, enhance in known.items():
        found = change_colours(image[None].astype("float32"), **{**factors, name: factor})
        expected = np.asarray(enhance(Image.fromarray(image)).enhance(factor))
        # Pillow rounds the greys, and what it gives.
        np.testing.assert_allclose(numpy(found)[0], expected, atol=2)


def test_colours_are_changed_in_training_alone_and_otherwise_in_each_image():
    images = np.full((200, 2, 2, 3), (200, 100, 0), "uint8")
    layer = ColourJitter(0.4)
    np.testing.assert_array_equal(numpy(layer(images)), images.astype("float32"))
    found = numpy(layer(images, training=True))
    assert found.min() >= 0 and found.max() <= 255 and len(np.unique(found[:, 0, 0, 0])) > 100
    grey = found[:, 0, 0] @ np.array([0.299, 0.587, 0.114])
    assert 0.55 < (grey / 118.5).min() < 0.75 and 1.25 < (grey / 118.5).max() < 1.45
