"""Nearest neighbour: what a captioner that learns no words answers, the caption of the most similar training image."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline import metrics
from pipeline.example import Example, Splits, first
from pipeline.fields.images import Picture

SIDE = 16


def describe(pictures: Sequence[Picture]) -> np.ndarray:
    """Return the pixels of pictures scaled down to SIDE x SIDE: (pictures, SIDE * SIDE * 3) of float32."""
    return np.stack([picture.pixels(SIDE).reshape(-1) for picture in pictures]).astype("float32")


def answer(train: Sequence[Example], known: np.ndarray, asked: np.ndarray) -> list[str]:
    """Return for each picture asked the first caption of the training picture whose features are nearest.

    Nearest in the sum of squared differences (scikit-learn). known, asked: (pictures, features), the training pictures'
    and those of the pictures asked.
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known).kneighbors(asked, return_distance=False)
    return [first(train[number].output) for number in found[:, 0]]


def by_pixels(options: Any, splits: Splits, *_: Any) -> metrics.Scores:
    """Return the scores of answers to the test pictures by their pixels."""
    known, asked = (describe([example.input for example in splits[split]]) for split in ("train", "test"))
    return score(splits, known, asked)


def by_context(options: Any, splits: Splits, contexts: Callable[[str], np.ndarray]) -> metrics.Scores:
    """Return the scores of answers to the test pictures by what the captioner makes of them before its first word.

    contexts: from a split to that of each picture, (pictures, features).
    """
    return score(splits, contexts("train"), contexts("test"))


def score(splits: Splits, known: np.ndarray, asked: np.ndarray) -> metrics.Scores:
    """Return the scores of the answers to the test pictures; known, asked: see `answer`."""
    return metrics.captions([example.output for example in splits["test"]], answer(splits["train"], known, asked))
