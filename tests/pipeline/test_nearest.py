import numpy as np

from pipeline import nearest
from pipeline.example import Alternatives, Example
from pipeline.images import Picture

GENERATOR = np.random.default_rng(0)


def picture(pixels: np.ndarray) -> Picture:
    return Picture.from_pixels(pixels, "")


def test_the_caption_is_that_of_the_training_picture_with_the_nearest_pixels():
    train = GENERATOR.integers(0, 255, (20, nearest.SIDE, nearest.SIDE, 3), dtype="uint8")
    asked = GENERATOR.integers(0, 255, (9, nearest.SIDE, nearest.SIDE, 3), dtype="uint8")
    asked[0] = train[7] // 2
    distances = ((asked[:, None].astype(float) - train[None]) ** 2).sum(axis=(2, 3, 4))
    examples = [Example(picture(pixels), str(number)) for number, pixels in enumerate(train)]
    assert nearest.answer(examples, list(map(picture, asked))) == [str(number) for number in distances.argmin(axis=1)]


def test_of_several_captions_the_first_is_the_answer():
    known = [
        Example(picture(np.full((48, 48, 3), shade, "uint8")), Alternatives([f"{shade}", "x"])) for shade in (0, 200)
    ]
    splits = {"train": known, "validation": [], "test": [Example(picture(np.full((30, 30, 3), 190, "uint8")), "200")]}
    assert nearest.answer(known, [splits["test"][0].input]) == ["200"]
    assert nearest.score(None, splits)["exact_match"] == 1
