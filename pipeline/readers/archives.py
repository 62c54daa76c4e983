"""Archives: zip and tar files of the user's, unpacked once into the cache and read as folders from there."""

import errno
import hashlib
import shutil
import tarfile
import zipfile
from functools import partial
from pathlib import Path

from pipeline import cache
from pipeline.errors import REASON, BadInput, shorten
from pipeline.files import extract, write_folder

# What an archive may hold: files, and bytes, times those that it is packed in; text is packed to a tenth.
MEMBERS, RATIO, SMALL = 2_000_000, 250, 2**30
# What is raised for an archive that is damaged: the last for a member without a name. Numbers of an OSError for members
# whose names no folder takes: too long, or of a file that is a folder too.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, RuntimeError, EOFError, IndexError)
MISNAMED = (errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tbz2")


def is_archive(path: Path) -> bool:
    """Return whether a path is a file whose name ends as an archive's."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def unpack(path: Path) -> Path:
    """Return the folder that holds the members of an archive, or the only folder in it; unpacked the first time.

    Raises BadInput for an archive that is damaged, encrypted, has symbolic links, members outside of its folder, more
    of them than a folder should hold, or more bytes than there is room for, or than an honest one of its size has.
    """
    found = path.stat()
    known = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}"
    folder = cache.folder() / "unpacked" / hashlib.sha256(known.encode(errors="surrogateescape")).hexdigest()[:20]
    if not folder.exists():
        unpack_into = _unpack_zip if path.name.lower().endswith(".zip") else _unpack_tar
        try:
            write_folder(folder, partial(unpack_into, path))
        except (*DAMAGED, OSError) as error:
            if isinstance(error, OSError) and error.errno not in MISNAMED:
                raise
            reason = f"the archive cannot be unpacked ({shorten(str(error), REASON)}); is it whole, and not encrypted?"
            raise BadInput(f"{path}: {reason}") from None
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _unpack_zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        room = Room(path, folder)
        for member in archive.infolist():
            room.take(member.file_size)
        archive.extractall(folder)


def _unpack_tar(path: Path, folder: Path) -> None:
    with tarfile.open(path) as archive:
        room = Room(path, folder)
        # One by one: whoever asks for all of them has unpacked all there is.
        for member in archive:
            room.take(member.size)
            if member.issym():
                raise BadInput(
                    f"{path}: {member.name!r:.200} in it is a symbolic link, which is not unpacked; unpack it "
                    "yourself, and give the folder"
                )
        extract(archive, folder)


class Room:
    """How much an archive may hold: it is counted before anything is written."""

    def __init__(self, path: Path, folder: Path):
        self.path, self.place = path, folder.parents[1]
        self.free = shutil.disk_usage(self.place).free
        self.most = max(SMALL, RATIO * path.stat().st_size)
        self.size = self.count = 0

    def take(self, size: int) -> None:
        """Count a member of so many bytes; BadInput where the archive is said to hold more than it may."""
        self.size, self.count = self.size + size, self.count + 1
        if self.count > MEMBERS:
            raise BadInput(
                f"{self.path}: it holds more than {MEMBERS:,} files; unpack it yourself, and give the folder"
            )
        if self.size > self.most:
            raise BadInput(
                f"{self.path}: unpacked it is more than {self.size / 2**30:,.1f} GiB, over {RATIO} times what it is "
                "packed; if you trust it, unpack it yourself, and give the folder"
            )
        if self.size > self.free / 2:
            raise BadInput(
                f"{self.path}: unpacked it is more than {self.size / 2**30:,.1f} GiB, and in {self.place} are "
                f"{self.free / 2**30:,.1f} GiB free; unpack it yourself, or have UNROLLED_CACHE name a folder with "
                "more room."
            )
