"""Pages: one HTML file each, complete in itself, light or dark as the reader's screen is.

What a page says and how it looks is in harness/templates/NAME.html.j2, which extends page.html.j2; the style that all
have in common is in page.css.j2. Every value is escaped, and has its control characters shown.
"""

from pathlib import Path

from pipeline.printable import show_controls

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **content: object) -> str:
    """Return a page. template: its file in harness/templates. content: what the template is given, by name."""
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
    return environment.get_template(template).render(content)


def _show(value: object) -> object:
    """Return a value of the page: a text with its control characters shown; what is HTML already as it is."""
    # Markup, which the page's own parts are, is a str too.
    return show_controls(value, keep="\n\t") if type(value) is str else value
