"""Baselines: the scores that answers reach on the test without a network, which a model should beat.

Each is given the options and the splits. A baseline by context is given the splits and contexts: from the name of a
split to what a captioner makes of each of its pictures before the first word, (pictures, features).
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from pipeline import metrics
from pipeline.example import Example, Output, Splits, first
from pipeline.fields import Picture
from pipeline.metrics import Scores

Contexts = Callable[[str], np.ndarray]
# Pictures are compared when they are scaled down to so many pixels on each side.
SIDE = 16


def score_majority(options: object, splits: Splits) -> Scores:
    """Return the scores of always answering the label that most training examples have."""
    counts = Counter(example.output for example in splits["train"])
    # Among equals the first by the alphabet: the order of the examples says nothing.
    label = min(counts, key=lambda one: (-counts[one], one))
    return _score_constant(metrics.accuracy_and_macro_f1, splits, label)


def score_mean(options: object, splits: Splits) -> Scores:
    """Return the scores of always answering the mean of the training data: the least squared error."""
    return _score_constant(metrics.errors, splits, statistics.fmean(example.output for example in splits["train"]))


def score_median(options: object, splits: Splits) -> Scores:
    """Return the scores of always answering the median of the training data: the least absolute error."""
    return _score_constant(metrics.errors, splits, statistics.median(example.output for example in splits["train"]))


def _score_constant(measure: Callable[[list, list], Scores], splits: Splits, answer: Output) -> Scores:
    outputs = [example.output for example in splits["test"]]
    return measure(outputs, [answer] * len(outputs))


# Language models.


def score_unigrams(options: object, splits: Splits) -> Scores:
    """Return nats and bits per symbol and the perplexity of a unigram model with add-one smoothing.

    It knows how often each symbol is, the end of a text among them: its count in the training data, plus one.
    """
    counts = Counter(symbol for example in splits["train"] for symbol in _list_symbols(example.output))
    total = counts.total() + len(counts) + 1
    asked = [symbol for example in splits["test"] for symbol in _list_symbols(example.output)]
    return metrics.perplexity(-sum(math.log((counts[symbol] + 1) / total) for symbol in asked) / len(asked))


def _list_symbols(output: str | tuple[str, str]) -> Sequence[str]:
    return output[1] if isinstance(output, tuple) else [*output, "end"]


# Nearest neighbours: the first caption of the training picture that is most like a test picture.


def score_nearest_pixels(options: object, splits: Splits) -> Scores:
    """Return the scores of the captions of the nearest training pictures, by their pixels."""
    known, asked = (flatten_pixels([example.input for example in splits[split]]) for split in ("train", "test"))
    return _score_nearest(splits, known, asked)


def score_nearest_contexts(splits: Splits, contexts: Contexts) -> Scores:
    """Return the scores of the captions of the nearest training pictures, by what the captioner makes of them."""
    return _score_nearest(splits, contexts("train"), contexts("test"))


def flatten_pixels(pictures: Sequence[Picture]) -> np.ndarray:
    """Return the pixels of pictures scaled down to SIDE x SIDE: (pictures, SIDE * SIDE * 3) of float32."""
    return np.stack([picture.pixels(SIDE).reshape(-1) for picture in pictures]).astype("float32")


def find_nearest_captions(train: Sequence[Example], known: np.ndarray, asked: np.ndarray) -> list[str]:
    """Return for each picture asked the first caption of the training picture whose features are nearest.

    Nearest in the sum of squared differences (scikit-learn). known, asked: (pictures, features), those of the training
    pictures and of the pictures asked.
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known).kneighbors(asked, return_distance=False)
    return [first(train[number].output) for number in found[:, 0]]


def _score_nearest(splits: Splits, known: np.ndarray, asked: np.ndarray) -> Scores:
    answers = find_nearest_captions(splits["train"], known, asked)
    return metrics.captions([example.output for example in splits["test"]], answers)
