"""Faults of the disk, the environment and the clock while a run is trained: one message at most, and nothing lost."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from tests.harness import ROOT, assert_same_run, linux, run_on_disk, small, stopped_after, train_small
from tests.harness.process.interrupts import RUN
from tests.harness.training.faulty_disk import TRIALS


@pytest.mark.slow
def test_a_full_disk_and_one_that_becomes_read_only_lose_nothing(tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "folder"
    disk.mkdir()
    folder.mkdir()
    done = run_on_disk(disk, "4m", "-m", "tests.harness.training.faulty_disk", disk, folder)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    whole, *pairs = found
    assert whole["code"] == 0 and len(pairs) == 2 * (TRIALS + 1)
    reasons = []
    for fault, again in zip(pairs[::2], pairs[1::2], strict=True):
        assert fault["code"] == 2 and fault["said"].count("error: ") == 1 and "Traceback" not in fault["said"]
        reasons.append(fault["said"].partition("error: ")[2])
        assert again["code"] == 0, again["said"]
        assert_same_run(folder / "whole" / RUN, folder / fault["fault"] / RUN)
        assert not list((folder / fault["fault"]).rglob(".unfinished*"))
    *full, read_only = reasons
    again = "'; then the same command goes on after what was saved last\n"
    assert all(one.startswith(f"[Errno 28] No space left on device: '{disk}/") and one.endswith(again) for one in full)
    assert read_only.startswith(f"[Errno 30] Read-only file system: '{disk}/read-only/") and read_only.endswith(again)


@linux
@pytest.mark.slow
def test_without_home_compiler_utf_8_and_output_a_run_is_trained_all_the_same(tmp_path: Path) -> None:
    rows = [
        f"{word} {more},{label}" for word, label in (("großartig", "schön"), ("mies", "übel")) for more in "abcdefghij"
    ]
    (tmp_path / "reviews.csv").write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    environment = {
        "PATH": "",
        "HOME": "/dev/null/nobody",
        "TMPDIR": str(tmp_path / "tmp"),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
        "KERAS_BACKEND": keras.config.backend(),
        "JAX_PLATFORMS": "cpu",
    }
    options = ["--units", "8", "--embedding-size", "8", "--epochs", "1", "--batch-size", "4", "--name", "run"]
    where = ["--data", str(tmp_path / "reviews.csv"), "--runs", str(tmp_path / "runs")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "run.py", "train", "sentiment", *where, *options, "--json"],
            cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    said = done.stderr.decode("ascii")
    private = tmp_path / "tmp" / f"unrolled-{os.geteuid()}"
    assert "--include" not in said
    assert f"what is kept between runs is in {private}\n" in said and r"sch\xf6n 8, \xfcbel 8" in said, said
    assert said.count("no native kernels, ") == (keras.config.backend() != "torch")
    # All was done before it was to be printed.
    assert done.returncode == 2 and said.endswith("error: [Errno 28] No space left on device: 'standard output'\n")
    scores = json.loads((tmp_path / "runs" / "sentiment" / "run" / "scores.json").read_text())
    assert scores["epochs"] == 1 and "Traceback" not in said


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    with small("pos") as task:
        whole = train_small(task, tmp_path / "whole", epochs=2)
        with stopped_after(1):
            train_small(task, tmp_path / "back", epochs=2)
        directory = tmp_path / "back" / whole.relative_to(tmp_path / "whole")
        for path in [*directory.rglob("*"), *directory.parent.iterdir()]:
            # Of a year to come, since the clock was set back by one.
            os.utime(path, (now() + 365 * 86400,) * 2)
        back = iter(range(10**9))
        # And it goes back by an hour whenever it is asked.
        monkeypatch.setattr(time, "time", lambda: now() - 3600 * next(back))
        assert train_small(task, tmp_path / "back", epochs=2) == directory
    assert_same_run(whole, directory)
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    assert all(line["seconds"] > line["compiling"] >= 0 and line["tokens_per_second"] > 0 for line in lines)
    assert 0 < json.loads((directory / "scores.json").read_text())["seconds"] < 3600
