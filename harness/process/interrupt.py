"""Ctrl-C, `kill` and a terminal that is closed: they end a command, with a message, whatever it is at.

No KeyboardInterrupt is raised. It would have to wait for C code to return, which compiles for seconds, and it can be
lost: libraries catch it, and Python drops it in the callbacks of its garbage collector, of which JAX has one. Instead a
thread ends the process while the others are at work. That is safe, as `kill -9` is: each file of a run is written whole
or not at all, and the same command goes on from what was saved last.

A training that has come further than that is asked to save first. It hears so between two batches, and answers; who
does not want to wait for that gives a second signal.

To be imported before all else, which takes seconds: it needs nothing of it.
"""

import atexit
import contextlib
import os
import queue
import select
import shlex
import signal
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHOW_CURSOR = b"\x1b[?25h"
# Seconds that a training may take to save; and after which it is said that it is waited for.
PATIENCE, SILENCE = 20.0, 1.0
# Commands that go on where they were stopped.
RESUMED = ("train", "compare", "tune")

# What is to be done before the end, in the thread that ends the process.
before_end: list[Callable[[], None]] = []
# That of the command, once it has come to its own end.
exit_code: int | None = None

# Whether a training has come further than what is saved of it; whether it is to save that, and to wait for the end;
# whether it may not, for its run belongs to another process now; and what it goes on after, where it has saved.
_unsaved, _asked, _abandoned = False, threading.Event(), False
_place: str | None = None
_answers: queue.SimpleQueue[str] = queue.SimpleQueue()


class Stopped(BaseException):
    """Raised between two batches of a validation: the training that it belongs to is to save."""


def note_unsaved() -> None:
    """Note that a training, in the main thread, has come further than what is saved of it."""
    global _unsaved
    _unsaved = not _abandoned


def note_saved(place: str) -> None:
    """Note that all of a training is saved, and where this was asked for, wait for the end. place: where it goes on."""
    global _unsaved, _place
    _unsaved, _place = False, place
    if _asked.is_set():
        _answers.put(place)
        threading.Event().wait()


def note_ended() -> None:
    """Note that a training has ended, well or not: nothing is to be saved."""
    global _unsaved, _place
    _unsaved, _place = False, None


def abandon() -> None:
    """Have nothing saved any more."""
    global _unsaved, _abandoned
    _unsaved, _abandoned = False, True


def is_asked() -> bool:
    """Return whether a training is to save, and to call `note_saved`."""
    return _unsaved and _asked.is_set()


def check() -> None:
    """Raise Stopped where `is_asked`."""
    if is_asked():
        raise Stopped


def ask() -> str | None:
    """Have the training of this process save, if there is anything to save, and wait; return what it goes on after.

    None where it has not saved yet. It may not answer in time: a step takes long, or is compiled.
    """
    if _unsaved:
        _asked.set()
        with contextlib.suppress(queue.Empty):
            return _answers.get(timeout=PATIENCE)
    return _place


def listen(arguments: Sequence[str]) -> None:
    """Have a signal end this process, with 128 + its number as the exit code, as shells have it.

    For a process that runs one command, and nothing else; in its main thread. A signal that is ignored from the start
    stays so: SIGHUP under nohup, SIGINT in the background of a script. arguments: of the command line, for the message.
    """
    # Where the message goes: descriptor 2 may be another file for a while.
    heard, woken, messages = *os.pipe(), os.dup(2)
    os.set_blocking(woken, False)
    threading.Thread(target=_wait, args=(heard, messages, arguments), daemon=True).start()
    # Python's own handler runs in the main thread, when that is not in C code; the pipe is written to at once.
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _hold)
    # The pipe is this process's alone, also where a library forks.
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_stop_listening)
    # Registered first, it is called last.
    atexit.register(_leave)


def say_stopped(arguments: Sequence[str], saved: str | None = None) -> str:
    """Return the message of a command that is stopped. saved: what it goes on after, where that is known."""
    if arguments[:1] not in [[name] for name in RESUMED]:
        return "stopped"
    command = shlex.join(["python", "run.py", *(word for word in arguments if word != "--fresh")])
    return f"stopped; the same command goes on after {saved or 'what was saved last'}: {command}"


def leave(code: int, text: str) -> NoReturn:
    """End this process with a line, from any thread, whatever the others are at."""
    for function in before_end:
        with contextlib.suppress(Exception):
            function()
    _write(2, text)
    os._exit(code)


def _hold(*_: object) -> None:
    # Whatever the main thread would do next, it would do with files that are being removed; unless it is to save.
    if not _unsaved:
        threading.Event().wait()


def _wait(heard: int, messages: int, arguments: Sequence[str]) -> None:
    number = _read_signal(heard)
    threading.Thread(target=_wait_again, args=(heard, messages, arguments), daemon=True).start()
    waiting = threading.Timer(SILENCE, _write, (messages, "stopping: what is trained is being saved; again: at once"))
    waiting.start()
    saved = ask()
    for function in before_end:
        with contextlib.suppress(Exception):
            function()
    waiting.cancel()
    _write(messages, say_stopped(arguments, saved))
    os._exit(128 + number)


def _wait_again(heard: int, messages: int, arguments: Sequence[str]) -> None:
    number = _read_signal(heard)
    _write(messages, say_stopped(arguments))
    os._exit(128 + number)


def _read_signal(heard: int) -> int:
    number = 0
    while number not in SIGNALS:
        number = os.read(heard, 1)[0]
    return number


def _write(messages: int, text: str) -> None:
    shown = SHOW_CURSOR * os.isatty(messages) + f"\n{text}\n".encode(errors="backslashreplace")
    with contextlib.suppress(OSError):
        # A pipe that nobody reads would never take it.
        if select.select([], [messages], [], 0)[1]:
            os.write(messages, shown)


def _block() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _stop_listening() -> None:
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    _unblock()


def _leave() -> None:
    # To take everything down takes Python up to a second, in which it listens no more.
    if exit_code is not None:
        os._exit(exit_code)
