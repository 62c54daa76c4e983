"""An analysis in the terminal: the sections, each with its table."""

from collections.abc import Sequence

from harness.analysis.analyse import Analysis
from harness.analysis.section import Row, format_cell, shorten
from harness.process.console import print_table
from pipeline.printable import show_controls

# Most characters of a text in a table of the terminal.
LONGEST = 90


def print_analysis(analysis: Analysis) -> None:
    """Print on standard output all sections, the longer ones cut; the page has the rest."""
    print(show_controls("  ".join(f"{name}: {format_cell(value)}" for name, value in analysis.facts.items())))
    for section in analysis.sections:
        print(f"\n{show_controls(section.title)}. {show_controls(section.sentence)}")
        if section.rows:
            print_table(format_rows(section.rows[: section.brief]))
        if len(section.rows) > section.brief:
            print(f"{len(section.rows) - section.brief:,} more: {analysis.page or 'give --json'}")
    if analysis.page:
        print(f"\npage: {analysis.page}")


def format_rows(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return rows as texts, the long ones cut; their lines are one line each."""
    return [{head: shorten(show_controls(format_cell(value)), LONGEST) for head, value in row.items()} for row in rows]
