"""Processes that a Ray cluster starts, one for each device, to train one run together (--ray).

Ray says on which machines there is place, brings the code there, and tells when one of them has died. Each process is
`run.py train --cluster`, the child of a Ray actor that waits for it. What process 0 saves comes back whenever it has
changed, so a machine that dies takes nothing along: all processes are started anew, and go on from there. Files named
by --data and other options must be at the same path on every machine.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tasks
from harness import runs
from harness.comparison import ray_cluster
from harness.options import type_in
from harness.process.cluster import find_port
from harness.process.console import say
from harness.process.lock import hold
from harness.runs import states
from harness.runs.packed import pack, unpack
from harness.runs.schema import Summary
from harness.training.request import Request, find_changed
from pipeline import files
from pipeline.errors import BadInput

# How often a training is started anew after a process was lost, and after how many seconds: Ray notes late that a
# machine has died, and would place a process there. Seconds between two looks at the processes, that they have to be
# placed, and that one has to answer.
RETRIES, PAUSE, LOOK, PLACED, ANSWER = 3, 10.0, 1.0, 60.0, 60.0
MISTAKE = 2


@dataclass(frozen=True)
class Look:
    """How a process is. code: its exit code, None while it runs. said: lines since the last look. packed: its run
    directory, where that has changed since; state: by which it is told next time."""

    code: int | None
    said: list[str]
    packed: bytes | None
    state: str


@dataclass
class Process:
    """What a Ray actor does: it starts a process of the training, on whichever machine it is, and looks after it."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix=files.UNFINISHED)))
    said: list[str] = field(default_factory=list)
    child: subprocess.Popen | None = None

    def find_place(self) -> str:
        """Return HOST:PORT where others reach this machine, with a port that is free."""
        import ray

        host = ray.util.get_node_ip_address()
        return f"{host}:{find_port(host)}"

    def begin(self, words: Sequence[str], directory: str, left: bytes) -> None:
        """Start the process. words: after run.py, but for where. directory: of the run. left: what there is of it."""
        where = self.folder / directory
        if left:
            unpack(left, where)
        command = [sys.executable, "run.py", *words, "--runs", str(self.folder), "--name", where.name]
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.child and self.child.stderr
        for line in self.child.stderr:
            self.said.append(line.rstrip("\n"))

    def look(self, directory: str | None, state: str) -> Look:
        """Return how the process is. directory: of the run, where that is wanted. state: as it was told last."""
        assert self.child
        # Before the directory is looked at: what it has written when it has ended is all.
        code = self.child.poll()
        said, self.said = self.said, []
        packed, now = None, state
        if directory and ((now := describe(self.folder / directory)) != state or code is not None):
            packed = pack(self.folder / directory)
        return Look(code, said, packed, now)

    def end(self) -> None:
        """End the process, if it has not ended."""
        if self.child:
            self.child.kill()
        files.remove(self.folder)


def die_with_parent() -> None:
    """Have this process be killed where its parent is; on Linux."""
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def describe(directory: Path) -> str:
    """Return a text that is another when a run has saved something: after an epoch, within one, or at its end."""
    found = [*states.find(directory), directory / "scores.json", directory / "README.md"]
    return " ".join(f"{path.name}:{path.stat().st_mtime_ns}" for path in found if path.exists())


