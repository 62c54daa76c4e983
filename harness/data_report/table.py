"""The report for a terminal, and as rows for the tables of the page."""

from collections.abc import Iterator

from harness.data_report.report import DataReport, measure_quantiles
from harness.process.console import print_table
from pipeline.example import Value
from pipeline.printable import show_controls
from pipeline.survey import Side

Rows = list[dict[str, str]]
# Labels of a table; the rest is counted. Characters of an input.
LABELS, CHARACTERS = 30, 100
SPLITS = ("train", "validation", "test")


def print_report(report: DataReport) -> None:
    """Print what is wrong, then what there is, then some examples."""
    print(show_controls(f"{report.task.name}: {report.origin.name}: {report.origin.holds} ({report.origin.licence})"))
    print(show_controls(f"  in   {report.survey.input.text}\n  out  {report.survey.output.text}", keep="\n"))
    for title, rows in tabulate(report):
        print(f"\n{title}")
        print_table(rows)
    print("Training examples, as the model is given them\n")
    for number, shown in enumerate(report.examples, 1):
        place = f"  ({shown.origin})" if shown.origin else ""
        print(show_controls(f"{number}  {describe_pair(shown.input, shown.output)}{place}"))
        for steps in shown.steps:
            print_table(steps.tabulate())
        for line in shown.arrays:
            print(show_controls(f"  {line}"))
        print()
    for line in report.notes:
        print(show_controls(f"note: {line}"))
    count = len(report.warnings)
    print(f"{count or 'no'} warning{'s' * (count != 1)}{', the worst first:' if count else ''}")
    for one in report.warnings:
        print(show_controls(f"- {one.text}"))


def describe_pair(given: Value, wanted: Value) -> str:
    """Return an example on one line, cut where it is long."""
    return f"{_shorten(given)} → {_shorten(wanted)}"


def _shorten(value: Value) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 1]}…"


def tabulate(report: DataReport) -> Iterator[tuple[str, Rows]]:
    """Yield each table of the report with its title."""
    survey = report.survey
    rows = [
        {"split": split, "examples": f"{count:,}", "different inputs": f"{survey.distinct[split]:,}"}
        for split, count in survey.counts.items()
    ]
    yield "Examples", rows
    for name, side in (("Input", survey.input), ("Output", survey.output)):
        if side.classes:
            yield f"How often each {side.class_noun} is there", _tabulate_classes(side)
        if side.lengths:
            yield f"{name}: lengths in {side.counted}s", _tabulate_lengths(side)
        if side.tokens:
            yield f"{name}: what the vocabulary knows", _tabulate_coverage(side)
        if side.numbers:
            yield f"{name}: numbers", _tabulate_numbers(side)


def _tabulate_classes(side: Side) -> Rows:
    """Return the most frequent classes with their counts and shares in each split, in the order of training."""
    names = list(dict.fromkeys(name for split in SPLITS for name, _ in side.classes.get(split, {}).items()))
    totals = {split: counts.total() for split, counts in side.classes.items()}
    names.sort(key=lambda name: -max(counts[name] / totals[split] for split, counts in side.classes.items()))
    rows = [
        {side.class_noun: name or "(none)"}
        | {split: f"{counts[name]:,} ({counts[name] / totals[split]:.1%})" for split, counts in side.classes.items()}
        for name in names[:LABELS]
    ]
    if rest := names[LABELS:]:
        rows.append(
            {side.class_noun: f"and {len(rest):,} more"}
            | {split: f"{sum(counts[name] for name in rest):,}" for split, counts in side.classes.items()}
        )
    return rows


def _tabulate_lengths(side: Side) -> Rows:
    rows = []
    for split, lengths in side.lengths.items():
        found = measure_quantiles(lengths)
        row = {"split": split} | {
            name: f"{value:,.1f}" if name == "mean" else f"{value:,.0f}" for name, value in found.items()
        }
        if side.most is not None:
            longer = int((lengths > side.most).sum())
            row[f"longer than {side.most:,}"] = f"{longer:,} ({longer / len(lengths):.1%})"
        rows.append(row)
    return rows


def _tabulate_coverage(side: Side) -> Rows:
    rows = []
    for split in side.tokens:
        cover = side.measure_coverage(split)
        rows.append(
            {
                "split": split,
                f"{side.counted}s": f"{cover.tokens:,}",
                "of these known": f"{cover.known_tokens / cover.tokens:.2%}",
                "different": f"{cover.types:,}",
                "of these known ": f"{cover.known_types / cover.types:.2%}",
                "most frequent unknown": ", ".join(
                    f"{token} {count:,}" for token, count in side.find_unknown(split)[:5]
                ),
            }
        )
    return rows


def _tabulate_numbers(side: Side) -> Rows:
    return [
        {"split": split}
        | {name: f"{value:.4g}" for name, value in measure_quantiles(values).items()}
        | {"standard deviation": f"{values.std():.4g}"}
        for split, values in side.numbers.items()
    ]
