import math

import numpy as np
import pytest

from pipeline import baselines
from pipeline.example import Alternatives, Example
from pipeline.fields import Picture

GENERATOR = np.random.default_rng(0)


def splits_of(train: list, test: list) -> dict:
    return {"train": [Example("", output) for output in train], "test": [Example("", output) for output in test]}


def test_the_majority_is_right_as_often_as_its_label_occurs() -> None:
    found = baselines.score_majority(None, splits_of(list("aab"), list("abbb")))
    # Of two labels one is never answered, the other with precision 1/4 and recall 1.
    assert found == pytest.approx({"accuracy": 1 / 4, "macro_f1": (2 / 5) / 2})
    assert baselines.score_majority(None, splits_of(list("ba"), list("a")))["accuracy"] == 1


def test_the_mean_and_the_median_are_those_of_the_training_data() -> None:
    splits = splits_of([1.0, 1.0, 7.0], [1.0, 3.0])
    # Mean 3, of which the test's numbers are 2 and 0 away; median 1, 0 and 2 away.
    expected = {"mae": 1.0, "rmse": 2.0**0.5, "rounded_accuracy": 0.5}
    assert baselines.score_mean(None, splits) == pytest.approx(expected)
    assert baselines.score_median(None, splits) == pytest.approx(expected)
    assert baselines.score_mean(None, splits_of([1.0, 2.0], [1.5]))["mae"] == 0


def test_the_baseline_is_the_cross_entropy_of_the_symbols_frequencies() -> None:
    splits = {"train": [Example("", "aab"), Example("", "a")], "test": [Example("", "ab"), Example("", "c")]}
    # Of 6 symbols a 3, b 1, end 2; one more of each, and of whatever is new.
    shares = {"a": 4 / 10, "b": 2 / 10, "end": 3 / 10, "c": 1 / 10}
    nats = -sum(math.log(shares[symbol]) for symbol in ("a", "b", "end", "c", "end")) / 5
    assert baselines.score_unigrams(None, splits)["nats"] == pytest.approx(nats)
    running = {"train": [Example("", ("", "aab"))], "test": [Example("", ("aab", "a"))]}
    assert baselines.score_unigrams(None, running)["nats"] == pytest.approx(-math.log(3 / 6))


def picture(pixels: np.ndarray) -> Picture:
    return Picture.from_pixels(pixels, "")


def test_the_caption_is_that_of_the_training_picture_with_the_nearest_pixels():
    train = GENERATOR.integers(0, 255, (20, baselines.SIDE, baselines.SIDE, 3), dtype="uint8")
    asked = GENERATOR.integers(0, 255, (9, baselines.SIDE, baselines.SIDE, 3), dtype="uint8")
    asked[0] = train[7] // 2
    distances = ((asked[:, None].astype(float) - train[None]) ** 2).sum(axis=(2, 3, 4))
    splits = {
        "train": [Example(picture(pixels), str(number)) for number, pixels in enumerate(train)],
        "test": [
            Example(picture(pixels), str(near)) for pixels, near in zip(asked, distances.argmin(axis=1), strict=True)
        ],
    }
    assert baselines.score_nearest_pixels(None, splits)["exact_match"] == 1


def test_of_several_captions_the_first_is_the_answer():
    known = [
        Example(picture(np.full((48, 48, 3), shade, "uint8")), Alternatives([f"{shade}", "x"])) for shade in (0, 200)
    ]
    splits = {"train": known, "validation": [], "test": [Example(picture(np.full((30, 30, 3), 190, "uint8")), "200")]}
    assert baselines.score_nearest_pixels(None, splits)["exact_match"] == 1
    splits["test"] = [Example(splits["test"][0].input, "x")]
    assert baselines.score_nearest_pixels(None, splits)["exact_match"] == 0


def test_the_caption_is_that_of_the_training_picture_with_the_nearest_context():
    contexts = {"train": GENERATOR.normal(size=(20, 4)), "test": GENERATOR.normal(size=(9, 4))}
    blank = picture(np.zeros((16, 16, 3), "uint8"))
    near = np.linalg.norm(contexts["test"][:, None] - contexts["train"], axis=2).argmin(axis=1)
    numbers = {"train": range(20), "test": near}
    splits = {split: [Example(blank, str(number)) for number in numbers[split]] for split in numbers}
    assert baselines.score_nearest_contexts(splits, contexts.__getitem__)["exact_match"] == 1
