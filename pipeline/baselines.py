"""Baselines: the scores of answers that do not look at the input, which a model should beat."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pipeline import metrics
from pipeline.example import Splits


def answer_majority(options: Any, splits: Splits, *_: Any) -> metrics.Scores:
    """Return the scores on the test of always answering the label that most training examples have."""
    counts = Counter(example.output for example in splits["train"])
    # Of several that are as frequent, the first by the alphabet: the order of the examples says nothing.
    label = min(counts, key=lambda one: (-counts[one], one))
    return _score(metrics.labels, splits, label)


def answer_mean(options: Any, splits: Splits, *_: Any) -> metrics.Scores:
    """Return the scores on the test of always answering the mean of the training data: the least squared error."""
    return _score(metrics.errors, splits, statistics.fmean(example.output for example in splits["train"]))


def answer_median(options: Any, splits: Splits, *_: Any) -> metrics.Scores:
    """Return the scores on the test of always answering the median of the training data: the least absolute error."""
    return _score(metrics.errors, splits, statistics.median(example.output for example in splits["train"]))


def _score(
    measure: Callable[[Sequence[Any], Sequence[Any]], metrics.Scores], splits: Splits, answer: Any
) -> metrics.Scores:
    outputs = [example.output for example in splits["test"]]
    return measure(outputs, [answer] * len(outputs))
