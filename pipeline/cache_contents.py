"""What the cache folder holds, by kind: how large it is, when it was last of use, what is removed first.

All of it is made again where it is needed. The encoded examples have a bound, for there is another entry for each
change of data, options or code: where they are more, those go first that were last of use longest ago.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline import cache, files
from pipeline.errors import BadInput, shorten

# The kinds, with what they are, and where their entries are in the folder.
KINDS = {
    "encoded": ("examples as a model reads them", ("encoded/*",)),
    "kernels": ("compiled recurrent loops", ("kernels/*",)),
    "programs": ("training steps that JAX has compiled", ("jax/*",)),
    "generated": (
        "data that was generated or drawn",
        ("spoken-digits-*", "openmoji-*", "mistakes-*", "recordings/*/*"),
    ),
    "unpacked": ("archives that were unpacked", ("unpacked/*",)),
}
# The file of an entry that is touched when it is of use, and locked while it is.
MARK = "checksums.json"
# Bytes of encoded examples that are kept, and the share of the disk, where that is less.
MOST, SHARE = 10 * 10**9, 0.1
BOUND = "UNROLLED_CACHE_SIZE"
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Entry:
    """What was kept at once. size: bytes on the disk. used: when it was last of use, in seconds since 1970."""

    kind: str
    path: Path
    size: int
    used: float


def find_bound() -> int:
    """Return how many bytes of encoded examples are kept; BadInput for what is no size in the environment."""
    given = os.environ.get(BOUND, "").strip()
    if not given:
        place = next(part for part in (cache.folder(), *cache.folder().parents) if part.exists())
        return min(MOST, int(SHARE * shutil.disk_usage(place).total))
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)i?B?", given, re.IGNORECASE)
    if not found:
        raise BadInput(f"{BOUND} {shorten(given)}: expected a size, such as 500M or 20G; 0 keeps nothing")
    return int(float(found[1]) * UNITS[found[2].upper()])


def find_entries(kinds: Iterable[str] = tuple(KINDS)) -> list[Entry]:
    """Return what the folder holds of some kinds, what was last of use longest ago first."""
    folder = cache.folder()
    found = [
        entry
        for kind in kinds
        for pattern in KINDS[kind][1]
        for path in folder.glob(pattern)
        if (entry := _measure(kind, path))
    ]
    return sorted(found, key=lambda entry: entry.used)


def measure_rest() -> int:
    """Return the bytes in the folder that are of no kind, and stay: the list of the files that were included, say."""
    known = sum(entry.size for entry in find_entries())
    return sum(size for size, _ in _walk(cache.folder())) - known


def _measure(kind: str, path: Path) -> Entry | None:
    sizes = list(_walk(path))
    return Entry(kind, path, sum(size for size, _ in sizes), max(used for _, used in sizes)) if sizes else None


def _walk(path: Path) -> Iterator[tuple[int, float]]:
    """Yield the size of each file on the disk, and when it was last read or written; some may be gone meanwhile."""
    try:
        if path.is_dir() and not path.is_symlink():
            for inside in path.iterdir():
                yield from _walk(inside)
        else:
            status = path.lstat()
            yield status.st_blocks * 512, max(status.st_atime, status.st_mtime)
    except OSError:
        return


def hold(path: Path) -> IO[bytes]:
    """Return a file of an entry, which is in use until that is closed, and note the time; OSError where it is gone."""
    file = path.open("rb")
    # On file systems without locks, whoever removes the entry cannot know; what is mapped stays until it is let go.
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    with suppress(OSError):
        os.utime(path)
    return file


def is_held(entry: Entry) -> bool:
    """Return whether a process that lives has the entry in use, as far as that can be told."""
    try:
        with (entry.path / MARK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove(entry: Entry) -> bool:
    """Remove an entry, at once for all who look for it; return whether it is gone."""
    gone = files.name_unfinished(entry.path)
    try:
        entry.path.rename(gone)
    except OSError:
        return not entry.path.exists()
    files.remove(gone)
    return not gone.exists()


def trim(say: Callable[[str], None], keep: Path) -> None:
    """Remove encoded examples until they are within the bound, and say so; not those in use, nor `keep`."""
    entries, bound = find_entries(["encoded"]), find_bound()
    size = sum(entry.size for entry in entries)
    removed: list[Entry] = []
    for entry in entries:
        if size <= bound:
            break
        kept = entry.path == keep or entry.path.name.startswith(files.UNFINISHED) or is_held(entry)
        if not kept and remove(entry):
            removed.append(entry)
            size -= entry.size
    if removed:
        freed = sum(entry.size for entry in removed)
        say(
            f"cache: {format_size(freed)} of encoded examples removed, those longest out of use, to keep at most "
            f"{format_size(bound)} ({BOUND})"
        )


def format_size(size: int) -> str:
    """Return a number of bytes in words: 1.3 GB."""
    for unit, name in (("G", "GB"), ("M", "MB"), ("K", "kB")):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.1f} {name}"
    return f"{size} bytes"
