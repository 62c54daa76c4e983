"""Where data that was generated, or unpacked from a dataset, is kept between runs.

platformdirs would replace one line: what this file is for is a folder that cannot be written to, or is another user's.
"""

import errno
import os
import pwd
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline import files
from pipeline.errors import BadInput


def folder() -> Path:
    """Return $UNROLLED_CACHE, else `unrolled` in $XDG_CACHE_HOME or ~/.cache; it need not exist yet.

    Raises RuntimeError if it is in a home folder, and this user has none.
    """
    if given := os.environ.get("UNROLLED_CACHE"):
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or _registered_home(), ".cache")
    return Path(base).absolute() / "unrolled"


def prepare(say: Callable[[str], None]) -> None:
    """Make the folder, and name it to the processes that this one starts; `say` so where it has to be another one.

    What killed processes have left in it, or among the temporary files, more than a day ago, is removed.

    What is kept there is run, too. So it has to be the user's own, and nobody else may write to it; where there is no
    such folder, it is a private one among the temporary files. BadInput where that is not, either.
    """
    try:
        found = make_own(folder())
    except (OSError, RuntimeError) as error:
        why = _describe(error)
        try:
            found = _make_private(Path(tempfile.gettempdir()) / f"unrolled-{os.geteuid()}")
        except OSError as other:
            raise BadInput(
                f"{why}; {_describe(other)}: name a folder that can be written to in UNROLLED_CACHE"
            ) from None
        say(f"{why}; what is kept between runs is in {found}")
        # Matplotlib would say so too.
        os.environ.setdefault("MPLCONFIGDIR", str(found / "matplotlib"))
    os.environ["UNROLLED_CACHE"] = str(found)
    for place in (found, *(entry for entry in found.iterdir() if entry.is_dir()), Path(tempfile.gettempdir())):
        files.remove_left_over(place)


def _registered_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise RuntimeError(f"there is no user {os.getuid()}") from None


def make_own(path: Path) -> Path:
    """Make a folder that is the user's own, with those around it; OSError where it is not, or cannot be made."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link may be another user's, and so may what it leads to.
    for status in (path.lstat(), path.stat()):
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
    if not is_own(path.stat()):
        raise PermissionError(errno.EPERM, "others may write to it (chmod go-w)", str(path))
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it cannot be written to", str(path))
    return path


def is_own(status: os.stat_result) -> bool:
    """Return whether a file or folder is the user's, and nobody else may write to it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _make_private(path: Path) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink():
        raise PermissionError(errno.EPERM, "it is a link", str(path))
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o700)
    return make_own(path)


def _describe(error: OSError | RuntimeError) -> str:
    if isinstance(error, RuntimeError):
        return "this user has no home folder"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
