"""The lock on a run directory: one process at a time trains a run."""

import errno
import fcntl
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from harness.process.console import say
from pipeline import files
from pipeline.errors import BadInput

TRIES = 1000


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Keep other processes off a run directory, which need not exist; what a killed one left half written is removed.

    The lock is a file beside the directory, which --fresh deletes, and says who holds it. It is there until the end,
    and no longer locked once its process has ended, however that was.
    Raises BadInput, with what that file says, if another process holds the lock, and if no file can be written there.
    """
    path = directory.with_name(f".{directory.name}.lock")
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        file = _open_locked(path)
    except BlockingIOError as error:
        raise BadInput(
            f"{directory}: another process trains this run: {error}. Wait for it or stop it, or keep another run in "
            f"another folder, with --runs DIR."
        ) from None
    except OSError as error:
        raise BadInput(f"--runs: {path.parent} cannot be written: {error.strerror}. Choose another folder.") from None
    try:
        with file, files.remove_at_end(path):
            command = shlex.join(["run.py", *sys.argv[1:]])
            file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%F %T')}: {command}\n")
            file.flush()
            for left in directory.rglob(f"{files.UNFINISHED}*"):
                files.remove(left)
            yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _open_locked(path: Path) -> IO[str]:
    """Return a file, opened to be written and locked; BlockingIOError, with what it says, if another process has it."""
    # The process that had the lock may remove the file at any time, its folder too, and another make a new one. But a
    # folder such as /proc says of every new file that it cannot be found.
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8", errors="backslashreplace")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise BlockingIOError(file.read().strip()) from None
            except OSError as error:
                say(f"{path.parent}: files cannot be locked there ({error.strerror}); train a run by one process only")
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                return file
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
