"""Archives: zip and tar files of the user's, unpacked once into the cache and read as folders from there."""

import hashlib
import shutil
import tarfile
import zipfile
from functools import partial
from pathlib import Path

from pipeline import cache
from pipeline.errors import BadInput
from pipeline.files import write_folder

ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tbz2")


def is_archive(path: Path) -> bool:
    """Return whether a path is a file whose name ends as an archive's."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def unpack(path: Path) -> Path:
    """Return the folder that holds the members of an archive, or the only folder in it; unpacked the first time.

    Raises BadInput for an archive that is damaged, encrypted, has members outside of its folder, or more bytes than
    there is room for.
    """
    found = path.stat()
    known = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}"
    folder = cache.folder() / "unpacked" / hashlib.sha256(known.encode(errors="surrogateescape")).hexdigest()[:20]
    if not folder.exists():
        unpack_into = _unpack_zip if path.name.lower().endswith(".zip") else _unpack_tar
        try:
            write_folder(folder, partial(unpack_into, path))
        except (zipfile.BadZipFile, tarfile.TarError, RuntimeError, EOFError, NotImplementedError) as error:
            reason = f"the archive cannot be unpacked ({error}); is it whole, and not encrypted?"
            raise BadInput(f"{path}: {reason}") from None
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _unpack_zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_room(path, folder, sum(member.file_size for member in archive.infolist()))
        archive.extractall(folder)


def _unpack_tar(path: Path, folder: Path) -> None:
    with tarfile.open(path) as archive:
        _check_room(path, folder, sum(member.size for member in archive.getmembers()))
        # "data": no member outside of the folder, no device, no link that leaves it.
        archive.extractall(folder, filter="data")


def _check_room(path: Path, folder: Path, size: int) -> None:
    place = folder.parents[1]
    free = shutil.disk_usage(place).free
    if size > free / 2:
        raise BadInput(
            f"{path}: unpacked it is {size / 2**30:,.1f} GiB, and in {place} are {free / 2**30:,.1f} GiB free; "
            "unpack it yourself, or have UNROLLED_CACHE name a folder with more room."
        )
