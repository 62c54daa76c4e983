"""From Enter to the score: for how many seconds each command does what, with nothing compiled before, and again.

    python benchmarks/seconds.py [--tasks ner pos novel sentiment] [--rounds 3] [--options="--limit 256 --epochs 1"]

Each command is a process, timed from its start to its end. "cold" has an empty cache folder: the native kernels and all
of JAX' programs are compiled. "warm" is the same command again, the median of some rounds. The parts are those of
benchmarks/stopwatch.py. The table is in Markdown; results/seconds.json has the parts of every process. One command at a
time, and nothing beside it.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import tasks

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "seconds.json"
# Columns of the table: the parts that each is the sum of.
COLUMNS = {
    "imports, Keras, C++": ("imports", "Keras", "run"),
    "data, fields": ("data", "fields"),
    "build": ("build", "compiling, build"),
    "compiling: training": ("compiling, training",),
    "validation": ("compiling, validation",),
    "test": ("compiling, test",),
    "training": ("training",),
    "scoring": ("validation", "test"),
    "saving, loading": ("saving", "loading", "compiling, loading"),
}


def measure(arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run a command of run.py in a folder, with the cache beside it; return its parts, and its "seconds" in all."""
    file = folder / "parts.json"
    started = time.time()
    command = [sys.executable, str(HERE / "stopwatch.py"), str(file), str(started), *arguments]
    environment = {**os.environ, "UNROLLED_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.time() - started
    if done.returncode:
        sys.exit(done.stderr)
    return {"seconds": round(seconds, 2), **json.loads(file.read_text())}


def add_up(found: dict[str, Any], parts: tuple[str, ...]) -> float:
    return sum(found["parts"].get(part, 0.0) for part in parts)


def tabulate(results: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """Return the table of all commands: of several rounds, the medians."""
    heads = ["", "", "all", *COLUMNS, "first line", "first step"]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for name, each in results.items():
        for state, rounds in each.items():
            median = statistics.median
            row = [median(one["seconds"] for one in rounds)]
            row += [median(add_up(one, parts) for one in rounds) for parts in COLUMNS.values()]
            row += [median(one.get(mark, 0.0) for one in rounds) for mark in ("first line", "first step")]
            lines.append("| " + " | ".join([name, state, *(f"{value:.1f}" for value in row)]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(tasks.find()), choices=tasks.find(), metavar="TASK")
    parser.add_argument("--rounds", type=int, default=3, help="of the warm command")
    parser.add_argument("--options", default="--limit 256 --epochs 1", help="of each command; empty: its default run")
    given = parser.parse_args()
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in given.tasks:
        arguments = ["train", name, "--fresh", *shlex.split(given.options)]
        with tempfile.TemporaryDirectory() as folder:
            cold = measure(arguments, Path(folder))
            results[name] = {"cold": [cold], "warm": [measure(arguments, Path(folder)) for _ in range(given.rounds)]}
        print(tabulate(results), end="\n\n", flush=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {given.options or "default": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
