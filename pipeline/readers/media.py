"""Media: the image and sound files that tables name, found where they are now, inside the folder of the data."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from pipeline.readers.boundary import ALLOW, Boundary
from pipeline.readers.faults import BadRow
from pipeline.readers.request import Request

# Folders inside the table's, and of the folder around it, that are looked through.
DEPTH = 3


class Finder:
    """Finds files with one of the endings by what a table calls them. Folders are looked through once."""

    def __init__(self, endings: tuple[str, ...], request: Request):
        self.endings, self.boundary = endings, Boundary.of(request)
        self.known: dict[Path, dict[str, Path]] = {}

    def find(self, name: str, folder: Path) -> Path | None:
        """Return the file that a table in `folder` calls `name`; None if there is none.

        As it stands, from the folder; else the file of that name in a folder inside, or beside, it: tables keep the
        paths of the machine that they were written on, of Windows too, and leave endings out. Raises BadRow where there
        is one outside of the folder of the data alone; see boundary.py.
        """
        outside = None
        for path in self._candidates(name, folder):
            # Not what never ends: a device, or a pipe.
            if not _is_file(path):
                continue
            if self.boundary.holds(path):
                return path
            outside = outside or path
        if outside:
            message = f"{name!r:.200} is {outside}, outside of {self.boundary.describe()}; {ALLOW}"
            raise BadRow("a file outside of the folder of the data", message)
        return None

    def holds(self, name: str, folder: Path) -> bool:
        """Return whether there is a file that a table in `folder` calls `name`, wherever it is."""
        return any(map(_is_file, self._candidates(name, folder)))

    def _candidates(self, name: str, folder: Path) -> Iterator[Path]:
        for written in (name, name.replace("\\", "/")):
            yield folder / written
        alone = (PureWindowsPath(name) if "\\" in name else PurePosixPath(name)).name.lower()
        for place in (folder, folder.parent):
            if place not in self.known:
                self.known[place] = self._list(place)
            for candidate in (alone, *(alone + ending for ending in self.endings)):
                if candidate in self.known[place]:
                    yield self.known[place][candidate]

    def _list(self, folder: Path) -> dict[str, Path]:
        """Return the files in a folder, and in folders inside, by their names in lower case."""
        found: dict[str, Path] = {}
        for path, folders, names in os.walk(folder):
            folders[:] = [] if len(Path(path).relative_to(folder).parts) >= DEPTH else sorted(folders)
            for name in sorted(names):
                if name.lower().endswith(self.endings):
                    found.setdefault(name.lower(), Path(path) / name)
        return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    # A zero byte in the name, or a name that is too long.
    except (OSError, ValueError):
        return False
