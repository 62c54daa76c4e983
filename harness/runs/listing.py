"""Listing: what has been trained, and how well."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import tasks
from harness import runs
from harness.options import restore
from harness.process.console import format_time, print_table, say
from harness.runs.schema import Config
from harness.training import request
from pipeline.errors import BadInput, unknown
from pipeline.option import Value


class Row(TypedDict):
    """One run. options: those that differ from the task's defaults. score: the test's; None if it is not complete."""

    run: str
    task: str
    options: dict[str, Value]
    monitor: str | None
    score: float | None
    minutes: float | None
    complete: bool


def find_runs(folder: Path, task: str | None = None) -> list[Row]:
    """Return one row per run under a folder, by task and name; of one task, the best score first.

    A directory that cannot be read is said, and left out. BadInput for an unknown task, and where there is no folder.
    """
    if not folder.is_dir():
        raise BadInput(f"--runs {folder}: there is no such folder; `run.py train TASK` makes it")
    rows = []
    for path in sorted(folder.rglob("config.json")):
        try:
            rows.append(read_row(path.parent))
        except BadInput as error:
            say(f"left out: {error}")
    if task is None:
        return rows
    if task not in tasks.find() and task not in {row["task"] for row in rows}:
        raise unknown("task", task, tasks.find())
    return rank(rows, task)


def rank(rows: Sequence[Row], task: str) -> list[Row]:
    """Return the rows of one task, the best score first."""
    sign = 1 if task in tasks.find() and tasks.get(task).lower_is_better else -1
    own = [row for row in rows if row["task"] == task]
    return sorted(own, key=lambda row: (row["score"] is None, sign * (row["score"] or 0.0)))


def read_row(directory: Path) -> Row:
    """Return what is known of one run; BadInput if its files are damaged."""
    config = runs.read_config(directory)
    complete = (directory / "scores.json").exists()
    summary = runs.read_scores(directory, config) if complete else None
    return {
        "run": str(directory),
        "task": config["task"],
        "options": find_changed(config),
        "monitor": summary["monitor"] if summary else None,
        "score": summary["scores"].get(summary["monitor"]) if summary else None,
        "minutes": round(summary["seconds"] / 60, 1) if summary else None,
        "complete": complete,
    }


def find_changed(config: Config) -> dict[str, Value]:
    """Return the options of a run that differ from its task's defaults; all of them if the task is not known here."""
    if config["task"] not in tasks.find():
        return {name: value for name, value in config["options"].items() if value is not None}
    task = tasks.get(config["task"])
    found = restore(config["options"], task, config.get("format", 1))
    return request.find_changed(task, found)


def print_runs(rows: list[Row], folder: Path) -> None:
    """Print the rows as a table."""
    if not rows:
        say(f"no runs under {folder}")
        return
    print_table(
        [
            {
                "run": row["run"],
                "options": " ".join(f"{name.rstrip('_')}={value}" for name, value in row["options"].items()),
                "score": f"{row['monitor']} {row['score']:.4f}" if row["score"] is not None else "",
                "time": format_time(60 * row["minutes"]) if row["minutes"] is not None else "",
                "": "" if row["complete"] else "not complete",
            }
            for row in rows
        ]
    )
