"""Media: the image and sound files that tables name, found where they are now."""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

# Folders inside the table's, and of the folder around it, that are looked through.
DEPTH = 3


class Finder:
    """Finds files with one of the endings by what a table calls them. Folders are looked through once."""

    def __init__(self, endings: tuple[str, ...]):
        self.endings = endings
        self.known: dict[Path, dict[str, Path]] = {}

    def find(self, name: str, folder: Path) -> Path | None:
        """Return the file that a table in `folder` calls `name`; None if there is none.

        As it stands, from the folder; else the file of that name in a folder inside, or beside, it: tables keep the
        paths of the machine that they were written on, of Windows too, and leave endings out.
        """
        for written in (name, name.replace("\\", "/")):
            if (folder / written).is_file():
                return folder / written
        alone = (PureWindowsPath(name) if "\\" in name else PurePosixPath(name)).name.lower()
        for place in (folder, folder.parent):
            if place not in self.known:
                self.known[place] = self._list(place)
            for candidate in (alone, *(alone + ending for ending in self.endings)):
                if candidate in self.known[place]:
                    return self.known[place][candidate]
        return None

    def _list(self, folder: Path) -> dict[str, Path]:
        """Return the files in a folder, and in folders inside, by their names in lower case."""
        found: dict[str, Path] = {}
        for path, folders, names in os.walk(folder):
            folders[:] = [] if len(Path(path).relative_to(folder).parts) >= DEPTH else sorted(folders)
            for name in sorted(names):
                if name.lower().endswith(self.endings):
                    found.setdefault(name.lower(), Path(path) / name)
        return found
