"""Pages: one HTML file each, complete in itself, light or dark as the reader's screen is.

What a page says and how it looks is in harness/templates/NAME.html.j2, which extends page.html.j2; the style that all
have in common is in page.css.j2. Every value is escaped, and has its control characters shown.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.printable import show_controls

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **content: object) -> str:
    """Return a page. template: its file in harness/templates. content: what the template is given, by name."""
    return open_template(template).render(content)


def open_template(name: str) -> "jinja2.Template":
    """Return a file of harness/templates as a template that escapes all values, and shows control characters."""
    # Not with the others: pages are written last of all.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_show,
    )
    return environment.get_template(name)


def _show(value: object) -> object:
    """Return a value of the page: a text with its control characters shown; what is HTML already as it is."""
    # Markup, which the page's own parts are, is a str too.
    return show_controls(value, keep="\n\t") if type(value) is str else value
