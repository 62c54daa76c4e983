"""Label sets: several labels per example, or none."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from harness.analysis import categories, frequency, groups
from harness.analysis.answered import Answered
from harness.analysis.section import Row, Section, Sections, count, shorten
from pipeline.fields import Labels
from pipeline.multi_label import name_labels

# Mistakes that are listed; labels together that are.
MOST, PAIRS = 20, 10
# Thresholds that are tried.
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of sets of labels."""
    yield from by_label(answered.expected, answered.outputs)
    yield from by_threshold(answered)
    yield from by_number(answered)
    yield from list_confused(answered)
    right, certain = list_choices(answered)
    yield from categories.calibration(right, certain, "label")
    yield from groups.by_length(answered)
    yield from frequency.by_rarest_token(answered)
    yield from groups.by_category(answered)
    yield from list_mistakes(answered)


def by_label(expected: Sequence[tuple[str, ...]], answered: Sequence[tuple[str, ...]]) -> Sections:
    """Yield precision, recall and F1 of each label, the most frequent first (scikit-learn)."""
    from sklearn.metrics import precision_recall_fscore_support
    from sklearn.preprocessing import MultiLabelBinarizer

    binarizer = MultiLabelBinarizer().fit([*expected, *answered])
    if not len(binarizer.classes_):
        return
    there = binarizer.transform(expected), binarizer.transform(answered)
    scores = precision_recall_fscore_support(*there, zero_division=0)
    rows: list[Row] = [
        {"label": name, "precision": float(p), "recall": float(r), "F1": float(f), "support": int(s)}
        for name, p, r, f, s in sorted(zip(binarizer.classes_, *scores, strict=True), key=lambda one: -one[4])
    ]
    yield Section(
        "by_label",
        "Score by label",
        "Which labels are hard? Precision: the share right of those answered. Recall: the share found of those "
        "expected, of which support says how many there are.",
        rows,
    )


def by_threshold(answered: Answered) -> Sections:
    """Yield the task's scores where a label is answered from another probability on."""
    task, field = answered.experiment.task, answered.experiment.output_field
    own = f" Here it is {field.threshold:g};" if isinstance(field, Labels) else ""
    rows: list[Row] = []
    for threshold in THRESHOLDS:
        outputs = [
            tuple(sorted(label for label, likely in found.items() if likely >= threshold))
            for found in answered.label_probabilities
        ]
        rows.append({"threshold": threshold, **task.metrics(answered.expected, outputs)})
    yield Section(
        "by_threshold",
        "Score by threshold",
        f"From which probability on should a label be answered?{own} --threshold is another. Choose it on the "
        "validation split: --split validation.",
        rows,
    )


def by_number(answered: Answered) -> Sections:
    """Yield the score of examples with no label, with one, with two ..."""
    members: dict[int, list[int]] = {}
    for member, labels in enumerate(answered.expected):
        members.setdefault(len(labels), []).append(member)
    rows: list[Row] = [
        {
            "labels": str(size),
            "examples": len(found),
            "share all right": float(answered.right[found].mean()),
            "answered": float(np.mean([len(answered.outputs[member]) for member in found])),
        }
        for size, found in sorted(members.items())
    ]
    yield Section(
        "by_number",
        "Score by number of labels",
        "Are examples with many labels harder? The last column is how many are answered to them, on the mean.",
        rows,
    )


def list_confused(answered: Answered) -> Sections:
    """Yield which label is given where another one is missed, the most frequent pairs first."""
    pairs = Counter(
        (missed, added)
        for expected, output in zip(answered.expected, answered.outputs, strict=True)
        for missed in sorted(set(expected) - set(output))
        for added in sorted(set(output) - set(expected))
    )
    if not pairs:
        return
    support = Counter(label for labels in answered.expected for label in labels)
    yield Section(
        "confusions",
        "Missed and added together",
        "Which label is given to an example that has another one, which is missed? The share is that of all examples "
        "that have the label.",
        [
            {"missed": missed, "added": added, "count": number, "share of this label": number / support[missed]}
            for (missed, added), number in pairs.most_common(PAIRS)
        ],
    )


def list_choices(answered: Answered) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each label of each example, whether the example has it, and how likely the model holds that."""
    pairs = [
        (label in expected, likely)
        for expected, found in zip(answered.expected, answered.label_probabilities, strict=True)
        for label, likely in found.items()
    ]
    right, certain = zip(*pairs, strict=True)
    return np.array(right), np.array(certain)


def list_mistakes(answered: Answered) -> Sections:
    """Yield the wrong answers with the greatest loss."""
    wrong = np.flatnonzero(~answered.right)
    if not len(wrong):
        return
    order = wrong[np.argsort(-answered.losses[wrong], kind="stable")][:MOST]
    rows: list[Row] = [
        {
            "expected": name_labels(answered.expected[member]),
            "answered": name_labels(answered.outputs[member]),
            "loss": float(answered.losses[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for member in order
    ]
    yield Section(
        "mistakes",
        "The worst mistakes",
        f"{count(len(wrong), 'answer')} of {len(answered.outputs):,} have a label too many or too few. Those with the "
        "greatest loss come first: are the labels right, and what misleads the model?",
        rows,
        brief=5,
    )
