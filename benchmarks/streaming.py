"""How many tokens a second a stream answers, and whether its memory stays as it is.

    python benchmarks/streaming.py [--cells simple gru lstm] [--tokens 1000000] [--units 128] [--layers 1]

For each cell a tagger is trained for a moment, and asked token by token, as `predict --stream` does, on one core: the
processor this begins on. A token is words of the task's own sentences, with their spelling; reading its text, encoding
it, the step of the model and the name of the tag are all in the time. Each tenth of the stream prints its tokens a
second, those a second of a core's time, which other programs do not slow, and the memory held. One at a time, and
nothing beside it. results/streaming.json has the figures.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import harness
from harness.streaming.source import Text, read_tokens
from harness.streaming.stream import ReadingStream

RESULTS = Path(__file__).parent / "results" / "streaming.json"


class Sentences(io.RawIOBase):
    """Sentences over and over, on one line that never ends, as a pipe gives them: none of it is kept."""

    def __init__(self, sentences: list[str], tokens: int):
        self.left = islice(cycle(word for sentence in sentences for word in sentence.split()), tokens)

    def read(self, size: int = -1) -> bytes:
        return "".join(f"{word} " for word in islice(self.left, 1000)).encode()


def read_resident_megabytes() -> float:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(run: harness.Run, tokens: int) -> list[dict[str, float]]:
    """Return tokens, tokens a second and megabytes of each tenth of a stream."""
    lines = (run.directory / "predictions" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    sentences = [" ".join(json.loads(line)["input"]) for line in lines]
    stream = run.stream()
    assert isinstance(stream, ReadingStream)
    parts: list[dict[str, float]] = []
    text = Text("sentences", Sentences(sentences, tokens))  # type: ignore[arg-type]
    stream.push("one")
    started, spent, answered = time.perf_counter(), time.process_time(), 0
    for token in read_tokens(stream.field, text, ends="never"):
        if token is None:
            continue
        stream.push(token)
        answered += 1
        if answered % (tokens // 10) == 0:
            now, used = time.perf_counter(), time.process_time()
            part = {
                "tokens": answered,
                "tokens_per_second": round(tokens / 10 / (now - started)),
                "tokens_per_processor_second": round(tokens / 10 / (used - spent)),
                "megabytes": round(read_resident_megabytes(), 1),
            }
            parts.append(part)
            started, spent = now, used
            print("  {:>9,} tokens  {:>8,} a second  {:>8,} a second of a core  {:,.1f} MB".format(*part.values()))
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["simple", "gru", "lstm"], metavar="CELL")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--cores", type=int, default=1, help="of the processor; 0: all of them")
    given = parser.parse_args()
    if given.cores:
        # Before Keras starts, which begins as many threads as there are cores.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in given.cells:
            size = {"units": given.units, "layers": given.layers}
            run = harness.train("ner", cell=cell, bidirectional=False, limit=200, epochs=1, runs=folder, **size)
            print(f"{cell}, {given.units} units, {given.layers} layers, {given.cores or 'all'} cores", flush=True)
            results[cell] = {**size, "cores": given.cores, "parts": measure(run, given.tokens)}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
