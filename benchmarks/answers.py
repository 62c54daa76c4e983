"""How long one answer takes in Python: `harness.load(run).predict` of one input, warm, for each task.

    python benchmarks/answers.py [--tasks pos sentiment ...] [--calls 300] [--profile] [--options "..."]

A run of each task is trained shortly, with --options: how fast it answers does not depend on how good it is. Inputs
are those of its validation split, 20 different ones at most, each asked once before the clock starts, so that no call
compiles anything. Then they are asked in turn, one a call; the table has the median and the 99th of 100 in
milliseconds. --profile prints the functions in which Python spends the time. PyTorch beside: benchmarks/export.py.

Tasks that benchmarks/results/answers.json has already are left out, unless they are named.
"""

import argparse
import cProfile
import json
import os
import pstats
import shlex
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
# As run.py does, before NumPy.
import harness.process.allocator  # noqa: F401

import numpy as np  # isort: skip

from benchmarks.corpus import Json

RESULTS = Path(__file__).parent / "results" / "answers.json"
INPUTS = 20
FUNCTIONS = 25


def measure(task: str, options: list[str], calls: int, *, profile: bool) -> dict[str, Json]:
    """Return the median and the 99th of 100 of the milliseconds of one answer, and how long the inputs were."""
    import harness
    import run
    from harness.selection import select

    with tempfile.TemporaryDirectory() as folder:
        if run.main(["train", task, "--runs", folder, "--name", "answers", *options]):
            raise SystemExit(f"{task}: no run to ask")
        trained = harness.load(Path(folder) / task / "answers")
        examples = select(trained.experiment, None, "validation").examples
        inputs = [example.input for example in examples[:INPUTS]]
        for one in inputs:
            trained.predict([one])
        milliseconds = []
        for one in islice(cycle(inputs), calls):
            started = time.perf_counter()
            trained.predict([one])
            milliseconds.append((time.perf_counter() - started) * 1000)
        if profile:
            watched = cProfile.Profile()
            watched.enable()
            for one in islice(cycle(inputs), calls):
                trained.predict([one])
            watched.disable()
            pstats.Stats(watched).sort_stats("tottime").print_stats(FUNCTIONS)
    return {
        "task": task,
        "calls": calls,
        "options": options,
        "cores": len(os.sched_getaffinity(0)),
        "median": float(np.median(milliseconds)),
        "p99": float(np.quantile(milliseconds, 0.99)),
        "least": min(milliseconds),
    }


def main() -> None:
    from harness.process import backend

    backend.start("jax", "cpu")
    import harness
    from harness.process.console import print_table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=harness.list_tasks())
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--profile", action="store_true", help="print where Python spends the time")
    parser.add_argument("--options", default="--epochs 1 --limit 128", help="of the trainings")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    found = json.loads(given.output.read_text()) if given.output.exists() else []
    known = [one["task"] for one in found]
    for task in given.tasks or [name for name in harness.list_tasks() if name not in known]:
        one = measure(task, shlex.split(given.options), given.calls, profile=given.profile)
        found = [other for other in found if other["task"] != task] + [one]
        given.output.write_text(json.dumps(found, indent=1) + "\n")
    print_table(
        [
            {
                name: f"{one[name]:.3f}" if isinstance(one[name], float) else str(one[name])
                for name in ("task", "median", "p99", "least")
            }
            for one in found
        ]
    )


if __name__ == "__main__":
    main()
