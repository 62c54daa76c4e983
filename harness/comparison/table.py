"""The table of a comparison, and all that is said of it in the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.comparison.results import CellCost, CellSummary, Report, Result, TaskSummary, TunedCell, name_run
from harness.comparison.significance import rounded
from harness.process.console import print_table
from harness.runs.schema import DelayScore, LengthScore
from pipeline.option import make_flag

# What a run costs: its name in the results, and its name and unit of measure in the head of the table.
COSTS: Mapping[CellCost, str] = {
    "weights": "weights",
    "tokens_per_second": "tokens/s in training",
    "prediction_tokens_per_second": "tokens/s in prediction",
    "seconds_to_best": "s to best epoch",
    "compiling": "s compiling",
    "megabytes": "peak memory, MB",
    "half_life_before": "half-life before",
    "half_life_after": "half-life after",
}


def tabulate(section: TaskSummary) -> list[dict[str, str]]:
    """Return one row per cell, best first, as texts by the heads of the columns.

    A cost that is known of no cell has no column.
    """
    cells = section["cells"]
    shown = [(name, head) for name, head in COSTS.items() if _is_known(name, cells)]
    return [
        {
            "cell": cell["cell"],
            "folds" if section["folds"] else "seeds": str(cell["seeds"]),
            str(section["monitor"]): cell["score"],
            "sd": "" if cell["deviation"] is None else rounded(cell["deviation"], cell["deviation"]),
            **{head: _format_cost(cell[name]) for name, head in shown},
        }
        for cell in cells
    ]


def tabulate_ensembles(section: TaskSummary) -> list[dict[str, str]]:
    """Return one row per cell whose seeds were averaged: what one of them scores in the mean, and all together."""
    return [
        {
            "cell": one["cell"],
            f"one network, {section['monitor']}": f"{one['single']:.4f}",
            f"{one['seeds']} averaged": f"{one['score']:.4f}",
        }
        for one in section["ensembles"]
    ]


def describe_tuned(tuned: TunedCell) -> str:
    """Return what was found for a cell, in one sentence."""
    failed = f", of which {tuned['failed']} failed" if tuned["failed"] else ""
    chosen = " ".join(f"{make_flag(name)} {value}" for name, value in tuned["options"].items())
    return f"{tuned['cell']} is the best of {tuned['trials']} trials{failed}: {chosen}"


def _is_known(cost: CellCost, cells: Sequence[CellSummary]) -> bool:
    return any(cell[cost] is not None for cell in cells)


def _format_cost(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


@dataclass(frozen=True)
class Steps:
    """One score of each cell by length or by delay. rows: as `tabulate` has them."""

    title: str
    rows: list[dict[str, str]]


def tabulate_steps(runs: Sequence[Result]) -> Iterator[Steps]:
    """Yield the scores of one task's runs by length and by delay, where there are several of these.

    The score is the one that the task monitors; where that is the loss, its first other score too. Of each cell the one
    run whose memory was measured.
    """
    for by in ("length", "delay"):
        found: dict[str, dict[str, Mapping[str, float | None]]] = {}
        for run in runs:
            if memory := run.get("memory"):
                points: Mapping[str, LengthScore | DelayScore]
                if by == "length":
                    points = {_name_range(one["shortest"], one["longest"]): one for one in memory["by_length"]}
                else:
                    points = {f"{one['delay']:,}": one for one in memory["by_delay"]}
                monitor = run["monitor"]
                found[run["cell"]] = {head: one.get("scores", {monitor: one["score"]}) for head, one in points.items()}
        heads = list(dict.fromkeys(head for scores in found.values() for head in scores))
        if len(heads) < 2:
            continue
        known = list(dict.fromkeys(name for scores in found.values() for one in scores.values() for name in one))
        others = [name for name in known if name != "loss"][:1] if monitor == "loss" else []
        for name in [monitor, *others]:
            rows = [
                {"cell": cell, **{head: _format_score(scores.get(head, {}).get(name)) for head in heads}}
                for cell, scores in found.items()
            ]
            yield Steps(f"{name} by {by}, in time steps", rows)


def _name_range(shortest: int, longest: int) -> str:
    return f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"


def _format_score(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def print_comparison(report: Report) -> None:
    """Print on standard output, for each task, its table, its pairs of cells and its failed runs."""
    for section in report["tasks"]:
        print(f"{section['task']}  {section['verdict']}")
        if rows := tabulate(section):
            print_table(rows)
        said = [pair["sentence"] for pair in section["pairs"]] + section["notes"]
        for line in said + [describe_tuned(one) for one in section["tuned"]]:
            print(line)
        if rows := tabulate_ensembles(section):
            print("Ensembles, apart: the answers of all seeds of a type, averaged.")
            print_table(rows)
        for run in report["runs"]:
            if run["task"] == section["task"] and run["status"] != "done":
                print(f"failed: {name_run(run)}: {run.get('message') or 'no message'}")
        print()
