"""Averaged seeds: the ensemble of the runs of one cell, which a comparison trains anyway.

What it scores is reported apart: it takes as many networks as there are seeds, and says nothing of one of them.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness import runs
from harness.comparison.results import Result, monitored_score
from harness.process.lock import hold
from harness.runs.restored import read_run
from harness.runs.schema import Averaged, Scores
from harness.runs.together import check_members
from harness.selection import select
from pipeline.errors import BadInput

NAME = "ensemble.json"


def group_seeds(results: Sequence[Result]) -> list[list[Result]]:
    """Return the runs of each task and cell whose seeds are all done, where there are several with the same test."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result["task"], result["cell"]), []).append(result)
    return [
        members
        for members in groups.values()
        if len(members) > 1
        and len({one.get("fold") for one in members}) == 1
        and all(one["status"] == "done" and monitored_score(one) is not None for one in members)
    ]


def digest(directories: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of the model of each run, by the name of its directory."""
    return {one.name: runs.digest_model(one) for one in directories}


def read_averaged(directories: Sequence[Path]) -> Scores | None:
    """Return the scores of the ensemble of runs as the first of them keeps them; None where it does not."""
    path = directories[0] / NAME
    if not path.exists():
        return None
    known = runs.read_json(path, Averaged, runs.MEASURE)
    return known["scores"] if known["members"] == digest(directories) else None


def average_seeds(directories: Sequence[Path]) -> Scores | None:
    """Return the test scores of the ensemble of runs, and keep them with the first; None where it cannot be had.

    It needs Keras, and so a worker.
    """
    from harness.ensemble import measure_ensemble

    try:
        members = [read_run(directory) for directory in directories]
        check_members(members)
        scores: Scores = {**measure_ensemble(members, select(members[0], None, "test"))}
    except BadInput:
        return None
    # Else it is measured again next time: the run is another user's, or trained anew.
    with suppress(BadInput), hold(directories[0]):
        runs.write_record(directories[0] / NAME, {"members": digest(directories), "scores": scores})
    return scores
