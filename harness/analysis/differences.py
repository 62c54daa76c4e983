"""Differences: the examples that one of two runs answers better than the other, and whether that may be chance."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.analysis.answered import Answered, Floats, average
from harness.analysis.section import Cell, Row, Section, Sections, count, shorten
from harness.analysis.texts import show_text
from harness.comparison.significance import BootstrapCovariance, bootstrap, level, rounded
from pipeline.example import Value
from pipeline.multi_label import name_labels

# Examples that are listed of each side.
MOST = 20
# Of the bootstrap.
SECONDS = 10.0


def compare(first: Answered, second: Answered) -> list[Section]:
    """Return in which examples two runs differ."""
    return [*compare_scores(first, second), *count_agreement(first, second), *list_examples(first, second)]


def name_runs(first: Answered, second: Answered) -> tuple[str, str]:
    """Return a short name of each of two runs: the first of these in which they differ: RNN type, directory, path."""
    one, other = first.experiment, second.experiment
    names = (
        (one.options.cell, other.options.cell),
        (one.directory.name, other.directory.name),
        (str(one.directory), str(other.directory)),
    )
    return next(pair for pair in names if pair[0] != pair[1])


def compare_scores(first: Answered, second: Answered) -> Sections:
    """Yield the scores of both, and whether the difference of the monitored one may be chance."""
    one, other = name_runs(first, second)
    monitor = first.monitor
    names = [monitor, *(name for name in first.scores if name != monitor)]
    rows: list[Row] = [
        {
            "score": name,
            one: first.scores[name],
            other: second.scores.get(name),
            "difference": second.scores.get(name, math.nan) - first.scores[name],
        }
        for name in names
    ]
    facts, sentence = test(first, second)
    yield Section("scores", "Scores", sentence, rows, facts=facts)


def test(first: Answered, second: Answered) -> tuple[dict[str, float], str]:
    """Return the numbers of a paired test over the examples, and what they say.

    One label each: McNemar's exact test (1947). All others: a bootstrap of the monitored score, paired over the two
    runs.
    """
    if first.experiment.output_field.categorical and isinstance(first.outputs[0], str):
        return test_labels(first.right, second.right)
    return test_scores(first, second)


def test_labels(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[dict[str, float], str]:
    """Return McNemar's exact test of two runs' right answers, (examples,) each (statsmodels)."""
    from statsmodels.stats.contingency_tables import mcnemar

    table = [[int((one & other).sum()) for other in (second, ~second)] for one in (first, ~first)]
    p = float(mcnemar(table, exact=True).pvalue)
    return {"p": p}, _say(
        p, f"McNemar's exact test on {count(table[0][1] + table[1][0], 'example')} that one run alone has right"
    )


def test_scores(first: Answered, second: Answered) -> tuple[dict[str, float], str]:
    """Return the interval of the difference of the monitored scores, by a bootstrap over the examples, and p."""
    from scipy import stats

    gap = second.scores[first.monitor] - first.scores[first.monitor]
    found = resample(first, second)
    if found.covariance is None:
        return {}, f"No test: {found.note}"
    covariance = found.covariance
    deviation = math.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0))
    if deviation == 0:
        return {}, "The two runs answer every example as well as each other."
    degrees = min(found.resamples, found.examples) - 1
    half = float(stats.t.ppf(0.975, degrees)) * deviation
    p = float(2 * stats.t.sf(abs(gap) / deviation, degrees))
    facts = {"difference": gap, "low": gap - half, "high": gap + half, "p": p}
    interval = f"95%: {rounded(gap - half, half)} to {rounded(gap + half, half)}"
    how = f"difference {rounded(gap, half)}, {interval}, by a bootstrap of {found.resamples:,} resamples"
    return facts, _say(p, how)


def resample(first: Answered, second: Answered) -> BootstrapCovariance:
    """Return how the monitored scores of two runs vary together with the choice of examples."""
    task, monitor = first.experiment.task, first.monitor
    try:
        if first.from_answers:
            return bootstrap(
                lambda expected, outputs: task.metrics(expected, outputs)[monitor],
                list(first.expected),
                predictions=[first.outputs, second.outputs],
                seconds=SECONDS,
            )
        return bootstrap(
            lambda weights, losses: average(np.array(losses), np.array(weights)),
            first.weights.tolist(),
            predictions=[first.losses.tolist(), second.losses.tolist()],
            seconds=SECONDS,
        )
    # A metric may be of any library, and fail in any way on a part of the examples.
    except Exception as error:
        return BootstrapCovariance(None, note=f"{monitor} cannot be computed for a sample of the examples ({error}).")


def _say(p: float, how: str) -> str:
    verdict = "The two runs differ" if p < 0.05 else "These examples do not tell the two runs apart"
    return f"{verdict}: {level(p)} ({how}). With other seeds the runs themselves would be others: see compare."


def measure_badness(answered: Answered) -> Floats:
    """Return how bad each answer is, (examples,): how far off a number is, or the loss."""
    if isinstance(answered.outputs[0], float):
        return np.abs(np.array(answered.outputs) - np.array(answered.expected, "float64"))
    return answered.losses


def is_right_or_wrong(answered: Answered) -> bool:
    """Return whether an answer is right or wrong, rather than more or less near."""
    written = answered.from_answers and not isinstance(answered.outputs[0], float)
    return written or answered.experiment.output_field.categorical


def is_tagged(answered: Answered) -> bool:
    """Return whether an answer is one category per step."""
    field = answered.experiment.output_field
    return field.categorical and field.arrays["output"].timed


def count_agreement(first: Answered, second: Answered) -> Sections:
    """Yield how many examples both answer right, one of them, and none; nothing where no answer is right or wrong."""
    if not is_right_or_wrong(first):
        return
    one, other = name_runs(first, second)
    groups = {
        "both right": first.right & second.right,
        f"{one} alone right": first.right & ~second.right,
        f"{other} alone right": ~first.right & second.right,
        "both wrong": ~first.right & ~second.right,
    }
    same = np.array([a == b for a, b in zip(first.outputs, second.outputs, strict=True)])
    rows: list[Row] = [
        {
            "": name,
            "examples": int(chosen.sum()),
            "share": float(chosen.mean()),
            "same answer": int((chosen & same).sum()),
        }
        for name, chosen in groups.items()
    ]
    yield Section(
        "agreement",
        "Agreement",
        "Do they err in the same places? An answer is right where "
        f"{'all its tags are' if is_tagged(first) else 'it is'} what is expected.",
        rows,
    )


def list_examples(first: Answered, second: Answered) -> Sections:
    """Yield the examples that the first run answers better, and those that the second does."""
    gaps = measure_badness(second) - measure_badness(first)
    names = name_runs(first, second)
    for number, (name, sign) in enumerate(zip(names, (1, -1), strict=True)):
        better = (first, second)[number]
        worse = (second, first)[number]
        if is_right_or_wrong(first):
            chosen = np.flatnonzero(better.right & ~worse.right)
            sentence = f"{count(len(chosen), 'example')} that {name} alone answers right"
        else:
            chosen = np.flatnonzero(sign * gaps > 0)
            sentence = f"{count(len(chosen), 'example')} that {name} answers better"
        order = chosen[np.argsort(-sign * gaps[chosen], kind="stable")][:MOST]
        yield Section(
            f"better_{number + 1}",
            f"Where {name} is better",
            f"{sentence}; where the gap is widest first.",
            [_show(first, second, names, member) for member in order],
            brief=5,
        )


def _show(first: Answered, second: Answered, names: Sequence[str], member: int) -> Row:
    example, outputs = first.examples[member], [one.outputs[member] for one in (first, second)]
    return {
        "expected": _show_output(first, member, example.output, outputs),
        **{name: _show_output(first, member, one, outputs) for name, one in zip(names, outputs, strict=True)},
        "input": shorten(example.input),
        "origin": first.name_origin(member),
    }


def _show_output(answered: Answered, member: int, output: Value, outputs: Sequence[Value]) -> Cell:
    """Return an output as a table shows it; of tags, those of the steps at which the two runs differ."""
    if isinstance(output, float):
        return output
    if answered.experiment.output_field.arrays["output"].independent:
        return name_labels(output)
    if not is_tagged(answered):
        return show_text(output)
    apart = [step for step, tags in enumerate(zip(*outputs, strict=True)) if tags[0] != tags[1]]
    return shorten(", ".join(f"{answered.examples[member].input[step]} {output[step]}" for step in apart))
