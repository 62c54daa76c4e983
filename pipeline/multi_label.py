"""Several labels per example: their scores, what a constant answer reaches, and how they are shown."""

from collections import Counter
from collections.abc import Sequence

from pipeline.example import Splits

Scores = dict[str, float]
Labels = tuple[str, ...]


def score_labels(references: Sequence[Labels], predictions: Sequence[Labels]) -> Scores:
    """Return micro and macro F1, and the share of examples with exactly the right labels (scikit-learn).

    micro_f1: over all labels of all examples together. macro_f1: the mean of the F1 of each label that is expected or
    answered, all counting alike. A quotient of nothing is 0.
    """
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    binarizer = MultiLabelBinarizer().fit([*references, *predictions])
    expected, answered = binarizer.transform(references), binarizer.transform(predictions)
    if not len(binarizer.classes_):
        return {"micro_f1": 0.0, "macro_f1": 0.0, "exact_match": 1.0}
    return {
        "micro_f1": float(f1_score(expected, answered, average="micro", zero_division=0)),
        "macro_f1": float(f1_score(expected, answered, average="macro", zero_division=0)),
        "exact_match": float(accuracy_score(expected, answered)),
    }


def score_frequent(options: object, splits: Splits) -> Scores:
    """Return the scores of always answering the same labels: of the most frequent, as many as are best in training.

    Best by micro F1, which of n labels is 2 x hits / (labels expected + n x examples).
    """
    every = [example.output for example in splits["train"]]
    counts = Counter(label for labels in every for label in labels)
    # Among equals the first by the alphabet: the order of the examples says nothing.
    order = sorted(counts, key=lambda label: (-counts[label], label))
    hits, best, chosen = 0, 0.0, 0
    for number, label in enumerate(order, 1):
        hits += counts[label]
        if (score := 2 * hits / (counts.total() + number * len(every))) > best:
            best, chosen = score, number
    outputs = [example.output for example in splits["test"]]
    return score_labels(outputs, [tuple(sorted(order[:chosen]))] * len(outputs))


def name_labels(labels: Labels) -> str:
    """Return labels with commas between them; "(none)" where there is none."""
    return ", ".join(labels) or "(none)"
