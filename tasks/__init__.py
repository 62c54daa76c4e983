"""The registry: every file in this folder that defines TASK is a task, and so is every file given by --include.

A file given by --include may also, or only, add a cell to the table of models/recurrent.py.
"""

import importlib.util
import sys
import zlib
from pathlib import Path

from pipeline.errors import BadInput, unknown
from tasks.task import SHAPES, Task

FOLDER = Path(__file__).resolve().parent
NOT_TASKS = {"__init__.py", "task.py"}


def load(path: Path) -> Task | None:
    """Return the TASK that a Python file defines, None if it defines a cell only.

    BadInput if it defines neither, or if it cannot be run.
    """
    if not path.is_file():
        raise BadInput(f"--include {path}: there is no such file")
    # Two included files may have the same name in different folders.
    package = "tasks" if path.parent == FOLDER else f"included_{zlib.crc32(str(path.parent).encode()):08x}"
    name = f"{package}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: expected a Python file (.py) that defines TASK")
    module = importlib.util.module_from_spec(spec)
    # Known by name, so that a task may refer to itself: model=__name__.
    sys.modules[name] = module
    before = _count_cells()
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _last_line(error, path)
        raise BadInput(f"{path}:{line}: the task file does not run: {type(error).__name__}: {error}") from error
    task = getattr(module, "TASK", None)
    if task is None and _count_cells() > before:
        return None
    if not isinstance(task, Task):
        raise BadInput(f"{path}: expected TASK = Task(...), as in tasks/sentiment.py; `run.py new NAME` writes one")
    if task.shape not in SHAPES:
        raise unknown(f"shape in {path}", task.shape, SHAPES)
    return task


def _count_cells() -> int:
    """Return how often a cell was added to the table; the table itself, and Keras with it, is not imported for that."""
    table = getattr(sys.modules.get("models.recurrent"), "CELLS", None)
    return getattr(table, "additions", 0)


def _last_line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(path):
        return error.lineno
    lines, trace = [1], error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def find(include: tuple[Path, ...] = ()) -> dict[str, Task]:
    """Return all tasks by name, sorted; BadInput if two files define the same name."""
    tasks: dict[str, Task] = {}
    origin: dict[str, Path] = {}
    files = [path for path in sorted(FOLDER.glob("*.py")) if path.name not in NOT_TASKS]
    for path in dict.fromkeys([*files, *(Path(path).resolve() for path in include)]):
        task = load(path)
        if task is None:
            continue
        if task.name in tasks:
            raise BadInput(
                f"two files define the task {task.name!r}: {origin[task.name]} and {path}; rename one of them"
            )
        tasks[task.name], origin[task.name] = task, path
    return dict(sorted(tasks.items()))


def get(name: str, include: tuple[Path, ...] = ()) -> Task:
    """Return one task; BadInput with the closest name and the full list if there is none of that name."""
    tasks = find(include)
    if name not in tasks:
        raise unknown("task", name, tasks)
    return tasks[name]
