"""The table of a comparison, and all that is said of it in the terminal."""

from typing import Any

from harness.comparison.significance import rounded
from harness.process.console import print_table

# What a run costs: its name in the results, and its head and unit in the tables.
COSTS = {
    "weights": "weights",
    "tokens_per_second": "tokens/s in training",
    "prediction_tokens_per_second": "tokens/s in prediction",
    "seconds_to_best": "s to best epoch",
    "compiling": "s compiling",
    "megabytes": "peak memory, MB",
    "half_life_before": "half-life before",
    "half_life_after": "half-life after",
}


def tabulate(section: dict[str, Any]) -> list[dict[str, str]]:
    """Return the table of a task's cells, best first: names of columns to what is shown.

    section: of `report.summarise_runs`. A cost that is known of no cell is left out.
    """
    cells = section["cells"]
    shown = {name: head for name, head in COSTS.items() if any(cell[name] is not None for cell in cells)}
    return [
        {
            "cell": cell["cell"],
            "seeds": str(cell["seeds"]),
            section["monitor"]: cell["score"],
            "sd": "" if cell["deviation"] is None else rounded(cell["deviation"], cell["deviation"]),
            **{head: _count(cell[name]) for name, head in shown.items()},
        }
        for cell in cells
    ]


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def print_comparison(content: dict[str, Any]) -> None:
    """Print of every task the table, the pairs and the failed runs on standard output. content: of `write_report`."""
    for section in content["tasks"]:
        print(f"{section['task']}  {section['verdict']}")
        if rows := tabulate(section):
            print_table(rows)
        for line in [pair["sentence"] for pair in section["pairs"]] + section["notes"]:
            print(line)
        for run in content["runs"]:
            if run["task"] == section["task"] and run["status"] != "done":
                print(f"failed: {name_run(run)}: {run.get('message') or 'no message'}")
        print()


def name_run(run: dict[str, Any]) -> str:
    """Return "TASK CELL seed SEED"."""
    return f"{run['task']} {run['cell']} seed {run['seed']}"
