"""`run.py predict RUN --stream`, as it is typed."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from run import main
from tests.harness import ROOT, small, train_small


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, changes in (("ner", {"bidirectional": False}), ("novel", {})):
        with small(name) as task:
            train_small(task, folder, epochs=1, **changes)
    return folder


@pytest.fixture
def tagger(runs: Path) -> str:
    return str(next((runs / "ner").glob("*-s0")))


def test_each_token_has_a_line_and_each_sequence_an_end(tagger: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", tagger, "--stream", "Paris met\nMr Ford", "\x1b[31mred"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert [line.split()[0] if line else "" for line in lines] == [
        "Paris", "met", "", "Mr", "Ford", "", r"\x1b", "[", "31mred", "", "",
    ]  # fmt: skip


def test_json_is_a_line_per_token(tagger: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Paris שלום\n\n\U0001f600\n".encode())))
    assert main(["predict", tagger, "--stream", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["sequence"], one["input"]) for one in found] == [(1, "Paris"), (1, "שלום"), (2, "\U0001f600")]
    assert all(one.keys() == {"sequence", "input", "output"} for one in found)


def test_a_text_is_written_symbol_by_symbol(runs: Path, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    run = str(next((runs / "novel").glob("*-s0")))
    (tmp_path / "prompts.txt").write_text("female\n")
    assert main(["predict", run, "--json", "female"]) == 0
    whole = json.loads(capsys.readouterr().out)["predictions"][0]["output"]
    assert main(["predict", run, "--stream", "--input", str(tmp_path / "prompts.txt")]) == 0
    assert capsys.readouterr().out == f"{whole}\n"
    assert main(["predict", run, "--stream", "nobody"]) == 2
    assert "error: text 1:1: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, message",
    [
        (["--stream", "x", "--output", "y.txt"], "--output: a stream is answered on standard output"),
        (["--stream", "x", "--attention-weights", "--json"], "--attention-weights: what attends has read all"),
        (["x", "--sequence-ends", "never"], "--sequence-ends: it is for --stream"),
        (["--stream", "x", "--input", "y.txt"], "TEXT and --input: give one of them"),
        (["--stream", "--input", "no/such.txt"], "no/such.txt"),
        (["--stream", "--input", "table.conll"], "--input table.conll: a table or a corpus, and --stream reads plain"),
        (["--stream", "  "], "nothing to predict: there is no token in the input"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tagger: str, words: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    capsys.readouterr()
    assert main(["predict", tagger, *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == ""


@pytest.mark.slow
def test_the_answer_comes_before_the_next_token_does(tagger: str) -> None:
    command = [sys.executable, "run.py", "predict", tagger, "--stream", "--sequence-ends", "never", "--json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **pipes, bufsize=0, env=os.environ) as process:
        assert process.stdin and process.stdout
        for word in ("Paris", "met", "Ford"):
            process.stdin.write(f"{word}\n".encode())
            found = b""
            while not found.endswith(b"\n"):
                found += process.stdout.read(1)
            assert json.loads(found)["input"] == word
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
