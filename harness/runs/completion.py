"""Completion: what a process has left undone that was killed after the scores of its run were written."""

from contextlib import suppress
from pathlib import Path

from harness.process.lock import hold
from harness.runs import card, states
from harness.runs.restored import read_run
from pipeline import files
from pipeline.errors import BadInput


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
