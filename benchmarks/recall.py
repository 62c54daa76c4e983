"""Recall by state size: how many numbers must a state have to hold sixteen pairs over 256 steps?

    python benchmarks/recall.py [--runs FOLDER] [--seeds N] [--cells gru,delta]

Arora et al. 2024, "Zoology", figure 2, with 64 keys and 64 values. Prints a table and writes docs/recall.png. Stopped,
it goes on where it was; runs that are complete are not trained again.
"""

import argparse
import sys
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import harness  # noqa: E402
from harness import figure  # noqa: E402
from models.cells import CELLS  # noqa: E402

# Beside the task's own: as many steps for all.
OPTIONS = {"learning_rate": 1e-2, "epochs": 14, "patience": 14}
UNITS = {"gru": (32, 64, 128, 256), "delta": (32, 64)}


def count_state(cell: str, units: int) -> int:
    """Return how many numbers a cell hands from step to step."""
    import keras

    layer = CELLS[cell](units, **({"heads": 1} if cell == "delta" else {}))
    return sum(keras.tree.flatten(layer.cell.state_size))


def draw(points: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draw the share recalled against the numbers of the state. points: by cell, (numbers, share)."""
    drawn, axes = figure.start("numbers in the state", "values recalled, of 16 pairs over 256 steps")
    axes.set_xscale("log", base=2)
    axes.set_ylim(-0.02, 1.04)
    for colour, (cell, found) in zip(figure.COLOURS, points.items(), strict=False):
        axes.plot(*zip(*found, strict=True), "o-", color=colour, label=cell)
    axes.axhline(1 / 16, color="#555555", linestyle="--", linewidth=1, label="any of the values read")
    axes.legend(frameon=False)
    drawn.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cells", default="gru,delta", type=lambda text: text.split(","))
    given = parser.parse_args()
    points: dict[str, list[tuple[int, float]]] = {cell: [] for cell in given.cells}
    print("| cell | units | numbers in the state | recalled | recalled at 256 steps |\n| --- | --- | --- | --- | --- |")
    for cell, units in [(name, size) for name in given.cells for size in UNITS[name]]:
        own = {**OPTIONS, "cell": cell, "units": units}
        scores = [harness.train("recall", runs=given.runs, seed=seed, **own).scores for seed in range(given.seeds)]
        every, longest = (fmean(one[name] for one in scores) for name in ("recalled", "recalled_longest"))
        points[cell].append((count_state(cell, units), longest))
        print(f"| `{cell}` | {units} | {points[cell][-1][0]:,} | {every:.3f} | {longest:.3f} |", flush=True)
    draw(points, ROOT / "docs" / "recall.png")


if __name__ == "__main__":
    main()
