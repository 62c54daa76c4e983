"""A Ray cluster as the place where runs are trained: each is one Ray task, tried again when its machine dies.

The code goes along, and so does what a stopped run has left; the whole run directory comes back. Files named by --data
and --include must be at the same path on every machine.
"""

import dataclasses
import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from harness import runs
from harness.comparison import sweep_worker
from harness.comparison.results import Result
from harness.comparison.sweep import Entry
from harness.process.lock import hold
from harness.runs.packed import pack, unpack
from pipeline import files
from pipeline.errors import BadInput

ROOT = Path(__file__).parents[2]
CODE = ("harness", "models", "pipeline", "tasks", "run.py", "pyproject.toml")
PATIENCE = 5  # seconds that the cluster has to answer in
RETRIES = 3


class Cluster:
    """Ray tasks, `workers` at a time on every machine, each with its share of the cores and GPUs."""

    def __init__(self, address: str, workers: int, *, start: Callable[[], str], include: Sequence[Path]):
        """Raises BadInput as `connect` does."""
        ray = connect(address)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        share = {name: min(node.get(name, 0) for node in nodes) / workers for name in ("CPU", "GPU")}
        self.start, self.include = start, include
        self.ray = ray
        self.remote = ray.remote(run_there).options(
            num_cpus=max(1, int(share["CPU"])), num_gpus=share["GPU"], max_retries=RETRIES
        )

    def train(self, entry: Entry, *, fresh: bool, remember: bool) -> Future:
        left = b"" if fresh or not entry.directory.exists() else pack(entry.directory)
        return self.remote.remote(self.start, self.include, entry, left, remember).future()

    def collect(self, entry: Entry, found: Any) -> Result:
        result: Result
        result, packed = found
        with hold(entry.directory):
            unpack(packed, entry.directory)
            scores = runs.read_scores(entry.directory, runs.read_config(entry.directory))
            runs.write_record(entry.directory / "scores.json", scores | {"run": str(entry.directory)})
        result["run"], result["command"] = str(entry.directory), sweep_worker.name_command(entry)
        return result

    def end(self) -> None:
        self.ray.shutdown()


def connect(address: str) -> Any:
    """Return Ray, connected to a cluster, to which the code goes.

    Raises BadInput if Ray is not installed, or if nothing answers at the address ("auto": on this machine).
    """
    place = _parse(address)
    try:
        import ray
    except ModuleNotFoundError:
        raise BadInput("--ray: Ray is not installed; run: pip install -r requirements-ray.txt") from None
    if place:
        _knock(address, place)
    others = [path.name for path in ROOT.iterdir() if path.name not in CODE]
    environment = {"working_dir": str(ROOT), "excludes": [f"/{name}" for name in others]}
    heard = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, runtime_env=environment, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError) as error:
        raise _unreachable(address, str(error)) from None
    if heard is not None and threading.current_thread() is threading.main_thread():
        # Ray's own handler writes where each of its threads is.
        signal.signal(signal.SIGTERM, heard)
    return ray


def _parse(address: str) -> tuple[str, int] | None:
    """Return host and port of an address; None for "auto". Raises BadInput for what is neither."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto" and not (host and port.isdecimal()):
        raise BadInput(f"--ray {address}: expected HOST:PORT, as `ray start --head` prints it, or auto")
    return (host, int(port)) if host else None


def _knock(address: str, place: tuple[str, int]) -> None:
    """Raise BadInput if nothing answers: Ray itself would try for minutes."""
    try:
        socket.create_connection(place, timeout=PATIENCE).close()
    except OSError as error:
        raise _unreachable(address, str(error)) from None


def _unreachable(address: str, why: str) -> BadInput:
    return BadInput(f"--ray {address}: no Ray cluster answers there ({why}); start one with: ray start --head")


def run_there(
    start: Callable[[], str], include: Sequence[Path], entry: Entry, left: bytes, remember: bool
) -> tuple[Result, bytes]:
    """Train a run on whichever machine this is; return its result and its directory, packed. left: what there was."""
    device = sweep_worker.begin([], start, include)
    with files.temporary_folder() as folder:
        there = dataclasses.replace(entry, folder=folder, directory=folder / entry.task / entry.directory.name)
        if left:
            unpack(left, there.directory)
        return sweep_worker.run(there, device=device, fresh=False, remember=remember), pack(there.directory)
