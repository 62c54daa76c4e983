"""States: all that is needed to go on training, of the last two epochs, and of the steps since then.

state.npz is that of the last epoch, state.previous.npz that of the one before. The older is the same file under another
name, so that keeping it writes nothing; a run that is complete has no use for it. state.within.npz is that of the epoch
under way, and goes when it is finished. Where the newest is damaged, training goes on from the one before it: what lies
in between is trained once more, and comes out the same.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from harness import runs
from harness.process.console import say
from harness.runs.schema import Progress
from harness.runs.seal import open_archive, sealed, unseal_record
from pipeline import record
from pipeline.errors import BadInput
from pipeline.files import name_unfinished

WITHIN, LAST, PREVIOUS = "state.within.npz", "state.npz", "state.previous.npz"


def find(directory: Path) -> list[Path]:
    """Return the states of a run that there are, the newest first."""
    return [directory / name for name in (WITHIN, LAST, PREVIOUS) if (directory / name).exists()]


def write(directory: Path, save: Callable[[Path], object]) -> None:
    """Write the state of an epoch, whole or not at all, and keep that of the epoch before."""
    last = directory / LAST
    if last.exists():
        temporary = name_unfinished(directory / PREVIOUS)
        try:
            # By a second name, so that there is one at every moment.
            os.link(last, temporary)
            temporary.replace(directory / PREVIOUS)
            # It stays where both are one file: a process was killed after the line above.
            temporary.unlink(missing_ok=True)
        except OSError:
            # A file system without such names, as memory cards and some shares have it.
            last.replace(directory / PREVIOUS)
    runs.write(last, sealed(save))
    # Were the process killed before this, it would train an epoch once more, and come here again.
    (directory / WITHIN).unlink(missing_ok=True)


def write_within(directory: Path, save: Callable[[Path], object]) -> None:
    """Write the state of an epoch that is not finished, whole or not at all, in place of an earlier one."""
    runs.write(directory / WITHIN, sealed(save))


def restore(directory: Path, read: Callable[[Path], Progress]) -> Progress | None:
    """Return what `read` returns of the newest whole state of a run; None where there is none.

    A damaged one is said, and makes room for the one before it. BadInput where none is whole.
    """
    if not (found := _find_whole(directory, read)):
        return None
    path, progress, damaged = found
    if damaged:
        say(f"{damaged}; going on from the state before it, of epoch {progress['epoch']}")
        (directory / WITHIN).unlink(missing_ok=True)
        path.replace(directory / LAST)
    return progress


def read_newest(directory: Path) -> Progress | None:
    """Return how far a run has come, by its newest whole state; None if it has none, BadInput if none is whole."""

    def read(path: Path) -> Progress:
        with open_archive(path), np.load(path, allow_pickle=False) as saved:
            return read_progress(saved)

    found = _find_whole(directory, read)
    return found[1] if found else None


def _find_whole(directory: Path, read: Callable[[Path], Progress]) -> tuple[Path, Progress, str] | None:
    """Return the newest whole state, what `read` returns of it, and which newer ones are damaged; see `restore`."""
    damaged: list[str] = []
    for path in find(directory):
        try:
            return path, read(path), "; ".join(damaged)
        # A damaged file may make zipfile, zlib, NumPy or Keras raise anything.
        except Exception as error:
            # A training under way removed it, once it had written the state after it.
            if not path.exists():
                return _find_whole(directory, read)
            damaged.append(f"{path}: the file is damaged ({error})")
    if damaged:
        raise BadInput(f"{'; '.join(damaged)}; start over with --fresh")
    return None


def read_progress(saved: Mapping[str, np.ndarray]) -> Progress:
    """Return how far a run had come, out of the arrays of a state; BadInput where it is damaged."""
    progress = record.convert(unseal_record(record.load(str(saved["progress"]))), Progress)
    if progress["best_epoch"] > progress["epoch"]:
        raise BadInput(f"the best epoch is {progress['best_epoch']} of {progress['epoch']}")
    if "within" not in progress and not (progress["epoch"] and progress["best_epoch"]):
        raise BadInput(f"expected an epoch from 1 on, got {min(progress['epoch'], progress['best_epoch'])}")
    return progress


def drop_previous(directory: Path) -> None:
    """Remove the older state of a run that is complete."""
    (directory / PREVIOUS).unlink(missing_ok=True)
