"""The report of a comparison: a folder with tables, pictures and one page that needs nothing else.

    results.csv     one line per run
    results.json    the runs, the summary of each cell, each pair of cells, versions and machine
    pictures/       PNG, also inside the page
    report.html     all of it to read; no network needed

Every file is written whole or not at all. What results.json holds is said by harness/comparison/results.py.
"""

import csv
import io
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Literal, cast

from harness import runs
from harness.comparison import plots
from harness.comparison.folds import average_by_fold, compare_folds, count_folds, summarise_cell
from harness.comparison.page import format_page
from harness.comparison.results import (
    CellSummary,
    EnsembleSummary,
    PairSummary,
    Report,
    Result,
    RunCost,
    TaskSummary,
    TunedCell,
    monitored_score,
    name_run,
)
from harness.comparison.significance import Comparison, Summary, compare_cells
from harness.tuning.expected_best import expect_best
from harness.tuning.tuned import Tuned
from pipeline import record
from pipeline.printable import quote_cell
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

When = Literal["before", "after"]


def summarise_runs(
    found: Sequence[Result],
    tasks: Mapping[str, Task],
    seconds: float = 20.0,
    tuned: Mapping[tuple[str, str], Tuned] = MappingProxyType({}),
) -> list[TaskSummary]:
    """Return the summary of each task, in the order of the runs.

    tasks: by name, for their metrics. seconds: of the bootstrap of one task; see harness/comparison/significance.py.
    tuned: what was found before, by task and cell.
    """
    names = dict.fromkeys(run["task"] for run in found)
    return [
        _summarise_task(
            name,
            [run for run in found if run["task"] == name],
            task=tasks.get(name),
            seconds=seconds,
            tuned={cell: one for (task, cell), one in tuned.items() if task == name},
        )
        for name in names
    ]


def _summarise_task(
    name: str, found: Sequence[Result], *, task: Task | None, seconds: float, tuned: Mapping[str, Tuned]
) -> TaskSummary:
    done = [run for run in found if run["status"] == "done" and monitored_score(run) is not None]
    cells: dict[str, list[Result]] = {cell: [] for cell in dict.fromkeys(run["cell"] for run in done)}
    for run in done:
        cells[run["cell"]].append(run)
    folds = count_folds(done)
    summaries = {cell: summarise_cell(members, folds) for cell, members in cells.items()}
    worse = 1 if done and done[0]["lower_is_better"] else -1
    order = sorted(cells, key=lambda cell: worse * summaries[cell].mean)
    if folds:
        ordered = {cell: average_by_fold(cells[cell]) for cell in order}
        comparisons = compare_folds(ordered, folds, lower_is_better=done[0]["lower_is_better"])
    else:
        comparisons = compare_cells([run for cell in order for run in cells[cell]], task, seconds=seconds)
    notes = [comparison.note for comparison in comparisons if comparison.note]
    notes += [f"{run['cell']}: {why}." for run in done if (why := run.get("limitation"))]
    lost = [run for run in found if run["status"] == "done" and monitored_score(run) is None]
    notes += [f"{name_run(run)} is left out: it has no finite {run['monitor']}." for run in lost]
    return {
        "task": name,
        "summary": task.summary if task else "",
        "monitor": done[0]["monitor"] if done else None,
        "lower_is_better": bool(done and done[0]["lower_is_better"]),
        "cells": [_summarise_cell(cell, cells[cell], summaries[cell]) for cell in order],
        "verdict": _conclude(order, summaries, comparisons),
        "pairs": [cast(PairSummary, {**asdict(one), "sentence": str(one)}) for one in comparisons],
        "notes": list(dict.fromkeys(notes)),
        "folds": folds,
        "tuned": [_summarise_tuned(cell, one, task=task) for cell, one in tuned.items() if task],
        "ensembles": [one for cell in order if (one := _summarise_ensemble(cell, cells[cell], summaries[cell].mean))],
    }


def _summarise_ensemble(cell: str, members: Sequence[Result], single: float) -> EnsembleSummary | None:
    """Return what the seeds of a cell score together; None where they were not averaged."""
    for run in members:
        score = (run.get("ensemble") or {}).get(run["monitor"])
        if score is not None:
            return {"cell": cell, "seeds": len(members), "single": single, "score": score}
    return None


def _summarise_tuned(cell: str, tuned: Tuned, *, task: Task) -> TunedCell:
    scores = [trial.score for trial in tuned.trials if trial.score is not None]
    return {
        "cell": cell,
        "trials": len(tuned.trials),
        "failed": sum(trial.status == "failed" for trial in tuned.trials),
        "options": tuned.chosen,
        "expected": expect_best(scores, lower_is_better=task.lower_is_better),
    }


