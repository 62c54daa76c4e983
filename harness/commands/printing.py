"""Printing: what a command answers on standard output."""

import sys
from collections.abc import Mapping
from typing import Any

from harness.process.console import print_table
from pipeline.record import dump


def emit(content: object) -> None:
    """Print one JSON object on standard output."""
    text = dump(content, indent=1)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = dump(content, indent=1, ascii_only=True)
    print(text)


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print samples, the scores as a table, the monitored one first, and what else is known of the run."""
    monitor, scores, split = summary["monitor"], summary["scores"], summary.get("split", "test")
    for sample in summary.get("samples", []):
        print(f"{sample['input']}  {sample['output']}".strip())
    if not scores:
        # Nobody knows the answers of such a test.
        best = summary["validation"]
        scores, split = {monitor: float("nan") if best is None else best}, "validation"
    names = [monitor, *(name for name in scores if name != monitor)]
    rows = [{"score": name, split: f"{scores[name]:.4f}"} for name in names]
    for title, known in summary.get("baselines", {}).items():
        rows = [row | {title: f"{known[row['score']]:.4f}" if row["score"] in known else ""} for row in rows]
    print_table(rows)
    shown = ("scores", "monitor", "split", "baselines", "samples")
    facts = {name: value for name, value in summary.items() if name not in shown and value is not None}
    print_table([{"": name, "value": str(value)} for name, value in facts.items()])
