"""Boundary: the folders that data may be read from. What a stranger's table or link names elsewhere is not opened.

The folder of --data, or of the file that it names (of COCO's annotations/captions.json the one around it); and those
of files that the user names besides. A path that leaves them by "..", from the root, by a link, or into /proc is
outside, unless --allow-outside says otherwise.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.files import exists
from pipeline.readers.request import Request

ALLOW = "--allow-outside reads it, if you trust this data"


@dataclass(frozen=True)
class Boundary:
    """roots: the folders, without links in their own paths; None: everywhere."""

    roots: tuple[Path, ...] | None

    @classmethod
    def of(cls, request: Request) -> "Boundary":
        """Return the boundary of a request."""
        if request.allow_outside:
            return cls(None)
        given = [path for path in request.files.values() if exists(path)]
        return cls(tuple(dict.fromkeys(_find_folder(path) for path in (request.path, *given))))

    def holds(self, path: Path) -> bool:
        """Return whether a path is inside, wherever its links lead."""
        if self.roots is None:
            return True
        try:
            found = path.resolve()
        # A loop of links.
        except (OSError, RuntimeError):
            return False
        return any(found.is_relative_to(root) for root in self.roots)

    def within(self, folder: Path) -> "Boundary":
        """Return the boundary with one more folder."""
        return Boundary(None if self.roots is None else (*self.roots, folder.resolve()))

    def describe(self) -> str:
        """Return the folders, in words."""
        return " and ".join(map(str, self.roots or ()))


def _find_folder(path: Path) -> Path:
    """Return the folder of the data that a path names: itself, or that of the file; of COCO's the one around."""
    folder = (path if path.is_dir() else path.parent).resolve()
    return folder.parent if folder.name == "annotations" else folder


def check_links(request: Request) -> None:
    """Raise BadInput for a link in the folder of a request that leads out of it; hidden names are not looked at."""
    boundary = Boundary.of(request)
    if boundary.roots is None or not request.path.is_dir():
        return
    for place, folders, names in os.walk(request.path):
        folders[:] = [name for name in sorted(folders) if not name.startswith((".", "_"))]
        for name in (*folders, *(name for name in names if not name.startswith((".", "_")))):
            # A folder of recordings has many: most are no links, and have no path made of them.
            if os.path.islink(os.path.join(place, name)) and not boundary.holds(path := Path(place, name)):
                raise BadInput(
                    f"{path}: a link that leads out of the folder of --data, to {os.readlink(path)}; {ALLOW}; "
                    "else remove the link, or copy the file"
                )
