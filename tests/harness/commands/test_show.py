import json
import shlex
import shutil
from pathlib import Path

import pytest

from run import main
from tests.harness import small, train_small

pytestmark = pytest.mark.needs("plotext")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with small("pos") as task:
        return train_small(task, tmp_path_factory.mktemp("runs"), epochs=2)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "my run"))


def show(run: Path, *more: str) -> int:
    with small("pos"):
        return main(["show", str(run), *more])


def test_a_run_is_shown_with_options_scores_curve_and_what_to_type_next(
    run: Path, capsys: pytest.CaptureFixture
) -> None:
    assert show(run) == 0
    shown = capsys.readouterr().out
    for words in ("task", "units", "8", "accuracy", "best epoch", "validation accuracy by epoch, * kept", "next:"):
        assert words in shown
    predict = next(line for line in shown.splitlines() if " predict " in line)
    words = shlex.split(predict)
    with small("pos"):
        assert main(words[2:]) == 0


def test_a_run_is_shown_as_json(run: Path, capsys: pytest.CaptureFixture) -> None:
    assert show(run, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == "pos" and found["complete"] and found["options"]["units"] == 8
    assert found["changed"]["units"] == 8 and [line["epoch"] for line in found["epochs"]] == [1, 2]
    summary = json.loads((run / "scores.json").read_text())
    assert found["summary"] == {name: value for name, value in summary.items() if name != "checksum"}


@pytest.mark.parametrize(
    "missing, words", [((), "2 epochs so far"), (("metrics.jsonl", "state.npz"), "no epoch so far")]
)
def test_a_run_that_is_being_trained_is_shown_as_far_as_it_is(
    missing: tuple[str, ...], words: str, run: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("scores.json", *missing):
        (run / name).unlink()
    assert show(run) == 0
    shown = capsys.readouterr().out
    assert f"not complete: {words}" in shown and "next:" not in shown


def test_what_is_no_run_is_refused(tmp_path: Path, run: Path, capsys: pytest.CaptureFixture) -> None:
    for path, message in ((tmp_path, "no config.json there"), (tmp_path / "none", "no such folder")):
        assert show(path) == 2
        assert message in capsys.readouterr().err
    (run / "metrics.jsonl").write_text("nonsense\n")
    assert show(run) == 2
    assert "metrics.jsonl:1: the file is damaged" in capsys.readouterr().err
