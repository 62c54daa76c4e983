"""A comparison from its sweep to its report."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tasks
from harness import learning_curve
from harness.comparison.compare import compare
from harness.comparison.report import write_report
from harness.comparison.results import Report, Result
from harness.comparison.sweep import Sweep
from harness.process.console import say
from pipeline import cache, files
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from harness.tuning.tuned import Tuned


def compare_and_report(
    sweep: Sweep,
    start: Callable[[], str],
    *,
    output: Path | None = None,
    workers: int = 1,
    address: str | None = None,
) -> tuple[Report, Path]:
    """Train what is not complete, write the report, and return what its results.json holds, and its folder.

    start, workers, address: see `harness.comparison.compare.compare`. output: folder of the report; else
    RUNS/comparisons/TASKS. Raises BadInput as `compare` does, and if the report cannot be written there.
    """
    folder = output or sweep.folder / "comparisons" / "-".join(sweep.each)
    files.check_folder(folder, "--output")
    # Once for all workers.
    cache.prepare(say)
    tuned: dict[tuple[str, str], Tuned] = {}
    if sweep.trials:
        from harness.tuning.tune import tune_cells

        tuned = tune_cells(sweep, start, workers=workers, address=address)
        sweep = replace(sweep, tuned={place: found.chosen for place, found in tuned.items()})
    results = compare(sweep, start, workers=workers, address=address)
    device = next((result["device"] for result in results if result["status"] == "done"), "")
    named = {name: tasks.get(name) for name in sweep.each}
    draw_learning_curves(results)
    return write_report(folder, results, tasks=named, device=device, tuned=tuned), folder


def draw_learning_curves(results: Sequence[Result]) -> None:
    """Draw the learning curve of each run that is done and has none, now that no run is measured any more."""
    for result in results:
        directory = Path(result["run"])
        if result["status"] != "done" or (directory / learning_curve.NAME).exists():
            continue
        task = tasks.get(result["task"])
        # The run may be another user's, or on another machine.
        with suppress(BadInput, OSError):
            learning_curve.draw(directory, task.monitor)
