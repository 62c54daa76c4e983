"""How fast training is, side by side: this suite, Keras as its guide writes it, and PyTorch.

    pip install -r benchmarks/requirements.txt
    python benchmarks/speed.py [--kinds tagger classifier] [--cells simple gru lstm] [--rounds 7] [--words 20000]

All train the same model (embedding, one recurrent layer, a dense layer; batches of 64, float32, Adam) on the same
sentences. Each has a process of its own, compiled before the clock starts. They take turns at an epoch each (A B C A
B C ...); what counts is the median. A peer is run in the fastest of the ways there are (packed or padded, one thread or
all).
The table and benchmarks/results/speed.json hold real tokens a second, padding not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import corpus
from benchmarks.contender import SIZE
from benchmarks.corpus import Json

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "speed.json"
CORES = len(os.sched_getaffinity(0))
GATES = {"simple": 1, "gru": 3, "lstm": 4}
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Contender:
    """One column of the table. ways: the settings to choose the fastest of; more: those all ways share."""

    name: str
    program: str
    more: dict[str, Json]
    ways: list[dict[str, Json]] = field(default_factory=lambda: [{}])
    script: Path = HERE / "contender.py"


THREADS = sorted({1, CORES})
PACKED = [{"packed": packed, "threads": threads} for packed, threads in product([True, False], THREADS)]
CONTENDERS = [
    Contender("suite", "suite", {"backend": "jax", "lazy": False, "kernels": "auto"}),
    Contender("suite, lazy", "suite", {"backend": "jax", "lazy": True, "kernels": "auto"}),
    Contender("suite, no kernels", "suite", {"backend": "jax", "lazy": False, "kernels": "off"}),
    Contender("suite, no kernels, lazy", "suite", {"backend": "jax", "lazy": True, "kernels": "off"}),
    Contender("suite, TensorFlow", "suite", {"backend": "tensorflow", "lazy": False, "kernels": "auto"}),
    Contender("suite, torch", "suite", {"backend": "torch", "lazy": False, "kernels": "auto"}),
    Contender(
        "Keras, TensorFlow", "stock", more={"backend": "tensorflow"}, ways=[{"threads": count} for count in THREADS]
    ),
    Contender("Keras, JAX", "stock", {"backend": "jax", "threads": CORES}),
    Contender("PyTorch, Adam", "pytorch", more={"lazy": False}, ways=PACKED),
    Contender("PyTorch, SparseAdam", "pytorch", more={"lazy": True}, ways=PACKED),
]
# What is divided by what.
RATIOS = [
    ("over Keras, TensorFlow", "suite", "Keras, TensorFlow"),
    ("over Keras, TensorFlow; lazy", "suite, lazy", "Keras, TensorFlow"),
    ("over Keras, JAX", "suite", "Keras, JAX"),
    ("over Keras, TensorFlow; on TensorFlow's backend", "suite, TensorFlow", "Keras, TensorFlow"),
    ("over PyTorch, without kernels", "suite, no kernels", "PyTorch, Adam"),
    ("over PyTorch", "suite", "PyTorch, Adam"),
    ("over PyTorch, without kernels; lazy", "suite, no kernels, lazy", "PyTorch, SparseAdam"),
    ("over PyTorch; lazy", "suite, lazy", "PyTorch, SparseAdam"),
    ("over PyTorch; on torch's backend", "suite, torch", "PyTorch, Adam"),
]


class Process:
    """A contender, at work in a process of its own."""

    def __init__(self, program: str, settings: dict[str, Json], script: Path = HERE / "contender.py"):
        self.settings = settings
        self.process = subprocess.Popen(
            [sys.executable, script, program, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.seconds: list[float] = []
        # Epochs before the first compile, fill caches, and start the threads.
        self.megabytes = self._read()["megabytes"]
        self.turn()
        self.seconds.clear()

    def _read(self) -> dict:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[1:]}: the process ended; run it by itself to see why")
        return json.loads(line)

    def turn(self) -> float:
        """Train for an epoch, and return its seconds."""
        assert self.process.stdin
        print(file=self.process.stdin, flush=True)
        answer = self._read()
        self.seconds.append(answer["seconds"])
        self.megabytes, self.result = answer["megabytes"], answer["result"]
        return answer["seconds"]

    def end(self) -> None:
        self.process.communicate()

    def describe(self, tokens: int) -> dict[str, Json]:
        """Return what the results keep of it. tokens: of a turn."""
        return {
            "tokens_per_second": tokens / statistics.median(self.seconds),
            "seconds": self.seconds,
            "megabytes": self.megabytes,
            "settings": self.settings,
        }


def choose(one: Contender, case: dict[str, Json]) -> dict[str, Json]:
    """Return the contender's fastest way in a case, of two turns each."""
    if len(one.ways) == 1:
        return one.ways[0]
    seconds = []
    for way in one.ways:
        process = Process(one.program, case | one.more | way, one.script)
        seconds.append(min(process.turn(), process.turn()))
        process.end()
        console.print(f"{one.name}, {case | way}: {seconds[-1]:.2f} s a turn")
    return one.ways[int(np.argmin(seconds))]


