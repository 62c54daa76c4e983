"""The page of a report: one HTML file with its style and its pictures inside, light or dark as the reader's screen is.

What it says and how it looks is in harness/templates/report.html.j2; here is what that template is given.
"""

import base64
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.comparison.results import Report, Result, TaskSummary, name_run
from harness.comparison.table import Steps, describe_tuned, tabulate, tabulate_ensembles, tabulate_steps
from harness.page import render_page
from harness.runs import ANALYSIS
from harness.runs.schema import Environment

CAPTIONS = {
    "curves": (
        "Learning curves: the score on validation data after each epoch. The thick line is the mean of all "
        "seeds, the band reaches from the worst seed to the best, and a thin line is one seed. Where two "
        "bands overlap, luck with the seed may decide which cell looks better. The best epoch is kept: what a"
        " curve does after it only costs time."
    ),
    "tuning": (
        "Best of n trials: the validation score that a search of so many trials may be expected to find (Dodge et al. "
        "2019). Better cells are {side}. Where two lines cross, which cell wins depends on how long one searches; a "
        "line that still moves at its end would gain from more trials."
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


@dataclass(frozen=True)
class Picture:
    """A picture inside the page. title: the first words of its caption. png: in base64."""

    title: str
    caption: str
    png: str


@dataclass(frozen=True)
class Section:
    """One task on the page.

    analyses: the runs that have an analysis, each with its name and the way there from the page. failed: the failed
    runs, each with its name and its message. tuned: what was found for each cell before its seeds. ensembles: the seeds
    of each cell, averaged.
    """

    summary: TaskSummary
    rows: list[dict[str, str]]
    resamples: int
    analyses: list[tuple[str, str]]
    failed: list[tuple[str, str]]
    tuned: list[str]
    pictures: list[Picture]
    steps: list[Steps]
    ensembles: list[dict[str, str]]


def format_page(title: str, report: Report, pictures: Mapping[str, Mapping[str, Path]], *, folder: Path) -> str:
    """Return the page, complete in itself.

    pictures: the files of each task, by what they show, a key of CAPTIONS. folder: where the page will be.
    """
    return render_page(
        "report.html.j2",
        title=title,
        sections=[
            _describe_task(summary, report["runs"], pictures[summary["task"]], folder=folder)
            for summary in report["tasks"]
        ],
        folds=max((summary["folds"] for summary in report["tasks"]), default=0),
        runs=len(report["runs"]),
        failed=sum(run["status"] != "done" for run in report["runs"]),
        facts=_list_facts(report["environment"]),
        commands=[shlex.join(run["command"]) for run in report["runs"] if run.get("command")],
    )


def _describe_task(
    summary: TaskSummary, runs: Sequence[Result], pictures: Mapping[str, Path], *, folder: Path
) -> Section:
    own = [run for run in runs if run["task"] == summary["task"]]
    failed = [run for run in own if run["status"] != "done"]
    return Section(
        summary,
        tabulate(summary),
        resamples=max((pair["resamples"] for pair in summary["pairs"]), default=0),
        analyses=[(name_run(run), link) for run in own if (link := _find_analysis(run, folder))],
        failed=[(name_run(run), run.get("message") or "no message") for run in failed],
        tuned=[describe_tuned(one) for one in summary["tuned"]],
        pictures=[_read_picture(write_caption(kind, summary), path) for kind, path in pictures.items()],
        steps=list(tabulate_steps([run for run in own if run["status"] == "done"])),
        ensembles=tabulate_ensembles(summary),
    )


def write_caption(kind: str, summary: TaskSummary) -> str:
    """Return what is said of a picture of a task."""
    text = CAPTIONS[kind].format(side="lower" if summary["lower_is_better"] else "higher")
    # What goes by seed elsewhere, goes by fold here.
    return text.replace("seed", "fold") if summary["folds"] else text


def _find_analysis(run: Result, folder: Path) -> str | None:
    """Return the way from a folder to the analysis of a run, as a link; None if there is none."""
    path = Path(run.get("run", "")) / ANALYSIS
    return quote(os.path.relpath(path, folder)) if run["status"] == "done" and path.is_file() else None


def _read_picture(caption: str, path: Path) -> Picture:
    return Picture(caption.split(":")[0], caption, base64.b64encode(path.read_bytes()).decode("ascii"))


def _list_facts(environment: Environment) -> dict[str, str]:
    facts = {
        "command": shlex.join(environment["command"]),
        "machine": environment["machine"],
        "device": environment["device"],
        "Python": environment["python"],
        "packages": ", ".join(f"{name} {number}" for name, number in environment["packages"].items()),
        "commit": environment["commit"] or "",
    }
    return {name: value for name, value in facts.items() if value}
