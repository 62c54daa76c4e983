"""The registry: every file in this folder that defines TASK is a task, and so is every file given by --include.

A file given by --include may also, or only, add a cell to the table of models/cells/__init__.py.
"""

import hashlib
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from models.cells import CELLS
from pipeline.errors import BadInput, unknown
from tasks.task import SHAPES, Task

FOLDER = Path(__file__).resolve().parent
NOT_TASKS = {"__init__.py", "task.py"}


@dataclass(frozen=True)
class File:
    """A Python file, read once: what was looked at is what is run."""

    path: Path
    content: bytes

    @property
    def digest(self) -> str:
        """Return the SHA-256 of its content."""
        return hashlib.sha256(self.content).hexdigest()


# What this process has run.
ran: dict[Path, File] = {}


def read(path: Path) -> File:
    """Return a Python file; BadInput if it is missing or not one."""
    if not path.is_file():
        raise BadInput(f"--include {path}: there is no such file")
    if path.suffix != ".py":
        raise BadInput(f"{path}: expected a Python file (.py) that defines TASK")
    return File(path, path.read_bytes())


def load(file: File) -> Task | None:
    """Return the TASK that a Python file defines, None if it defines a cell only.

    BadInput if it defines neither, or if it cannot be run.
    """
    path = file.path
    # Two included files may have the same name in different folders.
    package = "tasks" if path.parent == FOLDER else f"included_{zlib.crc32(str(path.parent).encode()):08x}"
    name = f"{package}.{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Known by name, so that a task may refer to itself: model=__name__.
    sys.modules[name] = module
    before = _count_cells()
    try:
        # Not by the module's loader, which reads the file again, or what __pycache__ has beside it.
        exec(compile(file.content, str(path), "exec"), vars(module))
    except Exception as error:
        line = _last_line(error, path)
        raise BadInput(f"{path}:{line}: the task file does not run: {type(error).__name__}: {error}") from error
    ran[path] = file
    task = getattr(module, "TASK", None)
    if task is None and _count_cells() > before:
        return None
    if not isinstance(task, Task):
        raise BadInput(f"{path}: expected TASK = Task(...), as in tasks/sentiment.py; `run.py new NAME` writes one")
    if task.shape not in SHAPES:
        raise unknown(f"shape in {path}", task.shape, SHAPES)
    return task


def _count_cells() -> int:
    """Return how often a cell was added to the table."""
    return CELLS.additions


def _last_line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(path):
        return error.lineno
    lines, trace = [1], error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def find(include: Iterable[Path | File] = ()) -> dict[str, Task]:
    """Return all tasks by name, sorted; BadInput if two files define the same name.

    include: further files; those that are no File are read now.
    """
    tasks: dict[str, Task] = {}
    origin: dict[str, Path] = {}
    files = [read(path) for path in sorted(FOLDER.glob("*.py")) if path.name not in NOT_TASKS]
    files += [one if isinstance(one, File) else read(Path(one).resolve()) for one in include]
    for path, file in {file.path: file for file in files}.items():
        task = load(file)
        if task is None:
            continue
        if task.name in tasks:
            raise BadInput(
                f"two files define the task {task.name!r}: {origin[task.name]} and {path}; rename one of them"
            )
        tasks[task.name], origin[task.name] = task, path
    return dict(sorted(tasks.items()))


def get(name: str, include: Iterable[Path | File] = ()) -> Task:
    """Return one task; BadInput with the closest name and the full list if there is none of that name."""
    tasks = find(include)
    if name not in tasks:
        raise unknown("task", name, tasks)
    return tasks[name]
