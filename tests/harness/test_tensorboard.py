import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.training import tensorboard
from pipeline.errors import BadInput
from run import main
from tests.harness import ROOT, start_keras
from tests.test_run import TINY, write_reviews


@pytest.mark.slow
@pytest.mark.needs("tensorboard")
def test_event_files_hold_the_curves_the_weights_and_the_graph(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    start_keras()
    data = str(write_reviews(tmp_path / "reviews.csv"))
    command = ["train", "sentiment", "--data", data, "--runs", str(tmp_path / "runs"), *TINY, "--name", "watched"]
    assert main([*command, "--tensorboard"]) == 0
    run = tmp_path / "runs" / "sentiment" / "watched"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    folders = {name: EventAccumulator(str(run / "tensorboard" / name)) for name in ("train", "validation")}
    for folder in folders.values():
        folder.Reload()

    def read_scalars(split: str, name: str) -> list[float]:
        events = folders[split].Tensors(f"epoch_{name}")
        assert [event.step for event in events] == [0, 1]
        return [float(np.frombuffer(event.tensor_proto.tensor_content, "float32")[0]) for event in events]

    assert read_scalars("train", "loss") == pytest.approx([line["loss"] for line in lines])
    for name in ("accuracy", "loss"):
        wanted = [line[f"validation_{name}"] for line in lines]
        assert read_scalars("validation", name) == pytest.approx(wanted)
    tags = folders["train"].Tags()["tensors"]
    assert "keras" in tags and any("simple_0_forward" in tag for tag in tags)
    # It is of no other command: the run is the same one, and complete.
    assert main(command) == 0


def test_where_it_is_missing_the_pip_line_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name))
    with pytest.raises(BadInput, match="pip install -r requirements-watch.txt"):
        tensorboard.check_installed()
    assert main(["train", "pos", "--tensorboard", "--runs", str(tmp_path / "runs")]) == 2
    assert "--tensorboard: tensorboard is not installed" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_tensorflow_is_not_imported_where_nobody_asks_for_it() -> None:
    code = "import sys, harness.training.tensorboard; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
