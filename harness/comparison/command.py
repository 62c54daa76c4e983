"""A comparison from its sweep to its report."""

from collections.abc import Callable
from pathlib import Path

import tasks
from harness.comparison.compare import compare
from harness.comparison.report import write_report
from harness.comparison.results import Report
from harness.comparison.sweep import Sweep
from harness.process.console import say
from pipeline import cache, files


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
    results = compare(sweep, start, workers=workers, address=address)
    device = next((result["device"] for result in results if result["status"] == "done"), "")
    named = {name: tasks.get(name) for name in sweep.each}
    return write_report(folder, results, tasks=named, device=device), folder
