"""Nearest neighbour: what a captioner that learns nothing answers, the caption of the most similar training image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline import metrics
from pipeline.example import Example, Splits, first
from pipeline.images import Picture

SIDE = 16


def describe(pictures: Sequence[Picture]) -> np.ndarray:
    """Return the pixels of pictures scaled down to SIDE x SIDE: (pictures, SIDE * SIDE * 3) of float32."""
    return np.stack([picture.pixels(SIDE).reshape(-1) for picture in pictures]).astype("float32")


def answer(train: Sequence[Example], asked: Sequence[Picture]) -> list[str]:
    """Return for each picture asked the first caption of the training picture whose pixels are nearest.

    Nearest in the sum of squared differences of the pixels of `describe` (scikit-learn).
    """
    from sklearn.neighbors import NearestNeighbors

    known = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(describe([example.input for example in train]))
    found = known.kneighbors(describe(asked), return_distance=False)[:, 0]
    return [first(train[number].output) for number in found]


def score(options: Any, splits: Splits) -> metrics.Scores:
    """Return the scores of these answers to the test pictures."""
    test = splits["test"]
    return metrics.captions(
        [example.output for example in test], answer(splits["train"], [each.input for each in test])
    )
