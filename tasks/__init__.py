"""The registry: every file in this folder that defines TASK is a task, and so is every file given by --include.

A file given by --include may also, or only, add a cell to the table of models/cells/__init__.py.
"""

import hashlib
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from models.cells import CELLS
from pipeline.errors import BadInput, unknown
from pipeline.files import expand_home
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


# What this process has included, each with the task that it defines, if any; and tasks that were registered by hand.
_included: dict[File, Task | None] = {}
_registered: dict[str, Task] = {}


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
    # Known by name, so that a task may refer to itself: LazyFamily(__name__, ...).
    sys.modules[name] = module
    before = CELLS.additions
    try:
        # Not by the module's loader, which reads the file again, or what __pycache__ has beside it.
        exec(compile(file.content, str(path), "exec"), vars(module))
    except Exception as error:
        line = _last_line(error, path)
        reason = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
        raise BadInput(f"{path}:{line}: the task file does not run: {reason}") from error
    task = vars(module).get("TASK")
    if task is None and CELLS.additions > before:
        return None
    if not isinstance(task, Task):
        raise BadInput(f"{path}: expected TASK = Task(...), as in tasks/sentiment.py; `run.py new NAME` writes one")
    if task.shape not in SHAPES:
        raise unknown(f"shape in {path}", task.shape, SHAPES)
    return task


def _last_line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(path):
        return error.lineno
    lines, trace = [1], error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


@cache
def _built_in() -> dict[Path, Task]:
    files = [read(path) for path in sorted(FOLDER.glob("*.py")) if path.name not in NOT_TASKS]
    return {file.path: task for file in files if (task := load(file))}


def include(files: Iterable[Path | File]) -> list[File]:
    """Run Python files of the user's own, whose tasks and cells are known from then on; return them as they were read.

    A file that is included already, and is as it was, is not run again. Raises BadInput for one that cannot be run, and
    for a task or a cell of a name that is taken.
    """
    found = [one if isinstance(one, File) else read(expand_home(one).resolve()) for one in files]
    for file in found:
        if file in _included or file.path in _built_in():
            continue
        for earlier in [one for one in _included if one.path == file.path]:
            del _included[earlier]
        task = load(file)
        _included[file] = task
        try:
            find()
        except BadInput:
            del _included[file]
            raise
    return found


def included() -> Sequence[File]:
    """Return the files that this process has included."""
    return tuple(_included)


def forget() -> None:
    """Forget what was included and registered: another command begins in the same process."""
    _included.clear()
    _registered.clear()


def register(task: Task) -> Task:
    """Make a task known by its name, in this process; BadInput if a file has a task of that name."""
    _registered.pop(task.name, None)
    if task.name in find():
        raise BadInput(f"there is a task {task.name!r} already; choose another name")
    _registered[task.name] = task
    return task


def find() -> dict[str, Task]:
    """Return all tasks by name, sorted; BadInput if two files define the same name."""
    tasks: dict[str, Task] = dict(_registered)
    origin: dict[str, Path] = {}
    for path, task in [*_built_in().items(), *((file.path, task) for file, task in _included.items())]:
        if task is None:
            continue
        if task.name in tasks:
            before = origin.get(task.name, "this program")
            raise BadInput(f"two files define the task {task.name!r}: {before} and {path}; rename one of them")
        tasks[task.name], origin[task.name] = task, path
    _check_fields()
    return dict(sorted(tasks.items()))


def _check_fields() -> None:
    """Raise BadInput where two included files define fields of one name: a run knows a field by its name."""
    origin: dict[str, File] = {}
    for file, task in _included.items():
        for kind in {task.input.kind, task.output.kind} if task else ():
            # Those that the file defines itself, not those that it imports.
            if vars(sys.modules[kind.__module__]).get("__file__") != str(file.path):
                continue
            if (before := origin.setdefault(kind.__name__, file)) != file:
                raise BadInput(
                    f"two files define the field {kind.__name__!r}: {before.path} and {file.path}; rename one of them"
                )


def get(name: str) -> Task:
    """Return one task; BadInput with the closest name and the full list if there is none of that name."""
    tasks = find()
    if name not in tasks:
        raise unknown("task", name, tasks)
    return tasks[name]
