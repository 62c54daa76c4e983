"""The report of a comparison: a folder with tables, pictures and one page that needs nothing else.

    results.csv     a line a run
    results.json    the runs, the summary of each cell, each pair of cells, versions and machine
    pictures/       PNG, also inside the page
    report.html     all of it to read; no network needed

Every file is written whole or not at all. A run is a dict as it stands in results.json; what is None is left out.
"""

import csv
import io
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from harness import runs
from harness.comparison import plots
from harness.comparison.page import format_page
from harness.comparison.plots import Cells, Run
from harness.comparison.significance import Pair, Summary, compare, score, summarise
from harness.comparison.table import COSTS, name_run
from pipeline import record
from tasks.task import Task

COLUMNS = (
    "task",
    "cell",
    "seed",
    "status",
    "message",
    "monitor",
    "score",
    "validation",
    "weights",
    "units",
    "epochs",
    "best_epoch",
    "seconds",
    "compiling",
    "seconds_to_best",
    "tokens_per_second",
    "prediction_tokens_per_second",
    "megabytes",
)


def summarise_runs(found: Sequence[Run], tasks: Mapping[str, Task], seconds: float = 20.0) -> list[dict[str, Any]]:
    """Return for each task, in the runs' order: its cells, best first, its pairs, and what they say in words.

    tasks: by name, for their metrics. seconds: of the bootstrap of one task; see harness/comparison/significance.py.
    """
    sections = []
    for name in dict.fromkeys(run["task"] for run in found):
        own = [run for run in found if run["task"] == name]
        done = [run for run in own if run["status"] == "done" and score(run) is not None]
        cells: Cells = {cell: [] for cell in dict.fromkeys(run["cell"] for run in done)}
        for run in done:
            cells[run["cell"]].append(run)
        summaries = {cell: summarise([score(run) or 0.0 for run in members]) for cell, members in cells.items()}
        worse = 1 if done and done[0]["lower_is_better"] else -1
        order = sorted(cells, key=lambda cell: worse * summaries[cell].mean)
        pairs = compare([run for cell in order for run in cells[cell]], tasks.get(name), seconds)
        notes = [pair.note for pair in pairs if pair.note]
        lost = [run for run in own if run["status"] == "done" and score(run) is None]
        notes += [f"{name_run(run)} is left out: it has no finite {run['monitor']}." for run in lost]
        sections.append(
            {
                "task": name,
                "summary": tasks[name].summary if name in tasks else "",
                "monitor": done[0]["monitor"] if done else None,
                "lower_is_better": bool(done and done[0]["lower_is_better"]),
                "cells": [_summarise_cell(cell, cells[cell], summaries[cell]) for cell in order],
                "verdict": _conclude(order, summaries, pairs),
                "pairs": [asdict(pair) | {"sentence": str(pair)} for pair in pairs],
                "notes": list(dict.fromkeys(notes)),
            }
        )
    return sections


def _summarise_cell(cell: str, members: Sequence[Run], summary: Summary) -> dict[str, Any]:
    costs = {name: _middle([run.get(name) for run in members]) for name in (*COSTS, "units", "seconds")}
    memories = [run["memory"] for run in members if run.get("memory")]
    for when in ("before", "after"):
        lives = [(memory.get(when) or {}).get("half_life") for memory in memories]
        costs[f"half_life_{when}"] = _middle(lives)
    return {"cell": cell, **asdict(summary), "score": str(summary), **costs}


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _conclude(order: Sequence[str], summaries: Mapping[str, Summary], pairs: Sequence[Pair]) -> str:
    if not order:
        return "No run is done."
    best = order[0]
    text = f"Best: {best}, {summaries[best]}."
    close = [pair.worse for pair in pairs if pair.better == best and not pair.apart]
    return f"{text} Not told apart from it: {', '.join(close)}." if close else text


def write_report(
    folder: Path,
    found: Sequence[Run],
    tasks: Mapping[str, Task],
    device: str = "",
    title: str = "",
    seconds: float = 20.0,
) -> dict[str, Any]:
    """Write the folder of a comparison, and return what its results.json holds.

    found: all runs, done and failed. device: what they were computed on, in words.
    title: of the page. seconds: as in `summarise_runs`.
    """
    packages = {name: version(name) for name in ("scipy", "statsmodels", "matplotlib")}
    environment = runs.describe_environment(device)
    environment["packages"] = environment["packages"] | packages
    sections = summarise_runs(found, tasks, seconds)
    content = record.finite({"environment": environment, "tasks": sections, "runs": list(found)})
    drawn = {section["task"]: _draw(folder, section, found) for section in sections}
    runs.write_text(folder / "results.csv", format_csv(found))
    runs.write_json(folder / "results.json", content)
    runs.write_text(folder / "report.html", format_page(title or "Comparison of RNN types", content, drawn))
    return content


def format_csv(found: Sequence[Run]) -> str:
    """Return a line a run: its facts, its test scores as test_NAME, the half-lives of its memory, and its command."""
    names = list(dict.fromkeys(name for run in found for name in run.get("scores") or {}))
    lives = {"half_life_before": "before", "half_life_after": "after"}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"test_{name}" for name in names), *lives, "run", "command"])
    for run in found:
        facts = run | {"score": score(run) if run.get("monitor") else None}
        scores, memory = run.get("scores") or {}, run.get("memory") or {}
        row = [facts.get(name) for name in COLUMNS] + [scores.get(name) for name in names]
        row += [(memory.get(when) or {}).get("half_life") for when in lives.values()]
        writer.writerow([*row, run.get("run"), shlex.join(run.get("command") or ())])
    return text.getvalue()


def _draw(folder: Path, section: dict[str, Any], found: Sequence[Run]) -> dict[str, Path]:
    """Write the pictures of one task, and return their paths by what they show."""
    # A cell looks the same in all tasks.
    looks = plots.choose_looks(list(dict.fromkeys(run["cell"] for run in found)))
    own = [run for run in found if run["task"] == section["task"] and run["status"] == "done"]
    cells: Cells = {
        cell["cell"]: [run for run in own if run["cell"] == cell["cell"] and score(run) is not None]
        for cell in section["cells"]
    }
    if not cells:
        return {}
    figures = {
        "curves": plots.draw_curves(cells, looks),
        "seconds": plots.draw_quality(cells, looks, _training_seconds, "seconds of training"),
        "weights": plots.draw_quality(cells, looks, lambda run: run.get("weights"), "weights"),
        "gradients": plots.draw_gradients(cells, looks),
        "lengths": plots.draw_scores(cells, looks, "length", "length of the input, in time steps", "score"),
        "delays": plots.draw_scores(cells, looks, "delay", "delay, in time steps", "score"),
    }
    name = re.sub(r"[^\w-]", "_", section["task"])
    paths = {kind: folder / "pictures" / f"{name}-{kind}.png" for kind in figures}
    for kind, figure in figures.items():
        if figure is None:
            # Of an earlier report in this folder.
            paths.pop(kind).unlink(missing_ok=True)
        else:
            plots.save(figure, paths[kind])
    return paths


def _training_seconds(run: Run) -> float | None:
    seconds = run.get("seconds")
    return None if seconds is None else max(seconds - (run.get("compiling") or 0), 0.0)