def _summarise_cell(cell: str, members: Sequence[Result], summary: Summary) -> CellSummary:
    def cost(name: RunCost) -> float | None:
        return _median(run.get(name) for run in members)

    def half_life(when: When) -> float | None:
        return _median(_half_life(run, when) for run in members)

    return {
        "cell": cell,
        "seeds": summary.seeds,
        "mean": summary.mean,
        "deviation": summary.deviation,
        "low": summary.low,
        "high": summary.high,
        "score": str(summary),
        "weights": cost("weights"),
        "tokens_per_second": cost("tokens_per_second"),
        "prediction_tokens_per_second": cost("prediction_tokens_per_second"),
        "seconds_to_best": cost("seconds_to_best"),
        "compiling": cost("compiling"),
        "megabytes": cost("megabytes"),
        "half_life_before": half_life("before"),
        "half_life_after": half_life("after"),
        "units": cost("units"),
        "seconds": cost("seconds"),
    }


def _half_life(run: Result, when: When) -> float | None:
    memory = run.get("memory")
    return memory[when]["half_life"] if memory else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _conclude(order: Sequence[str], summaries: Mapping[str, Summary], comparisons: Sequence[Comparison]) -> str:
    if not order:
        return "No run is done."
    best = order[0]
    text = f"Best: {best}, {summaries[best]}."
    close = [one.worse for one in comparisons if one.better == best and not one.significant]
    return f"{text} Not told apart from it: {', '.join(close)}." if close else text


def write_report(
    folder: Path,
    found: Sequence[Result],
    *,
    tasks: Mapping[str, Task],
    device: str = "",
    title: str = "Comparison of RNN types",
    seconds: float = 20.0,
    tuned: Mapping[tuple[str, str], Tuned] = MappingProxyType({}),
) -> Report:
    """Write the folder of a comparison, and return what its results.json holds.

    found: all runs, done and failed. device: what they were computed on, in words.
    title: of the page. tasks, seconds, tuned: as in `summarise_runs`.
    """
    packages = {name: version(name) for name in ("scipy", "statsmodels", "matplotlib")}
    environment = runs.describe_environment(device)
    environment["packages"] = environment["packages"] | packages
    summaries = summarise_runs(found, tasks, seconds, tuned)
    content: Report = record.finite({"environment": environment, "tasks": summaries, "runs": list(found)})
    pictures = {summary["task"]: _draw(folder, summary, found) for summary in summaries}
    runs.write_text(folder / "results.csv", format_csv(found))
    runs.write_json(folder / "results.json", content)
    runs.write_text(folder / "report.html", format_page(title, content, pictures, folder=folder))
    return content


def format_csv(found: Sequence[Result]) -> str:
    """Return one line per run: its facts, its test scores as test_NAME, its half-lives, and its command."""
    names = list(dict.fromkeys(name for run in found for name in run.get("scores") or {}))
    columns = [*COLUMNS, *(["fold"] if any(run.get("fold") for run in found) else [])]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [*columns, *(f"test_{name}" for name in names), "half_life_before", "half_life_after", "run", "command"]
    writer.writerow(map(quote_cell, head))
    for run in found:
        facts: dict[str, object] = {**run, "score": monitored_score(run) if run.get("monitor") else None}
        scores = run.get("scores") or {}
        cells = [
            *(facts.get(name) for name in columns),
            *(scores.get(name) for name in names),
            *(_half_life(run, "before"), _half_life(run, "after")),
            *(run.get("run"), shlex.join(run.get("command") or [])),
        ]
        writer.writerow(map(quote_cell, cells))
    return text.getvalue()


def _draw(folder: Path, summary: TaskSummary, found: Sequence[Result]) -> dict[str, Path]:
    """Write the pictures of one task, and return their paths by what they show."""
    # A cell looks the same in all tasks.
    styles = plots.choose_styles(list(dict.fromkeys(run["cell"] for run in found)))
    done = [run for run in found if run["task"] == summary["task"] and run["status"] == "done"]
    cells = {
        cell["cell"]: [run for run in done if run["cell"] == cell["cell"] and monitored_score(run) is not None]
        for cell in summary["cells"]
    }
    if not cells:
        return {}
    figures = {
        "curves": plots.draw_learning_curves(cells, styles),
        "tuning": plots.draw_expected_best(summary["tuned"], styles, label=f"validation {summary['monitor']}"),
        "seconds": plots.draw_score_by_cost(cells, styles, cost=_training_seconds, label="seconds of training"),
        "weights": plots.draw_score_by_cost(cells, styles, cost=lambda run: run.get("weights"), label="weights"),
        "gradients": plots.draw_gradients(cells, styles),
        "lengths": plots.draw_score_by_steps(cells, styles, by="length", label="length of the input, in time steps"),
        "delays": plots.draw_score_by_steps(cells, styles, by="delay", label="delay, in time steps"),
    }
    name = re.sub(r"[^\w-]", "_", summary["task"])
    paths = {kind: folder / "pictures" / f"{name}-{kind}.png" for kind in figures}
    for kind, figure in figures.items():
        if figure is None:
            # An earlier report in this folder may have one.
            paths.pop(kind).unlink(missing_ok=True)
        else:
            plots.save(figure, paths[kind])
    return paths


def _training_seconds(run: Result) -> float | None:
    seconds = run.get("seconds")
    return None if seconds is None else max(seconds - (run.get("compiling") or 0), 0.0)
