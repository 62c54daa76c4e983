"""The task `novel` on the user's own data, and what the memory tasks print beside their scores."""

import json
from pathlib import Path

import numpy as np
import pytest

import tasks
from run import main
from tests.harness import start_keras

pytestmark = pytest.mark.slow

TINY = ("--units", "8", "--embedding-size", "8", "--batch-size", "4", "--epochs", "1", "--name", "simple-s0")
VERSE = "the cat sat on the mat\nand ate the rat\n\nthe dog sat on the log\n\n"


def train(capsys: pytest.CaptureFixture, folder: Path, *arguments: str) -> tuple[Path, str]:
    """Train a tiny run; return its directory and what was printed."""
    start_keras()
    capsys.readouterr()
    assert main(["train", "novel", *arguments, *TINY, "--runs", str(folder)]) == 0
    return folder / "novel" / "simple-s0", capsys.readouterr().out


def predict(capsys: pytest.CaptureFixture, run: Path, *texts: str) -> list[str]:
    assert main(["predict", str(run), *texts, "--json"]) == 0
    return [found["output"] for found in json.loads(capsys.readouterr().out)["predictions"]]


def test_a_running_text_is_learned_scored_and_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "verse.txt").write_text(VERSE * 40)
    run, printed = train(capsys, tmp_path, "--data", str(tmp_path / "verse.txt"), "--max-output-length", "20")
    scores = json.loads((run / "scores.json").read_text())["scores"]
    assert scores["nats"] == pytest.approx(scores["loss"])
    assert scores["bits"] == pytest.approx(scores["nats"] / np.log(2))
    assert scores["perplexity"] == pytest.approx(np.exp(scores["nats"])) and 0 <= scores["novel"] <= 1
    assert all(name in printed for name in ("nats", "novel", "distinct"))
    found = predict(capsys, run, "the cat", "the cat", "", "été")
    assert [len(text) for text in found] == [20] * 4
    assert found[0] != found[1]
    assert predict(capsys, run, "the cat", "the cat", "", "été") == found
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == scores


def test_names_of_a_table_are_learned_by_category(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [f"{'ab'[n % 2]},{'xyz'[n % 3] * (1 + n % 4)}{'uvw'[n // 3 % 3]}{'rst'[n // 9 % 3]}" for n in range(60)]
    (tmp_path / "names.csv").write_text("\n".join(["category,name", *rows]))
    run, printed = train(capsys, tmp_path, "--data", str(tmp_path / "names.csv"))
    summary = json.loads((run / "scores.json").read_text())
    sample = summary["samples"][0]
    assert sample["input"] in "ab" and f"{sample['input']}  {sample['output']}" in printed
    texts = predict(capsys, run, "a", "b: xy")
    assert texts[1].startswith("xy")
    assert main(["predict", str(run), "c"]) == 2
    assert "unknown category 'c'" in capsys.readouterr().err


def test_the_score_without_memory_is_printed_beside_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_keras()
    monkeypatch.setattr("pipeline.corpora.memory_tasks.SIZES", {"train": 8, "validation": 4, "test": 4})
    assert main(["train", "copy", "--delay", "3", *TINY, "--runs", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "copy" / "simple-s0" / "scores.json").read_text())
    assert summary["baselines"] == {"no memory": pytest.approx({"loss": 10 * np.log(8) / 23, "recalled": 1 / 8})}
    printed = capsys.readouterr().out
    assert "no memory" in printed and f"{10 * np.log(8) / 23:.4f}" in printed
    for arguments, shown in (((), True), (("--split", "validation"), False)):
        assert main(["evaluate", str(tmp_path / "copy" / "simple-s0"), *arguments]) == 0
        assert ("no memory" in capsys.readouterr().out) is shown


def test_the_memory_tasks_read_in_one_direction() -> None:
    for name in ("copy", "adding"):
        assert tasks.get(name).options["bidirectional"] is False
    assert tasks.get("adding").options["pooling"] == "last"
