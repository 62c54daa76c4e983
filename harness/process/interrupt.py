"""Ctrl-C, `kill` and a terminal that is closed: they end a command, with a message, whatever it is at.

No KeyboardInterrupt is raised. It would have to wait for C code to return, which compiles for seconds, and it can be
lost: libraries catch it, and Python drops it in the callbacks of its garbage collector, of which JAX has one. Instead a
thread ends the process while the others are at work. That is safe, as `kill -9` is: each file of a run is written whole
or not at all, and the same command goes on after the last finished epoch.

To be imported before all else, which takes seconds: it needs nothing of it.
"""

import atexit
import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Sequence

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHOW_CURSOR = b"\x1b[?25h"

# What is to be done before the end, in the thread that ends the process.
before_end: list[Callable[[], None]] = []
# That of the command, once it has come to its own end.
exit_code: int | None = None


def listen(arguments: Sequence[str]) -> None:
    """Have a signal end this process, with 128 + its number as the exit code, as shells have it.

    For a process that runs one command, and nothing else; in its main thread. A signal that is ignored from the start
    stays so: SIGHUP under nohup, SIGINT in the background of a script. arguments: of the command line, for the message.
    """
    # Where the message goes: descriptor 2 may be another file for a while.
    heard, woken, messages = *os.pipe(), os.dup(2)
    os.set_blocking(woken, False)
    threading.Thread(target=_wait, args=(heard, messages, say_stopped(arguments)), daemon=True).start()
    # Python's own handler runs in the main thread, when that is not in C code; the pipe is written to at once.
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _hold)
    # The pipe is this process's alone, also where a library forks.
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_stop_listening)
    # Registered first, it is called last.
    atexit.register(_leave)


def say_stopped(arguments: Sequence[str]) -> str:
    """Return the message of a command that is stopped."""
    if arguments[:1] not in (["train"], ["compare"]):
        return "stopped"
    without = ", without --fresh," if "--fresh" in arguments else ""
    return f"stopped; the same command{without} goes on after the last finished epoch"


def _hold(*_: object) -> None:
    # Whatever the main thread would do next, it would do with files that are being removed.
    threading.Event().wait()


def _wait(heard: int, messages: int, message: str) -> None:
    number = 0
    while number not in SIGNALS:
        number = os.read(heard, 1)[0]
    for function in before_end:
        with contextlib.suppress(Exception):
            function()
    text = SHOW_CURSOR * os.isatty(messages) + f"\n{message}\n".encode()
    with contextlib.suppress(OSError):
        # A pipe that nobody reads would never take it.
        if select.select([], [messages], [], 0)[1]:
            os.write(messages, text)
    os._exit(128 + number)


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
