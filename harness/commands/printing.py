"""Printing: what a command answers on standard output."""

import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from harness.process.console import print_table
from pipeline.errors import BadInput
from pipeline.printable import show_controls
from pipeline.record import dump, load

# Characters of an input that is shown in a command, and the inputs among which one is looked for.
LONGEST = 60
EXAMPLES = 200


def emit(content: object) -> None:
    """Print one JSON object on standard output."""
    text = dump(content, indent=1)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = dump(content, indent=1, ascii_only=True)
    print(text)


def writes_unicode() -> bool:
    """Return whether standard output takes any character."""
    try:
        "\N{HALFWIDTH BLACK SQUARE}\N{ROBOT FACE}".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print samples, the scores as a table, the monitored one first, what else is known, and what to type next."""
    for sample in summary.get("samples", []):
        print(show_controls(f"{sample['input']}  {sample['output']}".strip(), keep="\n\t"))
    print_scores(summary)
    print_facts(describe(summary))
    print_next(Path(summary["run"]))


def print_facts(facts: Mapping[str, str]) -> None:
    """Print what is known, one thing per line."""
    width = max(map(len, facts))
    print("".join(f"  {name:{width}}  {show_controls(value)}\n" for name, value in facts.items()))


def print_next(directory: Path) -> None:
    """Print what to type next, for a trained run."""
    print("\n".join(["next:", *(f"  {line}" for line in suggest(directory))]))


def print_scores(summary: Mapping[str, Any]) -> None:
    """Print the scores of a summary, and those of the baselines beside them."""
    monitor, scores, split = summary["monitor"], summary["scores"], summary.get("split", "test")
    if not scores:
        # Nobody knows the answers of such a test.
        best = summary["validation"]
        scores, split = {monitor: float("nan") if best is None else best}, "validation"
    names = [monitor, *(name for name in scores if name != monitor)]
    rows = [{"score": name, split: f"{scores[name]:.4f}"} for name in names]
    for title, known in summary.get("baselines", {}).items():
        rows = [row | {title: f"{known[row['score']]:.4f}" if row["score"] in known else ""} for row in rows]
    print_table(rows)


def describe(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known of a run, or of its evaluation, beside the scores, in a person's words."""
    found = {"run": summary["run"]}
    if "examples" in summary:
        found["data"] = f"{summary['data']}, {summary['split']}: {summary['examples']:,} examples"
    if "epochs" in summary:
        best = summary["validation"]
        score = "" if best is None else f", validation {summary['monitor']} {best:.4f}"
        if source := summary.get("length_from"):
            score = f", as many as were best in {source}; it has learned the validation examples too"
        found["last epoch" if summary.get("keeps_last") else "best epoch"] = (
            f"{summary['best_epoch']} of {summary['epochs']}{score}"
        )
        compiling = f", {say_time(summary['compiling'])} of them compiling" if summary["compiling"] >= 1 else ""
        found["training"] = f"{say_time(summary['seconds'])}{compiling}"
        found["size"] = f"{say_number(summary['weights'])} weights"
    if summary.get("tokens_per_second_answering"):
        found["speed"] = f"answers {say_number(summary['tokens_per_second_answering'])} tokens per second"
    if summary.get("megabytes"):
        found["memory"] = f"{say_memory(summary['megabytes'])} at the most"
    if summary.get("signature"):
        found["metric"] = summary["signature"]
    if summary.get("limitation"):
        found["limitation"] = summary["limitation"]
    return found


def say_time(seconds: float) -> str:
    """Return a time in words: 8.3 seconds, 2.5 minutes, 1.5 hours."""
    # What would be rounded up to 60 is of the next unit.
    if seconds < 59.95:
        return f"{seconds:.1f} seconds"
    return f"{seconds / 60:.1f} minutes" if seconds / 60 < 59.95 else f"{seconds / 3600:.1f} hours"


def say_number(number: int) -> str:
    """Return a number in words, to three digits from 10,000 on or a little more: 950, 83,500, 2.57 million."""
    for unit, size in (("billion", 10**9), ("million", 10**6)):
        if number >= 0.9995 * size:
            return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number / size:,.0f} {unit}"
    return f"{number if number < 10_000 else round(number, -2):,}"


def say_memory(megabytes: float) -> str:
    """Return an amount of memory: 609 MB, 1.2 GB."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def suggest(directory: Path) -> list[str]:
    """Return the commands that a person may want next with a trained run, as they are typed in a shell."""
    example = [find_example(directory) or "INPUT"]
    words = {"predict": example, "evaluate": ["--split", "validation"], "inspect": example, "analyse": []}
    if is_forecast(directory):
        words = {**words, "predict": ["--plot", "forecast.png"]}
        del words["inspect"]
    return [
        shlex.join(["python", "run.py", name, str(directory), *more])
        for name, more in words.items()
        if find_spec(f"harness.commands.{name}")
    ]


def is_forecast(directory: Path) -> bool:
    """Return whether a run says what comes next, and so needs no input."""
    from harness.runs.restored import read_run

    try:
        return read_run(directory).task.latest is not None
    except BadInput:
        return False


def find_example(directory: Path) -> str | None:
    """Return an input of the run's test as a person would type it; None where there is none that can be typed."""
    from harness.runs.restored import read_run

    try:
        field = read_run(directory).input_field
        with (directory / "predictions" / "test.jsonl").open("rb") as lines:
            for line in islice(lines, EXAMPLES):
                value = load(line)["input"]
                text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
                if len(text) > LONGEST:
                    # Its first words.
                    text = text[:LONGEST].rpartition(" ")[0]
                if text and text.isprintable():
                    field.encode(field.parse(text))
                    return text
    except (BadInput, OSError, KeyError, TypeError):
        # Pictures that a program made have no file; nor has every run a test that can be read.
        return None
    return None
