"""Training on a text corpus that memory does not hold: how much memory it takes, and what it costs in speed.

    python benchmarks/larger_than_memory.py [--megabytes 200] [--tasks sentiment suggest] [--steps 300] [--whole]

A corpus is made of random words, some of them rare, as in real text: a table of texts with labels (sentiment, CSV) or a
running text (suggest). It is read, its vocabulary counted, encoded and trained on, in a process of its own each: once
from the disk, once in memory (--in file or memory for one of them). Both train the same batches of an epoch.

megabytes: peak of the process (VmHWM), all that is mapped included. prepared: CPU seconds until the first batch.
tokens_per_cpu_second: of --steps steps, padding not counted, compiled before the clock starts; by the CPU's time, as a
machine may have other things to do. --whole: then train to the end, which is one epoch at least, and test; the peak is
that of the whole.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.corpus import Json
from pipeline.errors import BadInput

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "larger_than_memory.json"
# Different words, as frequent as Zipf's law says; and words of a text.
WORDS, LENGTH = 1_000_000, 200
# Words that are drawn at a time.
BLOCK = 2_000_000
console = Console(stderr=True, highlight=False)


def write(path: Path, kind: str, megabytes: float) -> None:
    """Write a corpus of so many megabytes; the same one each time."""
    generator = np.random.default_rng(0)
    likely = np.cumsum(1 / np.arange(10, WORDS + 10))
    likely /= likely[-1]
    names = np.array([f"w{number:x}" for number in range(WORDS)], "U8")
    with path.open("w") as file:
        if kind == "sentiment":
            file.write("text,label\n")
        while file.tell() < megabytes * 1e6:
            words = names[np.searchsorted(likely, generator.random(BLOCK))]
            texts = [" ".join(part) for part in np.split(words, BLOCK // LENGTH)]
            if kind == "sentiment":
                file.writelines(f"{text},{len(text) % 2}\n" for text in texts)
            else:
                file.writelines(f"{text} .\n" for text in texts)


def measure(kind: str, path: Path, options: dict[str, Json], *, steps: int, whole: bool, runs: Path) -> dict[str, Json]:
    """Train on a corpus in this process, and return what it took."""
    from harness.process import backend

    # First of all: what comes next imports Keras.
    device = backend.start(None)
    import tasks
    from harness.options import defaults
    from harness.process.cost import peak_ram_megabytes
    from harness.training.begin import begin
    from harness.training.epochs import Epochs
    from harness.training.request import settle
    from harness.training.train import build, train_run

    task = tasks.get(kind)
    chosen = defaults(task).replace(data=str(path), **options)
    request = settle(task, chosen, runs, name="run", fresh=True)
    started = time.process_time()
    with begin(request) as training:
        prepared, peak = time.process_time() - started, peak_ram_megabytes()
        loop = build(training, device)
        epochs = Epochs(training.batches["train"])
        chosen_entries = epochs.entries[:steps]
        warm = {batches.shape(*entry): (batches, entry) for batches, entry in chosen_entries}
        for batches, entry in warm.values():
            loop.trained.model.train_on_batch(*batches.draw(*entry))
        epochs.entries = chosen_entries
        tokens = sum(int(batches.steps[members[:real]].sum()) for batches, (_, members, real) in chosen_entries)
        started = time.process_time()
        loop.trained.model.fit(epochs, epochs=1, shuffle=False, verbose=0)
        seconds = time.process_time() - started
        found = {
            "examples": len(training.batches["train"].inputs),
            "prepared": round(prepared, 1),
            "megabytes_prepared": peak,
            "tokens_per_cpu_second": round(tokens / seconds),
            "megabytes_steps": peak_ram_megabytes(),
        }
        if whole:
            del loop, epochs
            summary = train_run(training, device)
            found |= {"scores": summary["scores"], "seconds": summary["seconds"], "megabytes": peak_ram_megabytes()}
    return found


def compare(kind: str, path: Path, given: argparse.Namespace) -> dict[str, Json]:
    """Measure each way in a process of its own."""
    found: dict[str, Json] = {"megabytes_of_text": round(path.stat().st_size / 1e6)}
    for way in ("file", "memory"):
        if given.way not in (None, way):
            continue
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            command = [sys.executable, __file__, "--child", kind, way, str(path), "--steps", str(given.steps)]
            command += ["--whole"] * given.whole + ["--options", given.options, "--folder", folder]
            environment = os.environ | {"UNROLLED_CACHE": f"{folder}/cache"}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise BadInput(f"{kind}, {way}: exit code {done.returncode}: {done.stderr[-2000:]}")
        found[way] = json.loads(done.stdout.splitlines()[-1])
        console.print(kind, way, found[way])
    return found


def main() -> None:
    """Write the corpora, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--tasks", nargs="+", default=["sentiment", "suggest"])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--in", dest="way", choices=("file", "memory"))
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--options", default="{}", help="JSON of options of the tasks.")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--keep", action="store_true", help="Add what is measured to benchmarks/results.")
    parser.add_argument("--child", nargs=3)
    given = parser.parse_args()
    if given.child:
        kind, way, path = given.child
        from pipeline import on_disk

        # From any size on, or never.
        on_disk.LARGE = 0 if way == "file" else 2**60
        options = json.loads(given.options)
        found = measure(kind, Path(path), options, steps=given.steps, whole=given.whole, runs=given.folder)
        print(json.dumps(found))
        return
    results = {}
    for kind in given.tasks:
        path = given.folder / f"corpus-{kind}-{given.megabytes:g}.{'csv' if kind == 'sentiment' else 'txt'}"
        if not path.exists():
            write(path, kind, given.megabytes)
        results[f"{kind} {given.megabytes:g} MB"] = compare(kind, path, given)
    print(json.dumps(results, indent=1))
    if given.keep:
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(known | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
