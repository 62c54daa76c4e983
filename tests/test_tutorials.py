"""The tutorials: every block runs, in their order; the notebooks have the same cells."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
FENCE = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_blocks(path: Path) -> list[tuple[str, str]]:
    return FENCE.findall(path.read_text(encoding="utf-8"))


def make_script(path: Path) -> str:
    """Return a shell script of all blocks of a tutorial."""
    lines = ["set -eu"]
    for number, (kind, body) in enumerate(read_blocks(path)):
        file = re.match(r"# (\w+\.py)\n", body)
        if kind == "sh":
            lines.append(body)
        elif file:
            lines.append(write(file[1], body))
        else:
            # A worker process imports the program again.
            guarded = "if __name__ == '__main__':\n" + textwrap.indent(body, "    ")
            lines += [write(f"block_{number}.py", guarded), f"python block_{number}.py"]
    return "\n".join(lines)


def write(file: str, body: str) -> str:
    return f"cat > {file} <<'END OF FILE'\n{body}END OF FILE"


def test_there_are_three() -> None:
    assert [path.stem for path in TUTORIALS] == ["first_task", "own_task", "which_rnn_type"]


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_from_its_first_block_to_its_last(path: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").symlink_to(ROOT / "run.py")
    variables = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", make_script(path)], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr


def cells(notebook: dict[str, Any]) -> list[tuple[str, str]]:
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


@pytest.mark.needs("nbformat")
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_notebook_has_the_cells_of_its_tutorial(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs" / "notebooks.py")
    assert spec and spec.loader
    notebooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebooks)
    kept = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    assert cells(kept) == cells(notebooks.convert(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_its_cells_print_and_no_error(path: Path) -> None:
    kept = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in kept["cells"] for output in cell.get("outputs", [])]
    assert outputs and all(output["output_type"] != "error" for output in outputs)
