"""run.py inspect: what it writes and prints, and what it refuses before Keras starts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from run import main
from tests.harness import read_bytes, small, train_small

NAME = "pos"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small(NAME) as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1)


def refused(capsys: pytest.CaptureFixture, *arguments: Any) -> str:
    """Run a command that is a mistake; return its one message."""
    capsys.readouterr()
    assert main(["inspect", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("error: ") == 1 and "Traceback" not in error
    return error[error.index("error: ") + 7 :].strip()


def test_the_page_is_written_into_the_run(run: Path, capsys: pytest.CaptureFixture) -> None:
    before = set(read_bytes(run))
    assert main(["inspect", str(run), "bir <b>iki</b> \x1b[31müç", "--explain"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == str(run / "inspection.html")
    assert "\x1b" not in shown and "score less baseline" in shown
    page = (run / "inspection.html").read_text()
    assert "The arithmetic of step" in page and "<b>iki" not in page
    assert set(read_bytes(run)) - before == {"inspection.html"}


def test_a_picture_and_the_numbers(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["inspect", str(run), "bir iki üç", "--output", str(tmp_path / "x.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == str(tmp_path / "x.png") and (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    inspection = found["inspection"]
    assert inspection["shown"]["steps"] == ["bir", "iki", "üç"] and len(inspection["layers"]) == 2
    assert len(inspection["contributions"]["read"]) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([""], "INPUT: there is nothing in it"),
        ([" \t"], "INPUT: there is nothing in it"),
        (["bir " * 2000], "INPUT: the sentence beginning 'bir bir bir bir bir' has 2000 tokens, and at most"),
        (["bir", "--output", "x.pdf"], "--output x.pdf: expected a file that ends with .html or .png"),
        (["bir", "--output", "no/such/x.html"], "--output no/such/x.html: there is no folder no/such"),
        (["bir", "--output", "x.png", "--explain"], "--explain: the arithmetic is on the page alone"),
        (["bir", "--answer", "NOUN NOUN"], "--answer: it has 2 steps, and the input 1"),
        (["bir", "--answer", "NOSUCH"], "--answer: 'NOSUCH': not in the training data"),
        (["bir", "--step", "2"], "--step 2: expected a step from 1 to 1"),
        (["bir", "--step", "x"], "inspect: argument --step: invalid int value"),
        (["bir", "--units", "3"], "--units: the run was trained with its own"),
        (["bir", "--explian"], "unknown option of inspect '--explian'. Did you mean '--explain'?"),
        ([], "inspect: the following arguments are required: INPUT"),
        (["bir", "iki"], "inspect: 'iki' was not expected"),
    ],
)
def test_what_is_wrong_is_told(
    arguments: list[str], message: str, run: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    before = read_bytes(run)
    assert message in refused(capsys, run, *arguments)
    assert read_bytes(run) == before


def test_a_folder_that_is_no_run_and_a_run_still_training_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert "no such folder" in refused(capsys, tmp_path / "none", "bir")
    unfinished = tmp_path / "run"
    for name, content in read_bytes(run).items():
        if name != "best.keras":
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(content)
    assert "no trained model yet (best.keras is missing)" in refused(capsys, unfinished, "bir")


def test_help_is_there_without_a_run() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", "--help"])
    assert ended.value.code == 0
