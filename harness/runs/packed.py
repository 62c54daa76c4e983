"""Packed: a run directory as a tar file, to be sent from one machine to another."""

import contextlib
import io
import tarfile
from pathlib import Path

from harness.runs import states
from pipeline import files


def pack(directory: Path) -> bytes:
    """Return a run directory, which may be written to meanwhile, as a tar file from which the run can go on.

    Each file is whole. The states come first: what was written after them is dropped when the run goes on.
    """
    found = sorted(path for path in directory.rglob("*") if path.is_file())
    first = [directory / name for name in (states.WITHIN, states.LAST, states.PREVIOUS)]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path in [*first, *(path for path in found if path not in first)]:
            # It may be replaced, or removed, at any time.
            with contextlib.suppress(FileNotFoundError):
                if not path.name.startswith(files.UNFINISHED):
                    archive.add(path, arcname=str(path.relative_to(directory)))
    return content.getvalue()


def unpack(packed: bytes, directory: Path) -> None:
    """Put what `pack` returned in the place of a folder, whole or not at all."""
    with files.temporary_folder(directory.parent) as temporary:
        new, old = temporary / "new", temporary / "old"
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            files.extract(archive, new)
        if directory.exists():
            directory.rename(old)
        new.rename(directory)
