"""How many damaged files of a run are told: 10,000 changes by chance, and what the commands answer then.

    python benchmarks/damage.py [--changes 10000] [--part 1/4] [--files config.json ...] [--seed 0] [--output FILE]

A small run is trained. Then its files are changed one at a time: bytes, lines, values and keys of JSON, shapes of
arrays, their ends cut off; and one of the commands that read the file is asked. It refuses with one message, or
answers as for the whole run; whatever else it does is shown, and the exit code is 1. --part: of several that can run
one after the other, with other changes each.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.process import backend
from harness.process.console import print_table

# First of all: what comes next imports Keras.
backend.start()

from tests.damage import QUESTIONS, Found, Run, damage  # noqa: E402


def main() -> int:
    """Damage files as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=10_000, help="of all files and parts together [10000]")
    parser.add_argument("--part", default="1/1", help="which of how many [1/1]")
    parser.add_argument("--files", nargs="+", choices=QUESTIONS, default=list(QUESTIONS), help="only these [all]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="a JSON file for the counts")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    found: dict[str, Found] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        for place, name in enumerate(QUESTIONS):
            if name not in given.files:
                continue
            # As many of each file; what is left over goes to the first.
            share = given.changes // len(QUESTIONS) + (place < given.changes % len(QUESTIONS))
            count = share // parts + (part <= share % parts)
            found[name] = damage(run, name, count, np.random.default_rng([given.seed, part, place]), questions=1)
            print(f"{name}: {count:,} changes, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
            for wrong in found[name].wrong:
                print(wrong, file=sys.stderr, flush=True)
            if given.output:
                given.output.write_text(json.dumps({name: asdict(one) for name, one in found.items()}, indent=1))
    print_table(
        [
            {
                "file": name,
                "refused": f"{one.refused:,}",
                "the same answer": f"{one.unchanged:,}",
                "wrong": f"{len(one.wrong):,}",
            }
            for name, one in found.items()
        ]
    )
    return int(any(one.wrong for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
