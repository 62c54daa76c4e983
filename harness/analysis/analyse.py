"""Analyse: a run's answers to a split, what is seen of them, and the page that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import runs
from harness.analysis import differences, kinds
from harness.analysis.answered import Answered, collect
from harness.analysis.section import Cell, Section, format_cell
from harness.experiment import Experiment
from harness.figure import draw, preload
from harness.page import render_page
from harness.process.console import doing, say
from harness.runs.together import Scored
from harness.runs.trained import open_model
from harness.selection import Selection
from pipeline.record import Json


@dataclass(frozen=True)
class Analysis:
    """What is seen of a run, or of two. facts: what was analysed. page: its path; None if it is not written."""

    facts: Mapping[str, Cell]
    sections: Sequence[Section]
    page: Path | None

    def as_json(self) -> Json:
        """Return it as JSON holds it."""
        page = str(self.page) if self.page else None
        return {**self.facts, "page": page, **{one.name: one.as_json() for one in self.sections}}


def analyse_run(run: Experiment, selection: Selection, *, source: str | None = None) -> Analysis:
    """Return what is seen of a run's answers to a selection, and write the page into its directory.

    source: of other data than the run's own.
    """
    preload()
    answered = ask(run, selection, source)
    with doing("looking at the answers"):
        part = name_part(selection, source)
        path = run.directory / (runs.ANALYSIS if part == "test" else f"analysis-{part}.html")
        return finish(
            f"{run.task.name}, {run.directory.name}: analysis", describe(answered), kinds.analyse(answered), path=path
        )


def analyse_two(one: Scored, other: Scored, *, source: str | None = None) -> Analysis:
    """Return in which examples two runs differ, and write the page into the directory of the first.

    They are of one task, and scored on the same examples: see pairs.py. source: as of `analyse_run`.
    """
    first, second = (ask(run, selection, source) for run, selection in (one, other))
    with doing("comparing the answers"):
        directory, against = one[0].directory, other[0].directory
        return finish(
            f"{one[0].task.name}: where {directory.name} and {against.name} differ",
            describe(first) | {"second run": str(against)},
            differences.compare(first, second),
            path=directory / f"analysis-{name_part(one[1], source)}-against-{against.name}.html",
        )


def ask(run: Experiment, selection: Selection, source: str | None) -> Answered:
    """Return a run's answers to a selection."""
    with doing(f"answering {len(selection.examples):,} examples"):
        trained = open_model(run)
        if not (run.directory / "scores.json").exists():
            say(f"{run.directory}: the training is not complete; this is its best epoch so far")
        return collect(trained, selection, source)


def name_part(selection: Selection, source: str | None) -> str:
    """Return what a page is of, for its name: the split, or that the data is other data."""
    return selection.split if source is None else "data"


def describe(answered: Answered) -> dict[str, Cell]:
    """Return what was analysed, by name."""
    run = answered.experiment
    return {
        "run": str(run.directory),
        "task": run.task.name,
        "data": answered.source or run.options.data or next(iter(run.task.sources)),
        "split": answered.selection.split,
        "examples": len(answered.examples),
    }


def finish(title: str, facts: Mapping[str, Cell], sections: Sequence[Section], *, path: Path) -> Analysis:
    """Write the page, and return the analysis."""
    # The title has its name; the page may be moved with the run.
    shown = {name: value for name, value in facts.items() if name != "run"}
    drawn = {one.name: draw(one.picture()) for one in sections if one.picture}
    content = render_page(
        "analysis.html.j2", title=title, facts=shown, sections=sections, pictures=drawn, show=format_cell
    )
    try:
        runs.write_text(path, content)
    except OSError as error:
        # The run may be another user's.
        say(f"{path}: the page cannot be written there: {error.strerror}")
        return Analysis(facts, sections, None)
    return Analysis(facts, sections, path)
