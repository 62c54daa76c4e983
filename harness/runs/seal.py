"""Seals: checksums in the files of a run, by which a damaged one is told from one as it was written.

A record, a JSON file or a line of metrics.jsonl, has its checksum beside its other keys. best.keras and state.npz are
ZIP archives, which have a CRC-32 of each member; the archive's comment has the checksum of the names, sizes and CRCs.
So it is written with the file, at once or not at all, costs no second look at what may be gigabytes, and other
programs read the files as before.

Files of earlier versions have none, and are read without. A checksum tells damage, not malice.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline import record
from pipeline.errors import BadInput
from pipeline.record import Json

KEY = "checksum"
MARK = b"unrolled "
DIGITS = 32
# Bytes that an archive may hold, however small it is itself: Keras and NumPy pack nothing, but a user may have.
SMALL = 64 * 2**20


def seal_record(content: Mapping[str, Json]) -> dict[str, Json]:
    """Return a record with its checksum."""
    return {**content, KEY: _digest(record.load(record.dump(content)))}


def unseal_record(content: Json) -> Json:
    """Return a record without its checksum; BadInput where it is that of another."""
    if not isinstance(content, dict) or KEY not in content:
        return content
    rest = {name: value for name, value in content.items() if name != KEY}
    if content[KEY] != _digest(rest):
        raise BadInput(f'it is not as it was written; who changed it on purpose takes out its "{KEY}" too')
    return rest


def _digest(content: Json) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]


def sealed(save: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what saves a ZIP archive and puts its checksum into its comment."""

    def save_sealed(path: Path) -> None:
        save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = MARK + _digest(_list_members(archive)).encode()

    return save_sealed


def _list_members(archive: zipfile.ZipFile) -> Json:
    return [[member.filename, member.file_size, member.CRC] for member in archive.infolist()]


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive of a run, all of it as it was written.

    BadInput, not with the name of the file, for one that is damaged, cut short, or larger unpacked than packed.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            # What unpacks to more than the file may unpack to anything.
            if sum(member.file_size for member in archive.infolist()) > max(size, SMALL):
                raise BadInput(f"its parts are compressed, or said to be larger than the file of {size:,} bytes")
            if archive.comment.startswith(MARK) and archive.comment != MARK + _digest(_list_members(archive)).encode():
                raise BadInput("the file is damaged: its parts are not those that were written")
            # Keras itself reads on where a part is not what was written.
            if damaged := archive.testzip():
                raise BadInput(f"the file is damaged: {damaged} in it is not what was written")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise BadInput(f"the file is damaged or cut short ({error})") from None
