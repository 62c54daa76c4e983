"""Runs that earlier versions began: each scores, answers and goes on as it did then."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tasks
from harness import options
from run import main
from tests.harness import start_keras

FORMATS = [Path(__file__).parent / name for name in ("format_1", "format_2", "format_3")]
# What the runs of all formats are trained on.
DATA = FORMATS[0] / "data"
RUNS = [directory for folder in FORMATS for directory in sorted((folder / "stopped").iterdir())]


def approx(value: Any) -> Any:
    """Return what is equal to a JSON value whose numbers are rounded as another processor does."""
    if isinstance(value, dict):
        return {name: approx(part) for name, part in value.items()}
    if isinstance(value, list):
        return [approx(part) for part in value]
    return pytest.approx(value, rel=1e-4, abs=1e-4) if isinstance(value, float) else value


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_every_task_that_had_runs_then_is_still_there(folder: Path) -> None:
    names = {directory.name for directory in (folder / "stopped").iterdir()}
    assert names and names <= set(tasks.find())


@pytest.mark.slow
@pytest.mark.parametrize("stopped", RUNS, ids=lambda directory: f"{directory.parents[1].name}-{directory.name}")
def test_a_run_of_an_earlier_version_scores_answers_and_goes_on_as_it_did_then(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json.loads((stopped / "expected.json").read_text(encoding="utf-8"))
    shutil.copytree(DATA, tmp_path / "data")
    directory = shutil.copytree(stopped, tmp_path / expected["run"], ignore=shutil.ignore_patterns("expected.json"))
    config = directory / "config.json"
    # A run knows the full path of its data.
    config.write_text(config.read_text(encoding="utf-8").replace("FOLDER", str(tmp_path)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    start_keras()

    def ask(*arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    def score(*arguments: str) -> dict[str, float]:
        """Return those of a command's scores that there were then."""
        found = ask(*arguments)["scores"]
        return {name: found[name] for name in expected["evaluate"]}

    assert score("evaluate", expected["run"]) == approx(expected["evaluate"])
    assert ask("predict", expected["run"], expected["input"])["predictions"] == approx(expected["predict"])
    assert score(*expected["command"]) == approx(expected["train"])


def test_a_run_goes_on_as_it_began_where_an_option_came_later(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = FORMATS[0] / "stopped" / "adding"
    expected = json.loads((stopped / "expected.json").read_text(encoding="utf-8"))
    directory = tmp_path / expected["run"]
    shutil.copytree(stopped, directory, ignore=shutil.ignore_patterns("expected.json"))
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    # As if there had been no --clip-norm then, and no clipping; and an option of which nothing is left.
    del config["options"]["clip"]
    config["options"]["shine"] = 3
    (directory / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    start_keras()
    assert main([*expected["command"], "--name", directory.name]) == 2
    assert "the option 'shine' is not of this version" in capsys.readouterr().err
    monkeypatch.setattr(options, "REMOVED", {"shine"})
    monkeypatch.setitem(options.EARLIER, 1, options.EARLIER[1] | {"clip_norm": 1e9})
    assert main([*expected["command"], "--name", directory.name, "--clip-norm", "2"]) == 2
    assert "--clip-norm: 1000000000.0 then, 2.0 now" in capsys.readouterr().err
    for _ in range(2):
        assert main(expected["command"]) == 0
        said = capsys.readouterr().err
        assert "--clip-norm 1000000000.0: as this run began, before there was the option" in said
        assert "--shine 3: this version has no such option; it is left out" in said
    assert json.loads((directory / "config.json").read_text(encoding="utf-8")) == config
    assert main(["evaluate", str(directory)]) == 0
