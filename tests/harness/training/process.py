"""A training of a small task in a process of its own: with several devices, or as one of a cluster."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import tasks
from harness.options import find_options
from pipeline.option import make_flag
from tests.harness import ROOT, SMALL

# Arguments: a task, what is done at which point, and the words after `run.py train TASK`. The registry has the small
# task in place of the task; Keras is started by the command. Machines with one core have two here.
CODE = """
import os, sys
from tests import harness
import run
from harness.process import cluster

os.cpu_count = lambda: 8
harness.start_keras = lambda: None
name, patch, *words = sys.argv[1:]
exec(patch)
with harness.small(name):
    code = run.main(["train", name, *words])
sys.stdout.flush()
os._exit(code)
"""
# Kills the process before a step of training, counted from 0.
KILLED = """
from models.backends.data_parallel import DataParallel
train, left = DataParallel.__call__, [{step}]
def count(self, *given):
    if not left[0]:
        os.kill(os.getpid(), 9)
    left[0] -= 1
    return train(self, *given)
DataParallel.__call__ = count
"""
# A small model, and nothing in it that is drawn by chance.
WORDS = SMALL | {"dropout": 0.0, "word_dropout": 0.0}


def start(task: str, runs: Path, *more: object, patch: str = "", **options: object) -> subprocess.Popen:
    """Start it. more: further words. patch: code that is run first. options: of the task; None: not given."""
    there = find_options(tasks.find()[task])
    given = {name: value for name, value in (WORDS | options).items() if name in there and value is not None}
    known = [f"{make_flag(name)}={value}" for name, value in given.items()]
    words = [task, patch, "--device", "cpu", "--runs", runs, "--name", "run", *known, *more]
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def end(*processes: subprocess.Popen, seconds: float = 300) -> list[tuple[int, str]]:
    """Wait for processes; return the exit code of each, and what it said on standard error."""
    return [(one.returncode, said) for one in processes for said in [one.communicate(timeout=seconds)[1]]]


def train(task: str, runs: Path, *more: object, **options: object) -> Path:
    """Train in one process, and return the run directory."""
    ((code, said),) = end(start(task, runs, *more, **options))
    assert code == 0, said
    return runs / task / "run"


def start_cluster(
    task: str, runs: Sequence[Path], port: int, *more: object, patches: Sequence[str] = (), **options: object
) -> list[subprocess.Popen]:
    """Start the processes of a cluster on this machine. runs: of each. patches: see `start`."""
    addresses = ",".join(f"127.0.0.1:{port + number}" for number, _ in enumerate(runs))
    return [
        start(
            task,
            folder,
            *("--cluster", addresses, "--process", number, *more),
            patch=patches[number] if patches else "",
            **options,
        )
        for number, folder in enumerate(runs)
    ]


def read_losses(directory: Path) -> list[float]:
    """Return the loss of each epoch."""
    return [json.loads(line)["loss"] for line in (directory / "metrics.jsonl").read_text().splitlines()]
