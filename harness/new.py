"""New: a task file of the user's own, from a template that trains as it is."""

import keyword
from pathlib import Path

import tasks
from harness import runs
from pipeline.errors import BadInput

TEMPLATES = Path(__file__).parent / "templates"
# The shape of the template that has a field and a model family of its own.
PARTS_SHAPE = "many-to-one"


def write_task(name: str, shape: str, folder: Path, *, parts: bool = False) -> Path:
    """Write folder/NAME.py and return its path; parts: with a field and a model family of its own.

    Raises BadInput if the name is taken or is no name, if the file exists, and where there is no template with parts.
    """
    path = folder / f"{name}.py"
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadInput(f"{name!r}: expected a name of letters, digits and _, such as my_task")
    if name in tasks.find():
        raise BadInput(f"{name!r}: there is a task of this name already; choose another")
    if path.exists():
        raise BadInput(f"{path}: the file exists already; delete it, or choose another name or --folder")
    if not folder.is_dir():
        raise BadInput(f"--folder {folder}: there is no such folder; make it first")
    if parts and shape != PARTS_SHAPE:
        raise BadInput(f"--parts: the template is for --shape {PARTS_SHAPE}, not {shape}")
    template = "own_parts" if parts else shape.replace("-", "_")
    text = (TEMPLATES / f"{template}.py").read_text(encoding="utf-8")
    runs.write_text(path, text.replace("PATH", str(path)).replace("NAME", name))
    return path