@cache
def choose_with_gru(name: str, kind: str, words: int) -> dict[str, Json]:
    """Return the contender's fastest way to train a kind of model, of whatever cell."""
    one = next(one for one in CONTENDERS if one.name == name)
    return choose(one, {"kind": kind, "cell": "gru", "words": words})


def take_turns(processes: dict[str, Process], rounds: int, name: str) -> None:
    """Let each have its turn, round by round, and end them."""
    for number in range(rounds):
        for process in processes.values():
            process.turn()
        console.print(f"{name}: round {number + 1} of {rounds}")
    for process in processes.values():
        process.end()


def measure_rate(size: int = 1024, rounds: int = 15) -> float:
    """Return how many float32 operations a second this machine's matrix product does, at best."""
    one, other = np.ones((size, size), "float32"), np.ones((size, size), "float32")
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best


def count_operations(kind: str, cell: str) -> int:
    """Return the operations of a training step's matrix products, for each token: forward once, backward twice."""
    answers = corpus.TAGS if kind == "tagger" else 0
    return 3 * 2 * (2 * SIZE * GATES[cell] * SIZE + SIZE * answers)


def run(kind: str, cell: str, words: int, rounds: int, names: list[str]) -> dict[str, Json]:
    """Return what was measured of one model: tokens a second, memory and settings of each contender, and the floor."""
    tokens = sum(map(len, corpus.draw(kind, words)[0]))
    case = {"kind": kind, "cell": cell, "words": words}
    processes = {
        one.name: Process(one.program, case | one.more | choose_with_gru(one.name, kind, words))
        for one in CONTENDERS
        if one.name in names
    }
    take_turns(processes, rounds, f"{kind} {cell}")
    return case | {
        "tokens": tokens,
        "floor": measure_rate() / count_operations(kind, cell),
        "contenders": {name: process.describe(tokens) for name, process in processes.items()},
    }


def show(found: list[dict[str, Json]]) -> None:
    """Print tokens a second, ratios and memory, a column for each model."""
    table = Table("tokens a second", *(f"{one['kind']} {one['cell']}" for one in found))

    def add(title: str, values: list[Json], form: str) -> None:
        table.add_row(title, *("" if value is None else format(value, form) for value in values))

    def speeds(name: str) -> list[Json]:
        return [one["contenders"].get(name, {}).get("tokens_per_second") for one in found]

    for contender in CONTENDERS:
        add(contender.name, speeds(contender.name), ",.0f")
    add("floor: the matrix products alone", [one["floor"] for one in found], ",.0f")
    table.add_section()
    for title, ours, theirs in RATIOS:
        pairs = zip(speeds(ours), speeds(theirs), strict=True)
        add(title, [one / other if one and other else None for one, other in pairs], ".2f")
    table.add_section()
    for contender in CONTENDERS:
        memory = [one["contenders"].get(contender.name, {}).get("megabytes") for one in found]
        add(f"{contender.name}: MB", memory, ",.0f")
    Console(width=200).print(table)


def draw(found: list[dict[str, Json]], path: Path) -> None:
    """Write a picture: tokens a second of each contender, models side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [one.name for one in CONTENDERS if all(one.name in each["contenders"] for each in found)]
    # Okabe and Ito's colours, which the colour-blind can tell apart; the peers are hatched, for print.
    colours = [
        "#0072B2",
        "#56B4E9",
        "#009E73",
        "#B3DDCC",
        "#D55E00",
        "#E69F00",
        "#CC79A7",
        "#999999",
        "#F0E442",
        "#000000",
    ]
    figure, axes = pyplot.subplots(figsize=(10, 4), layout="constrained")
    width = 0.85 / len(names)
    for number, name in enumerate(names):
        speeds = [one["contenders"][name]["tokens_per_second"] for one in found]
        places = [place + (number - (len(names) - 1) / 2) * width for place in range(len(found))]
        hatch = None if name.startswith("suite") else "//"
        axes.bar(places, speeds, width, label=name, color=colours[number], hatch=hatch, edgecolor="white")
    axes.set_xticks(range(len(found)), [f"{one['kind']}\n{one['cell']}" for one in found])
    axes.set_ylabel("real tokens a second in training")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(corpus.SHAPES), choices=corpus.SHAPES)
    parser.add_argument("--cells", nargs="+", default=list(GATES), choices=GATES)
    parser.add_argument("--words", type=int, default=corpus.WORDS, help="size of the vocabulary")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each, of which the median counts")
    names = [one.name for one in CONTENDERS]
    parser.add_argument("--only", nargs="+", default=names, choices=names, help="which contenders")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--chart", type=Path, help="a picture of the table, such as docs/speed.png")
    given = parser.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    found = []
    for kind, cell in product(given.kinds, given.cells):
        found.append(run(kind, cell, given.words, given.rounds, given.only))
        given.output.write_text(json.dumps({"cores": CORES, "found": found}, indent=1) + "\n")
    show(found)
    if given.chart:
        draw(found, given.chart)


if __name__ == "__main__":
    main()
