"""Tokens per second of one training on one core, and on two by two processes; and, on paper, on up to 64 devices.

    python benchmarks/devices.py [--cores 0 1] [--rounds 3] [--options="--cell lstm --units 256 --batch-size 128"]

Measured: `run.py train ner` as one process on the first core, and as two processes of a cluster, each on a core of its
own; beside them one process on both cores, with one device, and with two; in turn. The tokens per second are those of
metrics.jsonl, compiling and validation apart, of all epochs but the first. Then the seconds of a training step on one
core for fewer and fewer rows, and the bytes that each device gives and takes in a step: the gradients of all trained
weights, in float32.

On paper: D devices compute a batch of B rows in the time of B / D rows, and exchange the gradients around a ring
(Patarasuk and Yuan 2009): 2 (D - 1) / D of their bytes go through each device's line, in 2 (D - 1) messages. The table
says how many tokens per second that makes, and up to how many devices twice as many are at least 1.25 times as fast.
results/devices.json has all of it. Nothing else may run on the cores.
"""

import argparse
import json
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results" / "devices.json"
DEVICES = (1, 2, 4, 8, 16, 32, 64)
# Bytes per second, and seconds per message.
NETWORKS = {
    "1 Gbit/s, 100 us": (1.25e8, 1e-4),
    "10 Gbit/s, 50 us": (1.25e9, 5e-5),
    "100 Gbit/s, 10 us": (1.25e10, 1e-5),
}
# Twice as many devices pay where they are at least as many times as fast.
PAYS = 1.25


def train(cores: list[str], options: list[str], folder: Path) -> list[int]:
    """Train with a process on each set of cores; return the tokens per second of each epoch but the first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    addresses = ",".join(f"127.0.0.1:{port + number}" for number in range(len(cores)))
    started = []
    for number, core in enumerate(cores):
        command = ["taskset", "-c", core, sys.executable, str(ROOT / "run.py"), "train", "ner", "--device", "cpu"]
        command += [*options, "--runs", str(folder / str(number)), "--name", "run", "--fresh"]
        if len(cores) > 1:
            command += ["--cluster", addresses, "--process", str(number)]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for one in started:
        said = one.communicate()[1]
        if one.returncode:
            sys.exit(said)
    lines = (folder / "0" / "ner" / "run" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["tokens_per_second"] for line in lines[1:]]


def measure_steps(options: list[str], steps: int) -> dict[str, Any]:
    """Return the seconds of a training step by its rows, the bytes of its gradients, and the tokens of a batch.

    In this process, on the core that it may use. A batch is one of the most frequent length.
    """
    import tasks
    from harness.commands.subject import make_parser
    from harness.commands.train import COMMAND
    from harness.process import backend
    from harness.training.begin import prepare
    from harness.training.fine_tuning import choose_options
    from harness.training.request import settle

    task = tasks.get("ner")
    parser = make_parser(COMMAND, task)
    chosen = choose_options(task, parser.chosen(parser.read(["ner", *options])))
    training = prepare(settle(task, chosen, Path("none")), None)
    backend.start("jax", "cpu", alone=True)
    from harness.training.train import build

    model = build(training, "").trained.model
    batches = training.batches["train"]
    plan = batches.plan(0)
    lengths = [length for length, _, _ in plan]
    entry = next(one for one in plan if one[0] == max(set(lengths), key=lengths.count))
    inputs, outputs, weights = batches.draw(*entry)
    seconds = {}
    rows = len(outputs)
    while rows:
        some = ({name: array[:rows] for name, array in inputs.items()}, outputs[:rows], weights[:rows])
        seconds[rows] = time_steps(model, some, steps)
        print(f"{rows} rows: {seconds[rows] * 1e3:.2f} ms a step", flush=True)
        rows //= 2
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    tokens = batches.count_tokens() / len(plan)
    return {"seconds": seconds, "bytes": 4 * trained, "tokens": tokens, "rows": len(outputs), "length": entry[0]}


def time_steps(model: Any, batch: tuple, steps: int) -> float:
    """Return the median of the seconds that a training step of a batch takes."""
    import keras

    class Repeated(keras.utils.PyDataset):
        def __len__(self) -> int:
            return steps

        def __getitem__(self, position: int) -> tuple:
            return batch

    model.fit(Repeated(), shuffle=False, verbose=0)
    found = []
    for _ in range(3):
        started = time.perf_counter()
        model.fit(Repeated(), shuffle=False, verbose=0)
        found.append((time.perf_counter() - started) / steps)
    return statistics.median(found)


def simulate(measured: dict[str, Any], bandwidth: float, latency: float) -> dict[int, float]:
    """Return the tokens per second on each number of devices; bandwidth: bytes per second; latency: seconds."""
    rows = sorted(measured["seconds"])
    found = {}
    for devices in DEVICES:
        share = -(-measured["rows"] // devices)
        computing = float(np.interp(share, rows, [measured["seconds"][one] for one in rows]))
        exchanging = 2 * (devices - 1) * (measured["bytes"] / devices / bandwidth + latency)
        found[devices] = measured["tokens"] / (computing + exchanging)
    return found


def find_last(speeds: dict[int, float]) -> int:
    """Return up to how many devices each doubling paid."""
    last = 1
    while 2 * last in speeds and speeds[2 * last] >= PAYS * speeds[last]:
        last *= 2
    return last


def tabulate(found: dict[str, Any]) -> str:
    """Return the tables, in Markdown."""
    medians = {name: statistics.median(values) for name, values in found["measured"].items()}
    least = next(iter(medians.values()))
    lines = [f"{name}: {value:,.0f} tokens per second, {value / least:.2f}" for name, value in medians.items()]
    lines += [
        f"{found['steps']['bytes']:,} bytes of gradients a step",
        "",
        f"| devices | {' | '.join(map(str, DEVICES))} | pays up to |",
        "| --- " * (len(DEVICES) + 2) + "|",
    ]
    for name, speeds in found["on paper"].items():
        lines.append(f"| {name} | {' | '.join(f'{speed:,.0f}' for speed in speeds.values())} | {find_last(speeds)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, nargs=2, default=[0, 1], metavar="CORE", help="for the two processes")
    parser.add_argument("--rounds", type=int, default=3, help="of all ways, in turn")
    parser.add_argument("--steps", type=int, default=20, help="timed at once, for each number of rows")
    parser.add_argument("--options", default="--cell lstm --units 256 --batch-size 128 --epochs 4", help="of the run")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    given = parser.parse_args()
    options = shlex.split(given.options)
    first, second = map(str, given.cores)
    both = f"{first},{second}"
    ways: dict[str, tuple[list[str], list[str]]] = {
        "one process, one core": ([first], []),
        "two processes, one core each": ([first, second], []),
        "one process, two cores": ([both], []),
        "one process, two cores, two devices": ([both], ["--devices", "2"]),
    }
    measured: dict[str, list[int]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            for name, (cores, more) in ways.items():
                measured[name] += train(cores, [*options, *more], Path(folder))
                print(f"{name}: {measured[name]} tokens per second", flush=True)
    os.sched_setaffinity(0, given.cores[:1])
    steps = measure_steps(options, given.steps)
    paper = {name: simulate(steps, *network) for name, network in NETWORKS.items()}
    found = {"options": given.options, "measured": measured, "steps": steps, "on paper": paper}
    given.results.write_text(json.dumps(found, indent=1) + "\n")
    print(tabulate(found))


if __name__ == "__main__":
    main()
