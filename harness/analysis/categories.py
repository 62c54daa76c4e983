"""Categories: how well each is found, and which is taken for which. What labels and tags have in common."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.analysis import pictures
from harness.analysis.answered import Floats
from harness.analysis.section import Row, Section, Sections
from pipeline.calibration import BINS, expected_calibration_error

# Confusions that are listed, and categories that the picture has room for: the most frequent.
CONFUSIONS, DRAWN = 20, 20


def by_category(expected: Sequence[str], answered: Sequence[str], noun: str) -> Sections:
    """Yield precision, recall and F1 of each category, the most frequent first (scikit-learn). noun: "label", "tag"."""
    from sklearn.metrics import precision_recall_fscore_support

    names = sorted({*expected, *answered})
    scores = precision_recall_fscore_support(expected, answered, labels=names, zero_division=0)
    rows: list[Row] = [
        {noun: name, "precision": float(p), "recall": float(r), "F1": float(f), "support": int(s)}
        for name, p, r, f, s in sorted(zip(names, *scores, strict=True), key=lambda one: -one[4])
    ]
    yield Section(
        f"by_{noun}",
        f"Score by {noun}",
        f"Which {noun}s are hard? Precision: the share right of those answered. Recall: the share found of those "
        "expected, of which support says how many there are.",
        rows,
    )


def confusions(expected: Sequence[str], answered: Sequence[str], noun: str) -> Sections:
    """Yield which category is taken for which, the most frequent first, with the whole matrix as a picture."""
    support = Counter(expected)
    found = Counter(pair for pair in zip(expected, answered, strict=True) if pair[0] != pair[1])
    if not found:
        yield Section("confusions", "Confusions", "None: every answer is right.")
        return
    rows: list[Row] = [
        {"expected": one, "answered": other, "count": count, f"share of this {noun}": count / support[one]}
        for (one, other), count in found.most_common(CONFUSIONS)
    ]
    yield Section(
        "confusions",
        "Confusions",
        f"Which {noun} is taken for which? The share is that of all that are expected to have the {noun}.",
        rows,
        picture=lambda: pictures.draw_confusion(*count_pairs(expected, answered)),
    )


def count_pairs(
    expected: Sequence[str], answered: Sequence[str], most: int = DRAWN
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the categories, the most frequent first, and how often each was answered for each (scikit-learn).

    The matrix is (expected, answered). Of more than `most` categories the rarest are one, "others".
    """
    from sklearn.metrics import confusion_matrix

    frequent = [name for name, _ in Counter([*expected, *answered]).most_common()]
    names = frequent if len(frequent) <= most else [*frequent[: most - 1], "others"]
    kept = set(names)
    pairs = ([name if name in kept else "others" for name in side] for side in (expected, answered))
    return names, confusion_matrix(*pairs, labels=names)


def calibration(right: NDArray[np.bool_], certain: Floats, noun: str) -> Sections:
    """Yield how often answers are right of which the model is so and so sure.

    right, certain: (answers,), whether each is right, and its probability. noun: of what is answered.
    """
    from sklearn.calibration import calibration_curve

    sure = np.clip(certain, 0, 1)
    observed, predicted = calibration_curve(right, sure, n_bins=BINS)
    # As scikit-learn puts them into bins; those that are empty are left out there.
    numbers = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    counts = np.bincount(numbers, minlength=BINS)
    filled = np.flatnonzero(counts)
    error = expected_calibration_error(right, sure)
    gap = float(sure.mean() - right.mean())
    manner = "as sure as it should be" if abs(gap) < 0.01 else f"{'over' if gap > 0 else 'under'}confident"
    rows: list[Row] = [
        {
            "probability": f"{bin / BINS:.1f} to {(bin + 1) / BINS:.1f}",
            f"{noun}s": int(counts[bin]),
            "mean probability": float(one),
            "share right": float(other),
        }
        for bin, one, other in zip(filled.tolist(), predicted, observed, strict=True)
    ]
    yield Section(
        "calibration",
        "Calibration",
        f"May its probabilities be believed? It is {manner}: {sure.mean():.1%} sure on the mean, and "
        f"{right.mean():.1%} right. Expected calibration error: {error:.3f}.",
        rows,
        picture=lambda: pictures.draw_calibration(predicted, observed, counts[filled]),
        facts={"expected_calibration_error": error},
    )
