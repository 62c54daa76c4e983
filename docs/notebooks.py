"""Notebooks: the tutorials as Jupyter notebooks, beside their Markdown.

    pip install -r requirements-docs.txt
    python docs/notebooks.py            # write docs/tutorials/*.ipynb, their cells run, with what they print

The Markdown is what is edited. A block of Python becomes a cell; one that is a file, a cell that writes it; a block of
commands, a cell that a shell runs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TUTORIALS = Path(__file__).parent / "tutorials"
FENCE = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Notebooks start in their own folder, and Jupyter asks for colours: then progress bars would fill the page.
FIRST = """%cd -q ../..
import os

os.environ.pop("FORCE_COLOR", None)"""


def convert(text: str) -> nbformat.NotebookNode:
    """Return the notebook of a tutorial in Markdown; its cells have not been run."""
    cells, end = [new_code_cell(FIRST)], 0
    for block in FENCE.finditer(text):
        cells.append(new_markdown_cell(text[end : block.start()].strip()))
        cells.append(new_code_cell(make_cell(*block.groups())))
        end = block.end()
    cells.append(new_markdown_cell(text[end:].strip()))
    # The heading comes first.
    cells[:2] = cells[1::-1]
    for number, cell in enumerate(cells):
        # Random by default; then every conversion would differ.
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make_cell(kind: str, body: str) -> str:
    """Return the source of the cell of a block."""
    body = body.rstrip("\n")
    if kind == "sh":
        return f"%%bash\n{body}"
    file = re.match(r"# (\w+\.py)\n", body)
    return f"%%writefile {file[1]}\n{body}" if file else body


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells, in a copy of the repository, so that nothing is left in this one."""
    from nbclient import NotebookClient

    root, copy = TUTORIALS.parents[1], folder / "unrolled"
    known = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    for file in known.splitlines():
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, copy / file)
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": copy / "docs" / "tutorials"}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            # A bar that is drawn again and again is shown as it was last; paths are not those of a temporary folder.
            if "text" in output:
                lines = output["text"].replace(f"{copy}/", "").split("\n")
                output["text"] = "\n".join(line.rsplit("\r", 1)[-1] for line in lines)


def main() -> int:
    for path in sorted(TUTORIALS.glob("*.md")):
        notebook = convert(path.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as folder:
            run(notebook, Path(folder))
        nbformat.write(notebook, path.with_suffix(".ipynb"))
        print(path.with_suffix(".ipynb"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
