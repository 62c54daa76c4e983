"""The sandbox: a case may take some seconds and some memory, and write into its own folders alone.

What Python opens is seen by an audit hook (PEP 578), which no code can do without; it starts no process either, calls
nobody, and unpickles nothing.
"""

import contextlib
import os
import resource
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.errors import BadInput

# What a case may take: seconds, and bytes beside those of the process that runs it.
SECONDS, MEMORY = 20, 2 * 2**30
# Characters of a message: one may list the 100 columns of a table.
LONGEST = 8000
# Of Python's audit events: those that write, by the places of their paths; and those that must not be at all.
WRITES = dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "shutil.rmtree"), (0,))
WRITES |= {"os.rename": (0, 1), "os.symlink": (1,), "os.link": (1,)}
WITHOUT_FOLDER = ("os.truncate", "shutil.rmtree")
REFUSED = frozenset(
    ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
)


class Broken(AssertionError):
    """Raised where a case does what none may do, or where an invariant is not true."""


class TooSlow(BaseException):
    """Raised in a case that takes too long; no code catches it by mistake."""


class _Watch:
    """What the hook looks at, which stays as long as the process. folders: that may be written to; None: any."""

    folders: tuple[str, ...] | None = None
    thread = 0
    found: list[str]


def _hear(event: str, arguments: tuple) -> None:
    if _Watch.folders is None or threading.get_ident() != _Watch.thread:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            return
        _check(event, path)
    # In a folder that is open, whose path was seen when it was opened; of these two the last is no folder.
    elif event in WRITES and (event in WITHOUT_FOLDER or arguments[-1] in (-1, None)):
        for place in WRITES[event]:
            _check(event, arguments[place])
    elif event in REFUSED:
        _Watch.found.append(f"{event} {arguments!r:.200}")


def _check(event: str, path: Any) -> None:
    assert _Watch.folders is not None
    where = "" if isinstance(path, int) else os.path.abspath(os.fsdecode(path))
    inside = any(where == folder or where.startswith(folder + os.sep) for folder in _Watch.folders)
    if where and not inside and where != os.devnull:
        _Watch.found.append(f"{event} {where:.200}")


_hooked: list[bool] = []


@contextlib.contextmanager
def bound(*folders: Path, seconds: int = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Bound what is done inside. folders: that may be written to. In the main thread alone, as signals are."""
    if not _hooked:
        sys.addaudithook(_hear)
        _hooked.append(True)

    def stop(number: int, frame: FrameType | None) -> None:
        where = "".join(traceback.format_stack(frame)[-6:])
        raise TooSlow(f"over {seconds} seconds:\n{where}")

    before = signal.signal(signal.SIGALRM, stop)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _Watch.found, _Watch.thread = [], threading.get_ident()
    _Watch.folders = tuple(os.path.abspath(folder) for folder in folders)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _Watch.folders = None
    if _Watch.found:
        raise Broken(f"it may not do that: {'; '.join(_Watch.found[:5])}")


def judge(case: Callable[[], object], *folders: Path) -> str:
    """Return "accepted" or "refused" of a case; else raise what it raised: no BadInput, or one of several lines."""
    with bound(*folders), warnings.catch_warnings():
        # A library's warning is told to a user who cannot know what it means; and may mean a number that is wrong.
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            case()
        except BadInput as error:
            check_message(str(error))
            return "refused"
    return "accepted"


def check_message(message: str) -> None:
    """Raise Broken for a message that is no line that one can read."""
    if "\n" in message or not message.strip() or len(message) > LONGEST:
        raise Broken(f"a message of {len(message)} characters and {message.count(chr(10)) + 1} lines: {message!r:.600}")
