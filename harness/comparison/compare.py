"""Compare: train all runs of a sweep in worker processes, each one run after the other, and collect what came out.

A worker is a process of its own, so that a run which ends it (for want of memory, say) takes no other run with it; it
trains many runs, so that what is compiled for one seed is there for the next.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tasks
from harness.comparison import plan, sweep_worker
from harness.comparison.averaged_seeds import average_seeds, group_seeds, read_averaged
from harness.comparison.results import Result
from harness.comparison.sweep import Entry, Sweep, validates
from harness.process import interrupt
from harness.process.backend import describe_out_of_memory
from harness.process.console import format_time, make_progress, say
from pipeline.errors import BadInput
from pipeline.worker import Ended, Worker

Found = TypeVar("Found")


class Pool(Protocol):
    """Where runs are trained: `Local`, or the one of harness/comparison/ray_cluster.py."""

    def train(self, entry: Entry, *, fresh: bool, remember: bool) -> Future:
        """Return the future of sweep_worker.run for an entry."""

    def collect(self, entry: Entry, found: Any) -> Result:
        """Return the result that a future has found, once the run's directory is where it belongs."""

    def end(self) -> None:
        """Begin no further run, and end those that are being trained: they go on at the next start."""


class Local:
    """Worker processes on this machine, and a thread for each that hands it one run after the other."""

    def __init__(self, workers: int, start: Callable[[], str], include: Sequence[Path]):
        if workers < 1:
            raise BadInput(f"--workers {workers}: expected a number of at least 1")
        self.start, self.include = start, include
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        # Each worker has cores of its own: two that take turns on the same ones are slower than one.
        self.shares = [cores[number::workers] or cores for number in range(workers)]
        self.threads = ThreadPoolExecutor(workers)
        self.mine = threading.local()
        self.workers: list[Worker] = []
        interrupt.before_end.append(self.stop)

    def call(self, function: Callable[..., Found], *arguments: object) -> "Future[Found]":
        """Return the future of function(*arguments), called in a worker process."""
        return self.threads.submit(lambda: self._worker().call(function, *arguments))

    def train(self, entry: Entry, *, fresh: bool, remember: bool) -> Future:
        return self.call_on_device(partial(sweep_worker.run, fresh=fresh, remember=remember), entry)

    def call_on_device(self, function: Callable[..., Found], *arguments: object) -> "Future[Found]":
        """Return the future of function(*arguments, device=...), called in a worker process on what Keras runs on."""
        return self.threads.submit(self._call_on_device, function, *arguments)

    def _call_on_device(self, function: Callable[..., Found], *arguments: object) -> Found:
        worker = self._worker()
        try:
            return worker.call(partial(function, *arguments, device=self.mine.device))
        except Ended:
            self.mine.worker = None
            raise

    def _worker(self) -> Worker:
        """Return the worker process of this thread, started if there is none."""
        if not hasattr(self.mine, "cores"):
            self.mine.cores, self.mine.worker = self.shares.pop(), None
        if self.mine.worker is None:
            worker = Worker()
            self.workers.append(worker)
            self.mine.device = worker.call(sweep_worker.begin, self.mine.cores, self.start, self.include)
            self.mine.worker = worker
        return self.mine.worker

    def collect(self, entry: Entry, found: Any) -> Result:
        return found

    def end(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        for worker in self.workers:
            worker.end()
        if self.stop in interrupt.before_end:
            interrupt.before_end.remove(self.stop)

    def stop(self) -> None:
        """End the workers, once they have saved what they train."""
        for worker in self.workers:
            worker.end()
        for worker in self.workers:
            worker.end(interrupt.PATIENCE)


def open_pool(
    start: Callable[[], str], workers: int, include: Sequence[Path], address: str | None, local: Local | None = None
) -> Pool:
    """Return where runs are trained. address: of a Ray cluster; None: here. local: the pool of this machine, if any."""
    if address is None:
        return local or Local(workers, start, include)
    from harness.comparison.ray_cluster import Cluster

    return Cluster(address, workers, start=start, include=include)


def compare(sweep: Sweep, start: Callable[[], str], *, workers: int = 1, address: str | None = None) -> list[Result]:
    """Train every run of a sweep that is not complete; return a result for each: see sweep_worker.run and describe.

    start: starts Keras in a worker. workers: runs at a time, on this machine or, given the address of a Ray cluster, on
    each of its machines. A run that fails is a result with its message, and the others go on.
    Raises BadInput as plan.settle, plan.plan, `Local` and `Cluster` do, before anything is trained; OSError where the
    disk is full.
    """
    include = [file.path for file in tasks.included()]
    local = Local(workers, start, include)
    sweep = plan.settle(sweep)
    try:
        pool = open_pool(start, workers, include, address, local)
        entries = plan.plan(sweep) if sweep.match == "units" else local.call(plan.plan, sweep).result()
        each = "1 seed" if sweep.seeds == 1 else f"{sweep.seeds} seeds"
        folds = {options.folds for options in sweep.each.values() if validates(options)}
        each += f" and {folds.pop()} folds" if folds else ""
        say(f"{len(entries)} runs: {', '.join(sweep.each)} by {', '.join(sweep.cells)}, {each} each")
        return train_all(entries, pool, fresh=sweep.fresh, average=partial(average_all, local=local))
    finally:
        local.end()


def average_all(results: Sequence[Result], local: Local) -> None:
    """Note with the first seed of each cell what its seeds score together, where their answers can be averaged."""
    for members in group_seeds(results):
        directories = [Path(one["run"]) for one in members]
        # A by-product: what cannot be read, or not be held in memory, is no failed comparison.
        try:
            scores = read_averaged(directories) or local.call(average_seeds, directories).result()
        except (BadInput, Ended, OSError) as error:
            say(f"{members[0]['task']} {members[0]['cell']}: the seeds cannot be averaged: {error}")
            continue
        if scores:
            members[0]["ensemble"] = scores


def train_all(
    entries: Sequence[Entry],
    pool: Pool,
    *,
    fresh: bool,
    average: Callable[[Sequence[Result]], None] = lambda results: None,
) -> list[Result]:
    """Train every run that is not complete; return a result for each, in the order given.

    average: called with the results while the workers are still there.

    A run that fails is a result with its message, and the others go on. Raises OSError where the disk is full: nothing
    that came after could be kept.
    """
    # One seed of each cell, and one fold, shows its memory.
    first = {entry.task: (entry.options.seed, entry.options.fold) for entry in reversed(entries)}
    # Those that are complete come first: the time left is that of runs which are still to be trained.
    order = sorted(entries, key=lambda entry: fresh or not (entry.directory / "scores.json").exists())
    futures = {
        pool.train(entry, fresh=fresh, remember=(entry.options.seed, entry.options.fold) == first[entry.task]): entry
        for entry in order
    }
    results: dict[Entry, Result] = {}
    clock = Clock(entries)
    try:
        with clock.progress:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    entry = futures[future]
                    results[entry] = _result(entry, future, pool)
                    clock.note(entry, results[entry])
                clock.show()
        found = [results[entry] for entry in entries]
        average(found)
    finally:
        pool.end()
    return found


def _result(entry: Entry, future: Future, pool: Pool) -> Result:
    try:
        return pool.collect(entry, future.result())
    except Exception as raised:
        return sweep_worker.describe(entry, status="failed", message=describe_failure(raised))


def describe_failure(raised: Exception) -> str:
    """Return why a run failed, in words; raise OSError where the disk is full."""
    # Ray wraps what was raised elsewhere.
    error = getattr(raised, "cause", None) or raised
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        raise error from raised
    known = str(error) if isinstance(error, BadInput | Ended) else describe_out_of_memory(error)
    return known or f"{type(error).__name__}: {error}"


class Clock:
    """One bar for the whole sweep, with the time left; one line per run where there is no terminal."""

    def __init__(self, entries: Sequence[Entry]):
        self.left = list(entries)
        self.count = len(entries)
        self.spent: dict[Entry, float] = {}
        self.started = time.perf_counter()
        self.progress = make_progress()
        self.line = self.progress.add_task("comparing", total=self.count, detail="")

    def note(self, entry: Entry, result: Result) -> None:
        """Take in a run that has ended."""
        self.left.remove(entry)
        if result["status"] == "failed":
            say(f"{entry}: failed: {result['message']}")
            return
        self.spent[entry] = result["spent"]
        scores = result["scores"] or {}
        score = f"{result['monitor']} {scores[result['monitor']]:.4f}"
        again = "done before" if result["reused"] else f"{result['spent']:.0f} s"
        say(f"{entry}: {score}, {again}; {self.count - len(self.left)} of {self.count} done{self.remaining()}")

    def remaining(self) -> str:
        """Return the time left, from the runs of the same task and cell so far, or of any where there are none yet."""
        spent = {entry: seconds for entry, seconds in self.spent.items() if seconds > 1}
        if not spent or not self.left:
            return ""

        def expected(entry: Entry) -> float:
            alike = [s for one, s in spent.items() if (one.task, one.options.cell) == (entry.task, entry.options.cell)]
            known = alike or list(spent.values())
            return sum(known) / len(known)

        # As many at a time as there have been so far.
        pace = sum(self.spent.values()) / (time.perf_counter() - self.started)
        return f", about {format_time(sum(map(expected, self.left)) / pace)} left"

    def show(self) -> None:
        done = self.count - len(self.left)
        self.progress.update(self.line, completed=done, detail=f"{done} of {self.count} runs{self.remaining()}")
