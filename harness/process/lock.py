"""The lock on a run directory: one process at a time trains a run, whatever machines and containers share its folder.

It is a file beside the directory, which says who holds it, and is locked (flock). Where locks are not seen, as on
some network file systems and between containers on different machines, that file beats: whoever holds it touches it
every few seconds. A process that finds a file of another machine, or cannot lock it, waits for a beat: if one comes,
the run is held; if none comes, its process was killed. The beats count, not the clocks: those of two machines may
differ.
"""

import errno
import fcntl
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO

from harness.process import interrupt
from harness.process.console import say
from pipeline import files
from pipeline.errors import BadInput

TRIES = 1000
# Seconds between beats, and how many of them are waited for.
BEAT, BEATS = 4.0, 3


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Keep other processes off a run directory, which need not exist; what a killed one left half written is removed.

    The file of the lock is beside the directory, which --fresh deletes. It is there until the end, and no longer locked
    once its process has ended, however that was.
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
            owner = f"process {os.getpid()} {_name_machine()}, since {time.strftime('%F %T')}: {command}\n"
            file.truncate(0)
            file.write(owner)
            file.flush()
            for left in directory.rglob(f"{files.UNFINISHED}*"):
                files.remove(left)
            files.remove_left_over(directory.parent)
            with _beating(path, file, owner):
                yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _name_machine() -> str:
    return f"on {socket.gethostname()}"


def _open_locked(path: Path) -> IO[str]:
    """Return a file, opened to be written and locked; BlockingIOError, with what it says, if another process has it."""
    # The process that had the lock may remove the file at any time, its folder too, and another make a new one. But a
    # folder such as /proc says of every new file that it cannot be found.
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8", errors="backslashreplace")
            locked = True
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(_read(file)) from None
            except OSError as error:
                locked = False
                say(
                    f"{path.parent}: files cannot be locked there ({error.strerror}); {path.name} tells other processes"
                )
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                _wait_for_silence(path, _read(file), locked=locked)
                return file
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip()


def _wait_for_silence(path: Path, owner: str, *, locked: bool) -> None:
    """Raise BlockingIOError where the file of a lock, which `owner` has written, beats.

    locked: whether this process could lock it; then no other of this machine has it.
    """
    if not owner or (locked and f" {_name_machine()}, " in owner):
        return
    say(f"waiting for {BEAT * BEATS:.0f} seconds, whether this still trains the run: {owner}")
    before = _last_beat(path)
    for _ in range(BEATS):
        time.sleep(BEAT)
        if _last_beat(path) != before:
            raise BlockingIOError(owner)


def _last_beat(path: Path) -> int:
    # Opened anew: what a network file system has been told of a file it may know for a minute.
    with path.open(encoding="utf-8", errors="backslashreplace") as file:
        return os.fstat(file.fileno()).st_mtime_ns


@contextmanager
def _beating(path: Path, file: IO[str], owner: str) -> Iterator[None]:
    """Inside, the file of a lock beats; where another process has taken it, this one is interrupted."""
    end = Event()

    def beat() -> None:
        while not end.wait(BEAT):
            # The network may be away for a while.
            with suppress(OSError):
                if (found := path.read_text(encoding="utf-8", errors="backslashreplace")) not in ("", owner):
                    say(f"{path}: this process did not beat for long, and the run was taken by {found.strip()}")
                    interrupt.abandon()
                    # One that was put into the background by a script does not hear the first.
                    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
                    return os.kill(os.getpid(), signal.SIGTERM if ignored else signal.SIGINT)
                os.utime(file.fileno())

    thread = Thread(target=beat, name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
