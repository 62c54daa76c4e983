"""Forecasts: how far off they are by the step ahead and by the series, and how often the interval holds the truth."""

from collections.abc import Sequence

from harness.analysis import others
from harness.analysis.answered import Answered
from harness.analysis.section import Row, Section, Sections
from pipeline.forecasting import metrics
from pipeline.forecasting.window import Future

# As many steps ahead as are shown one by one; of more, as many groups.
MOST = 24
SHOWN = ("mase", "mae", "coverage_80", "width_80")


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of forecasts."""
    yield by_step(answered)
    yield from by_series(answered)
    yield from others.analyse(answered)


def by_step(answered: Answered) -> Section:
    """Return the section of the scores by how far ahead a step is."""
    horizon = len(answered.expected[0][0])
    count = -(-horizon // MOST)
    rows: list[Row] = []
    for start in range(0, horizon, count):
        steps = slice(start, min(start + count, horizon))
        references = [Future(after[steps], scale) for after, scale in answered.expected]
        predictions = [{level: numbers[steps] for level, numbers in one.items()} for one in answered.outputs]
        if any(value is not None for after, _ in references for value in after):
            name = f"{start + 1}" if count == 1 else f"{start + 1} to {steps.stop}"
            rows.append({"steps ahead": name, **score(references, predictions)})
    text = (
        "Is it worse further ahead, and is the interval as wide as it should be? 0.80 of the truth is to be within it."
    )
    return Section("by_step", "By how far ahead", text, rows)


def by_series(answered: Answered) -> Sections:
    """Yield the section of the scores of each series, where there are several."""
    members: dict[str, list[int]] = {}
    for number, example in enumerate(answered.examples):
        members.setdefault(example.input.series.name, []).append(number)
    if len(members) == 1:
        return
    rows: list[Row] = [
        {
            "series": name,
            "windows": len(places),
            **score([answered.expected[n] for n in places], [answered.outputs[n] for n in places]),
        }
        for name, places in members.items()
    ]
    yield Section("by_series", "By series", "Which series is harder to forecast?", rows)


def score(references: Sequence[Future], predictions: Sequence[dict]) -> Row:
    """Return the scores that are shown."""
    found = metrics.measure(references, predictions)
    return {name: found[name] for name in SHOWN if name in found}
