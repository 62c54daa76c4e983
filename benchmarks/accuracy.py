"""Accuracy: the score of each task on public data, beside published figures and what one would take instead.

    python benchmarks/accuracy.py --bench FOLDER [--rows bc5cdr sst2] [--seeds 3] [--runs FOLDER]
    python benchmarks/accuracy.py --table

The rows are those of accuracy.toml. Each training is a command of run.py, timed from its start to its end. What is
found is kept in results/accuracy.json at once, so that a stopped benchmark goes on; a row begins anew where its options
have changed, or what its task sets for their budget. The table is written into docs/results.md.
"""

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import tasks  # noqa: E402
from benchmarks.alternatives import ALTERNATIVES  # noqa: E402
from harness import data  # noqa: E402
from harness.commands.subject import make_parser  # noqa: E402
from harness.commands.train import COMMAND  # noqa: E402
from harness.comparison.significance import summarise  # noqa: E402
from harness.options import choose  # noqa: E402
from harness.runs import write_text  # noqa: E402
from pipeline.option import Options  # noqa: E402

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "accuracy.json"
DOCUMENT = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- accuracy.py writes what follows -->", "<!-- accuracy.py ends -->"


@dataclass(frozen=True)
class Row:
    """One row of accuracy.toml; see there."""

    name: str
    title: str
    task: str
    score: str
    options: str
    scale: float = 1.0
    lower: bool = False
    published: str = ""
    source: str = ""
    alternative: str = ""
    whole: bool = False

    def words(self, bench: str) -> list[str]:
        """Return its options as words of a command line."""
        return shlex.split(self.options.replace("{bench}", bench))

    def read(self, bench: str) -> Options:
        """Return its options, and those that follow from them."""
        task = tasks.get(self.task)
        parser = make_parser(COMMAND, task)
        return choose(task, parser.chosen(parser.read([self.task, *self.words(bench)])))

    def digest(self) -> str:
        """Return what tells its options, and those that follow from them, from others."""
        options = self.read("bench").as_dict() | ({"whole": True} if self.whole else {})
        return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:8]


def read_rows() -> dict[str, Row]:
    """Return the rows by name."""
    rows = [Row(**row) for row in tomllib.loads((HERE / "accuracy.toml").read_text())["row"]]
    return {row.name: row for row in rows}


def train(row: Row, seed: int, given: argparse.Namespace) -> dict[str, float]:
    """Train a row with a seed; return its score and that of validation, its epochs and minutes, of both runs if two."""
    started = time.time()
    words = ["train", row.task, *row.words(given.bench), "--seed", str(seed), "--runs", given.runs, "--json"]
    name = f"{row.name}-{row.digest()}-s{seed}"
    summary = run([*words, "--name", name])
    last = run([*words, "--name", f"{name}-whole", "--train-on-validation"]) if row.whole else summary
    return {
        "score": last["scores"][row.score],
        "validation": summary["validation"],
        "best_epoch": summary["best_epoch"],
        "minutes": round((time.time() - started) / 60, 2),
    }


def run(words: list[str]) -> dict[str, Any]:
    """Run a command of run.py, and return what it prints as JSON."""
    command = [sys.executable, str(ROOT / "run.py"), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}: exit code {done.returncode}")
    return json.loads(done.stdout)


def measure_alternative(row: Row, bench: str) -> dict[str, float]:
    """Train what one would take instead on the same splits, and score it with the task's own metrics."""
    started = time.time()
    task = tasks.get(row.task)
    splits = data.load(task, row.read(bench), data.keep_quiet)
    last = ("train", "validation") if row.whole else ("train",)
    answers = ALTERNATIVES[row.alternative](splits, last)
    scores = task.metrics([example.output for example in splits["test"]], answers)
    return {"score": scores[row.score], "minutes": round((time.time() - started) / 60, 2)}


def tabulate(rows: dict[str, Row], results: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| data | score, mean of seeds | minutes | published | instead, measured |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        if not (found := results.get(name)) or not found["seeds"]:
            continue
        runs = list(found["seeds"].values())
        scores = summarise([row.scale * one["score"] for one in runs])
        minutes = sum(one["minutes"] for one in runs) / len(runs)
        published = f"[{row.published}]({row.source})" if row.source else row.published
        other = found.get("alternative")
        instead = f"{row.scale * other['score']:.1f} ({row.alternative})" if other else ""
        sign = ", less is better" if row.lower else ""
        title = f"{row.title}{sign}: `{row.task} {row.options.replace('{bench}/', '')}`"
        title += ", then with `--train-on-validation`" if row.whole else ""
        many = f" ({len(runs)})" if len(runs) > 1 else ""
        lines.append(f"| {title} | {scores}{many} | {minutes:.1f} | {published} | {instead} |")
    return "\n".join(lines)


def write_table(table: str) -> None:
    """Put the table into the document, between its two marks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    if not rest or END not in rest:
        sys.exit(f"{DOCUMENT}: expected the lines {BEGIN} and {END}")
    after = rest.partition(END)[2]
    write_text(DOCUMENT, f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def main() -> None:
    rows = read_rows()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="../shared/bench", help="the folder of public data")
    parser.add_argument("--rows", nargs="+", choices=rows, default=list(rows))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", default="runs/accuracy")
    parser.add_argument("--table", action="store_true", help="only write the table of what is known")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}

    def keep() -> None:
        write_text(RESULTS, json.dumps(results, indent=2) + "\n")
        write_table(tabulate(rows, results))

    for seed in range(0 if given.table else given.seeds):
        for row in (rows[name] for name in given.rows):
            found = results.get(row.name, {})
            if found.get("digest") != (digest := row.digest()):
                found = results[row.name] = {"digest": digest, "seeds": {}}
            if row.alternative and "alternative" not in found:
                found["alternative"] = measure_alternative(row, given.bench)
                keep()
            if str(seed) not in found["seeds"]:
                found["seeds"][str(seed)] = train(row, seed, given)
                keep()
                print(f"{row.name}, seed {seed}: {found['seeds'][str(seed)]}", flush=True)
    keep()


if __name__ == "__main__":
    main()
