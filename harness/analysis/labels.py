"""Labels: one category per example."""

import numpy as np

from harness.analysis import categories, frequency, groups
from harness.analysis.answered import Answered
from harness.analysis.section import Section, Sections, count, shorten

# Mistakes that are listed.
MOST = 20


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of labels."""
    expected, outputs = answered.expected, answered.outputs
    yield from categories.by_category(expected, outputs, "label")
    yield from categories.confusions(expected, outputs, "label")
    if answered.probabilities is not None:
        yield from categories.calibration(answered.right, answered.probabilities, "answer")
    yield from groups.by_length(answered)
    yield from frequency.by_rarest_token(answered)
    yield from groups.by_category(answered)
    yield from list_mistakes(answered)


def list_mistakes(answered: Answered) -> Sections:
    """Yield the wrong answers of which the model is surest; without probabilities, those with the greatest loss."""
    wrong = np.flatnonzero(~answered.right)
    if not len(wrong):
        return
    certain = answered.losses if answered.probabilities is None else answered.probabilities
    order = wrong[np.argsort(-certain[wrong], kind="stable")][:MOST]
    rows = [
        {
            "expected": answered.expected[member],
            "answered": answered.outputs[member],
            "loss" if answered.probabilities is None else "probability": float(certain[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for member in order
    ]
    yield Section(
        "mistakes",
        "The most confident mistakes",
        f"{count(len(wrong), 'answer')} of {len(answered.outputs):,} are wrong. Those that it is surest of come first: "
        "is the label right, and what misleads it?",
        rows,
        brief=5,
    )
