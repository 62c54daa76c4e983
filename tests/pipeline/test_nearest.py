import numpy as np

from pipeline import nearest
from pipeline.example import Alternatives, Example
from pipeline.fields.images import Picture

GENERATOR = np.random.default_rng(0)


def picture(pixels: np.ndarray) -> Picture:
    return Picture.from_pixels(pixels, "")


def test_the_caption_is_that_of_the_training_picture_with_the_nearest_pixels():
    train = GENERATOR.integers(0, 255, (20, nearest.SIDE, nearest.SIDE, 3), dtype="uint8")
    asked = GENERATOR.integers(0, 255, (9, nearest.SIDE, nearest.SIDE, 3), dtype="uint8")
    asked[0] = train[7] // 2
    distances = ((asked[:, None].astype(float) - train[None]) ** 2).sum(axis=(2, 3, 4))
    splits = {
        "train": [Example(picture(pixels), str(number)) for number, pixels in enumerate(train)],
        "test": [
            Example(picture(pixels), str(near)) for pixels, near in zip(asked, distances.argmin(axis=1), strict=True)
        ],
    }
    assert nearest.by_pixels(None, splits)["exact_match"] == 1


def test_of_several_captions_the_first_is_the_answer():
    known = [
        Example(picture(np.full((48, 48, 3), shade, "uint8")), Alternatives([f"{shade}", "x"])) for shade in (0, 200)
    ]
    splits = {"train": known, "validation": [], "test": [Example(picture(np.full((30, 30, 3), 190, "uint8")), "200")]}
    assert nearest.by_pixels(None, splits)["exact_match"] == 1
    splits["test"] = [Example(splits["test"][0].input, "x")]
    assert nearest.by_pixels(None, splits)["exact_match"] == 0


def test_the_caption_is_that_of_the_training_picture_with_the_nearest_context():
    contexts = {"train": GENERATOR.normal(size=(20, 4)), "test": GENERATOR.normal(size=(9, 4))}
    blank = picture(np.zeros((16, 16, 3), "uint8"))
    near = np.linalg.norm(contexts["test"][:, None] - contexts["train"], axis=2).argmin(axis=1)
    numbers = {"train": range(20), "test": near}
    splits = {split: [Example(blank, str(number)) for number in numbers[split]] for split in numbers}
    assert nearest.by_context(None, splits, contexts.__getitem__)["exact_match"] == 1
