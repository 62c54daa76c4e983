"""The page of a report: HTML with its style and its pictures inside, light or dark as the reader's screen is."""

import base64
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from harness.comparison.table import name_run, tabulate

CAPTIONS = {
    "curves": (
        "Learning curves: the score on validation data after each epoch. The thick line is the mean of all "
        "seeds, the band reaches from the worst seed to the best, and a thin line is one seed. Where two "
        "bands overlap, luck with the seed may decide which cell looks better. The best epoch is kept: what a"
        " curve does after it only costs time."
    ),
    "seconds": (
        "Quality against time: each small mark is one seed; the large one is the mean, the upright bar its "
        "95% interval, the level bar the fastest to the slowest seed. Time is that of training, compilation "
        "not counted. Better cells are {side}, cheaper ones further to the left."
    ),
    "weights": (
        "Quality against size: the same scores against the number of weights that training sets. A cell with "
        "more gates has more weights for the same number of units; one that is {side} and not further to the "
        "right makes more of its weights."
    ),
    "gradients": (
        "Memory: how much the loss at one step depends on the input so many steps earlier, measured by the "
        "norm of its gradient. Each line is one cell, dashed before training and solid after it. The vertical"
        " axis goes by powers of ten, so a line that falls straight loses the same share at every step: the "
        "vanishing gradient. Where a line is very low, the network cannot learn from an input that far back; "
        "a line that stays level remembers."
    ),
    "lengths": (
        "Score against length: the test examples in groups of similar length, the band from the worst seed to"
        " the best. A cell whose memory ends gets worse as its inputs get longer."
    ),
    "delays": (
        "Score against delay: the trained model on data with shorter and longer delays than it was trained with, "
        "which is the one in the middle. What it learned may hold for that delay alone."
    ),
}

STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --back: #ffffff; --soft: #5a5a5a; --line: #d0d0d0; --head: #f3f3f3 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --back: #17181a; --soft: #a8a8a8; --line: #44474a; --head: #232528 }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem }
h1 { font-size: 1.7rem } h2 { font-size: 1.35rem; margin-top: 3rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin-top: 1.8rem }
.table { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: bottom }
th { background: var(--head) } th:first-child, td:first-child { text-align: left } td { white-space: nowrap }
.plain td { text-align: left; white-space: normal; overflow-wrap: anywhere; vertical-align: top }
.plain td:first-child { white-space: nowrap }
figure { margin: 1.5rem 0 } img { max-width: 100%; width: 44rem; background: white; border-radius: 4px }
figcaption, .note { color: var(--soft); font-size: .9rem; max-width: 44rem }
pre, code { font: .82rem/1.5 ui-monospace, monospace } pre { overflow-x: auto; background: var(--head); padding: .7rem }
.failed { border-left: 4px solid #D55E00; padding-left: .8rem }
@media print { body { max-width: none; margin: 0 } figure, tr { break-inside: avoid } pre { white-space: pre-wrap } }
"""

READING = (
    "How to read the tables. A score is the mean over the seeds ± half of its 95% interval (Student's t): what "
    "training again with other seeds may change. sd is the standard deviation over the seeds. Costs are medians "
    "over the seeds; peak memory is the most that the process held; half-life is the number of steps back after "
    "which a gradient is half as large, before and after training. The sentences on pairs count both sources of "
    "chance, the seeds and the choice of test examples, and their p is corrected for the number of pairs of the "
    "task (Holm): among cells that are all equally good, the chance that any is called better is 5%. The interval"
    " is that of the one pair, not corrected. “Cannot be told apart” does not say that two cells are equally "
    "good, only that these runs do not show which is better; the number of seeds needed supposes that the gap "
    "seen is the true one."
)


def format_page(title: str, content: dict[str, Any], drawn: Mapping[str, Mapping[str, Path]]) -> str:
    """Return the page, complete in itself.

    content: as results.json has it. drawn: the pictures of each task, by what they show, a key of CAPTIONS.
    """
    failed = [run for run in content["runs"] if run["status"] != "done"]
    sections = [
        f"<h1>{escape(title)}</h1>",
        "<ul>",
        *(f"<li><b>{escape(one['task'])}</b>: {escape(one['verdict'])}</li>" for one in content["tasks"]),
        "</ul>",
        f'<p class="note">{escape(READING)}</p>',
        *(_format_task(section, content["runs"], drawn[section["task"]]) for section in content["tasks"]),
        "<h2>How it was made</h2>",
        _format_environment(content["environment"]),
        f"<h3>The runs</h3><pre>{escape(_list_commands(content['runs']))}</pre>",
    ]
    if failed:
        sections.insert(
            sections.index("</ul>") + 1,
            f'<p class="failed">{len(failed)} of {len(content["runs"])} runs failed: see below.</p>',
        )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def _format_task(section: dict[str, Any], found: Sequence[dict], drawn: Mapping[str, Path]) -> str:
    name = escape(section["task"])
    parts = [f"<h2>{name}</h2>", f"<p>{escape(section['summary'])} <b>{escape(section['verdict'])}</b></p>"]
    if rows := tabulate(section):
        aim = f"{section['monitor']}: {'lower' if section['lower_is_better'] else 'higher'} is better."
        parts.append(f'<p class="note">Test score, {escape(aim)}</p>{_format_table(rows)}')
    if section["pairs"]:
        sentences = "".join(f"<li>{escape(pair['sentence'])}</li>" for pair in section["pairs"])
        parts.append(f"<h3>Which can be told apart</h3><ul>{sentences}</ul>")
    resamples = max((pair["resamples"] for pair in section["pairs"]), default=0)
    notes = section["notes"] + [f"The choice of test examples: a bootstrap of {resamples:,} resamples."] * bool(
        resamples
    )
    parts += [f'<p class="note">{escape(note)}</p>' for note in notes]
    for run in found:
        if run["task"] == section["task"] and run["status"] != "done":
            message = escape(run.get("message") or "no message")
            parts.append(f'<p class="failed"><b>Failed: {escape(name_run(run))}.</b> {message}</p>')
    side = "lower" if section["lower_is_better"] else "higher"
    for kind, path in drawn.items():
        image = base64.b64encode(path.read_bytes()).decode("ascii")
        caption = CAPTIONS[kind].format(side=side)
        head = escape(caption.split(":")[0])
        parts.append(
            f'<figure><img alt="{name}: {head}" src="data:image/png;base64,{image}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return "\n".join(parts)


def _format_table(rows: Sequence[Mapping[str, str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = ["".join(f"<td>{escape(value)}</td>" for value in row.values()) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _format_environment(environment: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
    facts = {
        "command": shlex.join(environment["command"]),
        "machine": environment["machine"],
        "device": environment["device"],
        "Python": environment["python"],
        "packages": packages,
        "commit": environment["commit"],
    }
    rows = "".join(f"<tr><td>{name}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items() if value)
    return f'<div class="table"><table class="plain">{rows}</table></div>'


def _list_commands(found: Sequence[dict]) -> str:
    return "\n".join(shlex.join(run["command"]) for run in found if run.get("command"))
