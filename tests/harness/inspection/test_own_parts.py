"""A task of the user's own, with a field and a family of its own, is inspected as those of the registry are."""

import json
from pathlib import Path

import pytest

from run import main
from tests.harness import start_keras


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--parts"], ["--shape", "one-to-many"]], ids=["own parts", "stock parts"])
def test_a_task_of_ones_own_is_inspected(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    start_keras()
    assert main(["new", "mine", *options, "--folder", str(tmp_path)]) == 0
    include = ["--include", str(tmp_path / "mine.py")]
    small = ["--units", "8", "--epochs", "1", "--limit", "40", "--batch-size", "8", "--runs", str(tmp_path / "runs")]
    assert main(["train", "mine", *include, *small, "--name", "one"]) == 0
    run = tmp_path / "runs" / "mine" / "one"
    typed = json.loads((run / "predictions" / "test.jsonl").read_text().splitlines()[0])["input"]
    capsys.readouterr()
    asked = typed if isinstance(typed, str) else " ".join(map(str, typed))
    assert main(["inspect", str(run), asked, "--explain", *include]) == 0
    assert "score less baseline" in capsys.readouterr().out
    assert "The arithmetic of step" in (run / "inspection.html").read_text()
