"""Files written whole, or not at all."""

import errno
import os
import secrets
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import BadInput

# What the names of files and folders begin with that are not finished; if their process is killed, they stay.
UNFINISHED = ".unfinished."
# Seconds after which nobody is at work on it any more, where that cannot be known.
LEFT_OVER = 24 * 3600
_unfinished: set[Path] = set()


def expand_home(path: str | Path) -> Path:
    """Return a path with the home folder in the place of ~; as it stands where it names a user that there is not."""
    return Path(os.path.expanduser(path))


def exists(path: Path) -> bool:
    """Return whether there is a file or folder; False of a name that none can have. Raises OSError as `Path.exists`."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Write a file whole or not at all: `save` is given a temporary path in the same folder, with the same suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), remove_at_end(name_unfinished(path)) as temporary:
        save(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Inside, an OSError says that it is of a file: that the disk is full is told without, as one writes."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def name_unfinished(path: Path) -> Path:
    """Return a name for what is not finished of a file, beside it: no other process has it, nor one elsewhere."""
    # In two containers, or on two machines that share a folder, processes may have the same number.
    return path.with_name(f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(4)}.{path.name}")


def remove_left_over(folder: Path) -> None:
    """Remove what killed processes have left unfinished in a folder; not what another may be at work on."""
    for path in folder.glob(f"{UNFINISHED}*"):
        # Another process may remove it too, and one of another user's stays.
        with suppress(OSError):
            # Where the clock was set back, it is of the future.
            if abs(time.time() - path.lstat().st_mtime) > LEFT_OVER:
                remove(path)


def read_at_most(path: Path, most: int) -> bytes:
    """Return the bytes of a file; BadInput where it is none that ends, such as a pipe or a device, or has more.

    Raises OSError where it cannot be read.
    """
    # Of a name that none can have, `stat` says something else.
    if not exists(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    # Not opened before it is known: to open a pipe is to wait for who writes to it.
    kind = path.stat()
    if not stat.S_ISREG(kind.st_mode):
        raise BadInput(f"{path}: cannot be read: not a file, but a {'folder' if path.is_dir() else 'pipe or a device'}")
    if kind.st_size > most:
        raise BadInput(f"{path}: {kind.st_size:,} bytes; at most {most:,} are expected")
    with path.open("rb") as file:
        return file.read(most)


def check_folder(folder: Path, option: str) -> None:
    """Refuse, with BadInput, a folder that can neither be written to nor made. option: the one that names it."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"{folder}: {there} cannot be written to; name another folder with {option}")


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for what is not finished, in a folder, which need not exist, or where temporary files go."""
    if parent:
        parent.mkdir(parents=True, exist_ok=True)
    with remove_at_end(Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))) as folder:
        yield folder


def write_folder(path: Path, fill: Callable[[Path], object], *, replace: bool = False) -> None:
    """Write a folder whole or not at all: `fill` is given a new, empty folder beside it.

    A folder that is there stays as it is: another process was first, and reads it. replace: the new one takes its
    place. Raises OSError if it cannot be written.
    """
    with temporary_folder(path.parent) as temporary:
        new = temporary / "new"
        # Not the temporary folder itself, which nobody else may read.
        new.mkdir()
        fill(new)
        if replace and path.exists():
            path.rename(temporary / "old")
        try:
            new.rename(path)
        except OSError:
            if not path.is_dir():
                raise


@contextmanager
def remove_at_end(path: Path) -> Iterator[Path]:
    """Remove a file or folder at the end, if it is there; `remove_unfinished` removes it if the end does not come."""
    _unfinished.add(path)
    try:
        yield path
    finally:
        remove(path)
        _unfinished.discard(path)


def remove_unfinished() -> None:
    """Remove what this process would have removed later; to be called when it is about to be ended."""
    for path in list(_unfinished):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there; of a link not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack a tar archive; tarfile.TarError for a member outside of the folder, a device, or a link that is none."""
    if hasattr(tarfile, "data_filter"):
        try:
            archive.extractall(folder, filter="data")
        # A link to a member that there is not.
        except KeyError as error:
            raise tarfile.TarError(*error.args) from None
        return
    # Python 3.11.0 to 3.11.3, which Debian 12 has, knows no filters: files and folders alone, all of them inside.
    inside = folder.resolve()
    for member in archive.getmembers():
        if not (member.isreg() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r:.200} is neither a file nor a folder")
        if not (inside / member.name).resolve().is_relative_to(inside):
            raise tarfile.TarError(f"{member.name!r:.200} would be outside of the folder")
    archive.extractall(folder)
