"""A worker: another Python process, for work that must not share this one, or must not end it.

Not concurrent.futures, whose workers go on when their parent is killed.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

from pipeline import files

Result = TypeVar("Result")

# What a worker does before it ends, since the process that it belongs to has ended, or has ended it.
before_end: list[Callable[[], object]] = []


class Ended(RuntimeError):
    """Raised when a worker ends before it has answered: for want of memory, say."""


class Worker:
    """A process that calls functions. It is on a leash: it ends when this process does, however that ends.

    It hears no Ctrl-C, which a terminal sends to both.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        # No lock or queue of multiprocessing's: those of a process that is killed are mourned on standard error.
        self.line, line = context.Pipe()
        leash, self.leash = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(line, leash))
        # Started with the process, it would unblock the signal.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for theirs in (line, leash):
            theirs.close()

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return function(*arguments), called there. Raises what it raises, and Ended if the worker ends meanwhile."""
        try:
            self.line.send((function, arguments))
            result, error = self.line.recv()
        except (EOFError, ConnectionError):
            raise Ended("the process ended abruptly; was there too little memory?") from None
        if error:
            raise error
        return result

    def end(self, patience: float = 0.0) -> None:
        """End it, whatever it is at. patience: seconds to wait for that."""
        self.leash.close()
        if patience:
            self.process.join(patience)


def _work(line: Connection, leash: Connection) -> None:
    threading.Thread(target=_follow, args=(leash,), daemon=True).start()
    # As the other process ends, before this one has noticed.
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            function, arguments = line.recv()
            line.send(_answer(function, arguments))


def _answer(function: Callable, arguments: tuple) -> tuple[object, Exception | None]:
    try:
        return function(*arguments), None
    except Exception as error:
        error.add_note(traceback.format_exc())
        try:
            return None, pickle.loads(pickle.dumps(error))
        except Exception:
            return None, RuntimeError(f"{type(error).__name__}: {error}")


def _follow(leash: Connection) -> None:
    # Nothing is ever sent; at its end it can be read.
    leash.poll(None)
    for function in before_end:
        with contextlib.suppress(Exception):
            function()
    files.remove_unfinished()
    os._exit(1)
