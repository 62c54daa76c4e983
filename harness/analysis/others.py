"""Others: answers of a kind that is not known here, such as a series of numbers; how good each is the loss says."""

import numpy as np

from harness.analysis import frequency, groups
from harness.analysis.answered import Answered
from harness.analysis.section import Row, Section, Sections, shorten

MOST = 20


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of any answers."""
    yield from groups.by_category(answered)
    yield from groups.by_length(answered)
    yield from frequency.by_rarest_token(answered)
    rows: list[Row] = [
        {
            "loss": float(answered.losses[member]),
            "expected": shorten(answered.expected[member]),
            "answered": shorten(answered.outputs[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for member in np.argsort(-answered.losses, kind="stable")[:MOST]
    ]
    yield Section("worst", "The worst", "Where is the loss greatest?", rows, brief=5)
