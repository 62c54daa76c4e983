"""Completion: a run that is complete already, and what a process left undone that was killed at its very end."""

from contextlib import suppress
from pathlib import Path

import tasks
from harness import runs
from harness.process.console import say
from harness.process.lock import hold
from harness.runs import card, included, states
from harness.runs.restored import read_run
from harness.runs.schema import Summary
from harness.training.request import Request, read_earlier
from pipeline import files
from pipeline.errors import BadInput


def read_complete(request: Request) -> Summary | None:
    """Return the summary of a run that is complete, and is not to be trained again; None of any other.

    BadInput if its directory holds a run of other options.
    """
    directory = request.directory
    if request.fresh or not (directory / "scores.json").exists() or not runs.holds_run(directory):
        return None
    stored, _ = read_earlier(request)
    included.tell_changes(tasks.included(), stored["include"])
    say(f"{directory} is complete; --fresh trains it again")
    complete(directory)
    summary = runs.read_scores(directory, stored)
    summary["run"] = str(directory)
    return summary


def complete(directory: Path) -> None:
    """Write the model card of a complete run where it has none, and remove what is left over.

    Nothing is done where nothing can be written, or where another process is at work on the run.
    """
    left = next(directory.rglob(f"{files.UNFINISHED}*"), None) or (directory / states.PREVIOUS).exists()
    missing = not (directory / card.NAME).exists()
    if not (left or missing):
        return
    # What is held is cleared of what was left unfinished.
    with suppress(BadInput, OSError), hold(directory):
        states.drop_previous(directory)
        if missing:
            card.write_card(read_run(directory))
