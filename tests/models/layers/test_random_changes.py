"""Images changed in training, against SciPy. (Recordings: tests/models/test_transcriber.py.)"""

import numpy as np
from scipy.ndimage import map_coordinates

from models.layers.random_changes import RandomAffine
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
