"""New: a task file of the user's own, from a template that trains as it is."""

import keyword
from pathlib import Path

import tasks
from harness import runs
from pipeline.errors import BadInput

TEMPLATES = Path(__file__).parent / "templates"


def write_task(name: str, shape: str, folder: Path) -> Path:
    """Write folder/NAME.py and return its path; BadInput if the name is taken or is no name, or the file exists."""
    path = folder / f"{name}.py"
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadInput(f"{name!r}: expected a name of letters, digits and _, such as my_task")
    if name in tasks.find():
        raise BadInput(f"{name!r}: there is a task of this name already; choose another")
    if path.exists():
        raise BadInput(f"{path}: the file exists already; delete it, or choose another name or --folder")
    if not folder.is_dir():
        raise BadInput(f"--folder {folder}: there is no such folder; make it first")
    template = (TEMPLATES / f"{shape.replace('-', '_')}.py").read_text(encoding="utf-8")
    runs.write_text(path, template.replace("PATH", str(path)).replace("NAME", name))
    return path
