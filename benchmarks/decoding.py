"""How fast answers are, side by side: this suite, Keras with a call of `predict` for every symbol, a loop in PyTorch.

    pip install -r benchmarks/requirements.txt
    python benchmarks/decoding.py [--cases greedy "1 row" "16 rows" simple gru lstm] [--rounds 7] [--output FILE]

greedy: 64 sequences of 20 symbols by a gru of 256 units, 8,000 words. 1 row, 16 rows: sequences of 200 characters, of
65. simple, gru, lstm: loss and accuracy of a tagger of padded sentences, this suite's `evaluate` against Keras'.
All have the same weights, and their results are compared. As in speed.py, each has a process of its own, they take
turns, what counts is the median, and of the ways to run a peer the fastest is taken.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path

from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import corpus
from benchmarks.corpus import Json
from benchmarks.speed import CORES, HERE, THREADS, Console, Contender, Process, choose, console, take_turns

SCRIPT = HERE / "decoders.py"
STEPS = [{"step": step, "threads": threads} for step, threads in product(["cell", "layer"], THREADS)]
SUITE = "suite"
WRITERS = [
    Contender(SUITE, "write_suite", {"times": 10}, script=SCRIPT),
    Contender("Keras, TensorFlow", "write_stock", {"backend": "tensorflow", "times": 1}, script=SCRIPT),
    Contender("Keras, JAX", "write_stock", {"backend": "jax", "times": 1}, script=SCRIPT),
    Contender("PyTorch", "write_pytorch", more={"times": 10}, ways=STEPS, script=SCRIPT),
]
SCORERS = [
    Contender(SUITE, "score_suite", {}, script=SCRIPT),
    Contender("Keras, TensorFlow", "score_stock", {"backend": "tensorflow"}, script=SCRIPT),
    Contender("Keras, JAX", "score_stock", {"backend": "jax"}, script=SCRIPT),
]
CASES: dict[str, dict[str, Json]] = {
    "greedy": {"rows": 64, "words": 8000, "units": 256, "symbols": 20},
    "1 row": {"rows": 1, "words": 65, "units": 256, "symbols": 200},
    "16 rows": {"rows": 16, "words": 65, "units": 256, "symbols": 200},
    **{cell: {"kind": "tagger", "cell": cell, "words": corpus.WORDS} for cell in ("simple", "gru", "lstm")},
}


def run(name: str, rounds: int) -> dict[str, Json]:
    """Return what was measured of a case: tokens a second, memory and settings of each, and whether results differ."""
    case = CASES[name]
    scored = "kind" in case
    tokens = sum(map(len, corpus.draw(case["kind"])[0])) if scored else case["rows"] * case["symbols"]
    processes = {
        one.name: Process(one.program, case | one.more | choose(one, case), SCRIPT)
        for one in (SCORERS if scored else WRITERS)
    }
    take_turns(processes, rounds, name)
    results = {name: process.result for name, process in processes.items()}
    return {
        "case": name,
        "results": results,
        "contenders": {name: process.describe(tokens) for name, process in processes.items()},
    }


def show(found: list[dict[str, Json]]) -> None:
    """Print tokens a second, how many times as fast this suite is, and whether the results agree."""
    table = Table("tokens a second", *(one["case"] for one in found))
    names = [one.name for one in WRITERS]
    speeds = {name: [one["contenders"].get(name, {}).get("tokens_per_second") for one in found] for name in names}
    for name in names:
        table.add_row(name, *(f"{speed:,.0f}" if speed else "" for speed in speeds[name]))
    table.add_section()
    for name in names[1:]:
        pairs = zip(speeds[SUITE], speeds[name], strict=True)
        table.add_row(f"over {name}", *(f"{ours / theirs:.2f}" if theirs else "" for ours, theirs in pairs))
    table.add_row("results", *("the same" if len(set(one["results"].values())) == 1 else "differ" for one in found))
    Console(width=200).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each, of which the median counts")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "decoding.json")
    given = parser.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    found = []
    for name in given.cases:
        found.append(run(name, given.rounds))
        given.output.write_text(json.dumps({"cores": CORES, "found": found}, indent=1) + "\n")
    console.print(*(f"{one['case']}: {one['results']}\n" for one in found))
    show(found)


if __name__ == "__main__":
    main()
