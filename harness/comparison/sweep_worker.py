"""What a worker does: start Keras once, then train one run after the other, and say what each took and gave."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import tasks
from harness import runs
from harness.comparison.results import Result
from harness.comparison.sweep import Entry
from harness.options import defaults, type_in
from harness.process import interrupt
from harness.process.console import console
from harness.process.lock import hold
from harness.runs.restored import read_run
from harness.runs.schema import Memory
from harness.selection import select
from pipeline import worker
from pipeline.errors import BadInput


def begin(cores: Sequence[int], start: Callable[[], str], include: Sequence[Path]) -> str:
    """Make this process a worker, on some of the machine's cores; return what Keras runs on.

    start: starts Keras, and returns on what. include: the Python files of the user's own.
    """
    if cores:
        os.sched_setaffinity(0, cores)
    # The sweep has the only display.
    console.quiet = True
    worker.before_end.append(interrupt.ask)
    # Several processes share a GPU.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    device = start()
    tasks.forget()
    tasks.include(include)
    return device


def describe(entry: Entry, **known: Any) -> Result:
    """Return what is known of a run before it is trained, and `known`."""
    about = {
        "task": entry.task,
        "cell": entry.options.cell,
        "seed": entry.options.seed,
        "fold": entry.options.fold,
        "folds": entry.options.folds,
        "units": entry.options.units,
        "run": str(entry.directory),
        "command": name_command(entry),
    }
    return cast(Result, about | known)


def name_command(entry: Entry) -> list[str]:
    """Return the command that trains this run alone."""
    task = tasks.get(entry.task)
    usual = defaults(task, entry.options.budget).replace(budget=defaults(task).budget).as_dict()
    changed = {name: value for name, value in entry.options.as_dict().items() if value != usual[name]}
    words = ["python", "run.py", "train", entry.task, "--runs", str(entry.folder), *type_in(changed, task)]
    return words + [word for file in tasks.included() for word in ("--include", str(file.path))]


def run(entry: Entry, *, device: str, fresh: bool, remember: bool) -> Result:
    """Train a run unless it is complete, and return its result: scores, cost, learning curve.

    device: what Keras runs on. remember: measure its memory too, see harness/comparison/gradient_reach.py, and write
    its analysis.
    """
    from harness.training.train import train

    started = time.perf_counter()
    reused = not fresh and (entry.directory / "scores.json").exists()
    task = tasks.get(entry.task)
    summary = train(task, entry.options, entry.folder, name=entry.directory.name, fresh=fresh, device=device)
    if remember:
        explain(entry.directory)
    lines = runs.read_metrics(entry.directory, summary["epochs"], task.monitor)
    best = lines[: summary["best_epoch"]]
    return describe(
        entry,
        status="done",
        reused=reused,
        device=device,
        monitor=task.monitor,
        lower_is_better=task.lower_is_better,
        scores=summary["scores"],
        baselines=summary["baselines"],
        limitation=summary.get("limitation"),
        validation=summary["validation"],
        weights=summary["weights"],
        epochs=summary["epochs"],
        best_epoch=summary["best_epoch"],
        seconds=summary["seconds"],
        compiling=summary["compiling"],
        seconds_to_best=round(sum(line["seconds"] - line["compiling"] for line in best), 1),
        # The fastest epoch counts: whatever else the machine did slowed the others down.
        tokens_per_second=max(line["tokens_per_second"] for line in lines),
        prediction_tokens_per_second=summary["tokens_per_second_answering"],
        megabytes=summary["megabytes"],
        curve=[
            {
                "epoch": line["epoch"],
                "loss": line["loss"],
                "seconds": round(line["seconds"] - line["compiling"], 3),
                "validation": line[f"validation_{task.monitor}"],
            }
            for line in lines
        ],
        memory=recall(entry.directory) if remember else None,
        spent=round(time.perf_counter() - started, 1),
    )


def explain(directory: Path) -> None:
    """Write the analysis of a run into its directory, unless there is one that is newer than its scores."""
    from harness.analysis.analyse import analyse_run

    path, scores = directory / runs.ANALYSIS, directory / "scores.json"
    if path.exists() and path.stat().st_mtime >= scores.stat().st_mtime:
        return
    # A by-product: a metric of the user's own, say, that is not defined for a part of the test, is no failed run. Nor
    # is a test without outputs.
    with suppress(Exception):
        run = read_run(directory)
        analyse_run(run, select(run, None, "test"))


def recall(directory: Path) -> dict[str, Any] | None:
    """Return a run's memory: measured the first time, then read from its directory; None of a model without a state."""
    from harness.comparison.gradient_reach import measure_gradient_reach, score_by_delay, score_by_length

    path = directory / "memory.json"
    if not path.exists():
        try:
            found: dict[str, Any] = measure_gradient_reach(directory)
        except BadInput:
            return None
        lengths, delays = score_by_length(directory), score_by_delay(directory)
        # Else it is measured again next time: the run is another user's, or trained anew.
        with suppress(BadInput), hold(directory):
            runs.write_record(path, found | {"by_length": lengths, "by_delay": delays})
        return found | {"by_length": lengths, "by_delay": delays}
    known = runs.read_json(path, Memory, runs.MEASURE)
    for curve in (known["before"], known["after"]):
        if curve["lags"] != list(range(len(curve["gradient"]))):
            raise BadInput(f"{path}: the file is damaged (expected a gradient for each lag from 0 on); {runs.MEASURE}")
    return {**known}
