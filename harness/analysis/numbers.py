"""Numbers: one per example, and by how much each is off."""

import numpy as np

from harness.analysis import frequency, groups, pictures
from harness.analysis.answered import Answered, Floats
from harness.analysis.section import Row, Section, Sections, shorten

# As many different values as are shown one by one; more are shown in ranges.
FEW = 12
MOST = 20


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of numbers."""
    expected, residuals = measure_residuals(answered)
    yield from by_value(expected, residuals)
    yield from groups.by_length(answered)
    yield from frequency.by_rarest_token(answered)
    yield from groups.by_category(answered)
    yield from list_worst(answered, residuals)


def measure_residuals(answered: Answered) -> tuple[Floats, Floats]:
    """Return what is expected, and by how much the answers are above it, both (examples,)."""
    expected = np.array(answered.expected, "float64")
    return expected, np.array(answered.outputs, "float64") - expected


def by_value(expected: Floats, residuals: Floats) -> Sections:
    """Yield the residuals where little and where much is expected."""
    values = np.unique(expected)
    if len(values) <= FEW:
        parts = [(f"{value:g}", np.flatnonzero(expected == value)) for value in values]
    else:
        parts = [
            (f"{expected[members].min():.3g} to {expected[members].max():.3g}", members)
            for members in groups.divide_evenly(expected)
        ]
    rows: list[Row] = [
        {
            "expected": name,
            "examples": len(members),
            "mean answer": float((expected + residuals)[members].mean()),
            "bias": float(residuals[members].mean()),
            "mean absolute error": float(np.abs(residuals[members]).mean()),
        }
        for name, members in parts
    ]
    bias, deviation = float(residuals.mean()), float(residuals.std())
    slope = float(np.polyfit(expected, residuals, 1)[0]) if len(values) > 1 else 0.0
    timid = "; small numbers are answered too large, and large ones too small" if slope < -0.1 else ""
    yield Section(
        "residuals",
        "Residuals",
        f"Is it off to one side? On the mean an answer is {abs(bias):.3g} too {'large' if bias > 0 else 'small'}; the "
        f"standard deviation is {deviation:.3g}{timid}.",
        rows,
        picture=lambda: pictures.draw_residuals(expected, residuals),
        facts={"bias": bias, "standard_deviation": deviation, "slope": slope},
    )


def list_worst(answered: Answered, residuals: Floats) -> Sections:
    """Yield the examples whose answers are furthest off."""
    order = np.argsort(-np.abs(residuals), kind="stable")[:MOST]
    rows: list[Row] = [
        {
            "expected": float(answered.expected[member]),
            "answered": float(answered.outputs[member]),
            "residual": float(residuals[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for member in order
    ]
    yield Section(
        "worst", "The worst", "Where is it furthest off? Is the number right, and what misleads it?", rows, brief=5
    )
