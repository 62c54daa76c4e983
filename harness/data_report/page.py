"""The page of a data report: one HTML file with its style and its pictures inside.

What it says and how it looks is in harness/templates/data.html.j2.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from harness.data_report.plots import Panel, draw_panel, list_panels
from harness.data_report.report import DataReport
from harness.data_report.table import describe_pair, tabulate
from harness.page import render_page
from harness.runs import write_text


@dataclass(frozen=True)
class Picture:
    """A picture inside the page. png: in base64."""

    title: str
    caption: str
    png: str


def write_page(report: DataReport, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(path, format_page(report))


def format_page(report: DataReport) -> str:
    """Return the page, complete in itself."""
    return render_page(
        "data.html.j2",
        title=f"The data of {report.task.name}: {report.origin.name}",
        report=report,
        tables=list(tabulate(report)),
        pictures=[_draw(panel) for panel in list_panels(report)],
        examples=[
            {
                "pair": describe_pair(shown.input, shown.output),
                "origin": shown.origin,
                "tables": [steps.tabulate() for steps in shown.steps],
                "arrays": shown.arrays,
            }
            for shown in report.examples
        ],
    )


def _draw(panel: Panel) -> Picture:
    content = io.BytesIO()
    draw_panel(panel).savefig(content, dpi=150, metadata={"Software": None})
    return Picture(panel.title, panel.caption, base64.b64encode(content.getvalue()).decode("ascii"))