@dataclass
class RayProcesses:
    """The processes of one training on a Ray cluster.

    ray: the module, connected. count: one process per device. kind: of the devices, GPU or CPU. words: those of
    `train`, after run.py.
    """

    ray: Any
    request: Request
    count: int
    kind: str
    words: Sequence[str]

    def train(self) -> None:
        """Train the run, whose directory is locked, until it is complete; BadInput where it cannot be.

        Where a process is lost, all are started anew, a few times.
        """
        for attempt in range(1, RETRIES + 2):
            reason = self._try()
            if not reason:
                return
            if attempt > RETRIES:
                break
            say(f"--ray: {reason}; all processes start anew ({attempt} of {RETRIES} times)")
            time.sleep(PAUSE)
        raise BadInput(f"--ray: {reason}, {RETRIES + 1} times; the same command goes on after what was saved last")

    def _try(self) -> str:
        """Train until the run is complete, and return nothing, or until a process is lost, and return how."""
        remote = self.ray.remote(Process).options(
            num_cpus=1, num_gpus=1 if self.kind == "GPU" else 0, scheduling_strategy="SPREAD", max_restarts=0
        )
        found = [remote.remote() for _ in range(self.count)]
        try:
            return self._look_after(found)
        except self.ray.exceptions.RayError as error:
            return f"a process or its machine was lost ({str(error).splitlines()[0]:.100})"
        finally:
            for one in found:
                with contextlib.suppress(self.ray.exceptions.RayError):
                    self.ray.get(one.end.remote(), timeout=LOOK)
                self.ray.kill(one)

    def _look_after(self, found: Sequence[Any]) -> str:
        directory = self.request.directory
        name = f"{directory.parent.name}/{directory.name}"
        try:
            addresses = ",".join(self._ask([one.find_place.remote() for one in found], PLACED))
        except self.ray.exceptions.GetTimeoutError:
            return f"there was no place for {len(found)} processes at once within {PLACED:.0f} seconds"
        left = pack(directory) if directory.exists() else b""
        for number, one in enumerate(found):
            words = [*self.words, *(["--cluster", addresses, "--process", str(number)] if len(found) > 1 else [])]
            self._ask([one.begin.remote(words, name, left if number == 0 else b"")], ANSWER)
        state, codes = "", [None] * len(found)
        said: list[list[str]] = [[] for _ in found]
        while codes[0] is None:
            time.sleep(LOOK)
            looks = self._ask(
                [one.look.remote(None if number else name, state) for number, one in enumerate(found)], ANSWER
            )
            codes, state = [one.code for one in looks], looks[0].state
            for line in looks[0].said:
                say(line)
            if looks[0].packed:
                unpack(looks[0].packed, directory)
            for number, one in enumerate(looks):
                said[number] += one.said
                if one.code == MISTAKE:
                    raise BadInput(f"process {number}: {find_error(said[number])}")
                if one.code:
                    return f"process {number} ended with the exit code {one.code}"
        return ""

    def _ask(self, questions: Sequence[Any], seconds: float) -> list[Any]:
        return list(self.ray.get(list(questions), timeout=seconds))


def find_error(said: Sequence[str]) -> str:
    """Return what a process has said of its end."""
    lines = [line for line in said if line]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines[-1:] or ["it has said nothing"])[0]


def train_on_ray(request: Request, address: str, count: int, more: Sequence[str]) -> Summary:
    """Train a run with so many processes of a Ray cluster; its directory is written here. Return its summary.

    address: of the cluster; see harness/comparison/ray_cluster.py. more: words of the command that are no options of
    the task. Raises BadInput where no cluster answers, where it is too small, and as `train_run` does.
    """
    ray = ray_cluster.connect(address)
    try:
        kind = check_room(ray, count, cpu="cpu" in more)
        task = request.task
        words = ["train", task.name, *type_in(find_changed(task, request.options), task), *more]
        words += [word for file in tasks.included() for word in ("--include", str(file.path))]
        with hold(request.directory):
            if request.fresh and request.directory.exists():
                files.remove(request.directory)
            RayProcesses(ray, request, count, kind, words).train()
            stored = runs.read_config(request.directory)
            summary = runs.read_scores(request.directory, stored)
            summary["run"] = str(request.directory)
            runs.write_record(request.directory / "scores.json", dict(summary))
            return summary
    finally:
        ray.shutdown()


def check_room(ray: Any, count: int, *, cpu: bool) -> str:
    """Return whether a Ray cluster has GPUs to train on, or CPUs; BadInput for more processes than it has of these.

    cpu: whether GPUs are left alone.
    """
    there = ray.cluster_resources()
    kind = "GPU" if there.get("GPU") and not cpu else "CPU"
    if (room := int(there.get(kind, 0))) < count:
        raise BadInput(f"--devices {count}: the Ray cluster has {room} {kind}s; give --devices {room} at most")
    return kind
