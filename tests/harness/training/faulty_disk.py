"""Trains on a disk that is full, and that becomes read-only: python -m tests.harness.training.faulty_disk DISK FOLDER

DISK: a small one, which this process may fill and mount again. FOLDER: to which the runs are copied; `whole` there is
one that was trained without a fault. Prints what each was trained with as a line of JSON.
"""

import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from run import main
from tests.harness import start_keras
from tests.harness.process.interrupts import RUN
from tests.test_run import NAMED, write_reviews

TRIALS = 6


def train(data: Path, runs: Path) -> tuple[int, str]:
    """Train a run of many epochs; return the exit code and what was said."""
    errors = io.StringIO()
    more = ["--epochs", "30", "--patience", "30"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        code = main(["train", "sentiment", "--data", str(data), "--runs", str(runs), *NAMED, *more])
    return code, errors.getvalue()


def fill(disk: Path, left: int) -> Path:
    """Fill a disk up to so many bytes; return the file that takes the others."""
    path = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    path.write_bytes(b"\0" * max(free - left, 0))
    return path


def make_read_only(directory: Path) -> None:
    """Mount a directory again, read-only, once a training in it has come far."""
    lines = directory / "metrics.jsonl"
    while not (lines.exists() and lines.read_text().count("\n") > 3):
        time.sleep(0.001)
    subprocess.run(["mount", "--bind", directory, directory], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", directory], check=True)


def report(fault: str, code: int, said: str) -> None:
    """Print what came of a training."""
    print(json.dumps({"fault": fault, "code": code, "said": said}), flush=True)


if __name__ == "__main__":
    disk, folder = Path(sys.argv[1]), Path(sys.argv[2])
    start_keras()
    data = write_reviews(folder / "reviews.csv")
    report("none", *train(data, folder / "whole"))
    size = sum(path.stat().st_size for path in (folder / "whole").rglob("*") if path.is_file())
    chance = random.Random(0)
    for number in range(TRIALS):
        runs = disk / f"full-{number}"
        filler = fill(disk, chance.randint(0, size))
        report(runs.name, *train(data, runs))
        filler.unlink()
        report("again", *train(data, runs))
        shutil.move(runs, folder)
    runs = disk / "read-only"
    thread = threading.Thread(target=make_read_only, args=(runs / RUN,))
    thread.start()
    report(runs.name, *train(data, runs))
    thread.join()
    subprocess.run(["umount", runs / RUN], check=True)
    report("again", *train(data, runs))
    shutil.move(runs, folder)
