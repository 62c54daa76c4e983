"""Pages: what all have in common."""

import re

from harness.page import render_page

SUMMARY = {
    "task": "t", "summary": "s", "monitor": "accuracy", "lower_is_better": False, "verdict": "v", "pairs": [],
}  # fmt: skip


def render(text: str) -> str:
    section = {
        "summary": {**SUMMARY, "notes": [text]},
        "rows": [],
        "resamples": 0,
        "failed": [],
        "pictures": [],
        "analyses": [],
        "tuned": [],
        "ensembles": [],
        "steps": [],
    }
    return render_page(
        "report.html.j2",
        title=text,
        sections=[section],
        runs=1,
        failed=0,
        folds=None,
        facts={},
        commands=["line 1\nline 2"],
    )


def test_texts_are_shown_and_never_executed() -> None:
    page = render('<script>alert(1)</script> \x1b[31m \u202e & "quoted"')
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\x1b[31m \\u202e &amp; &#34;quoted&#34;" in page


def test_lines_stay_lines() -> None:
    assert "<pre>line 1\nline 2</pre>" in render("x")


def test_a_page_needs_nothing_from_outside_and_has_its_style_inside() -> None:
    page = render("x")
    assert not re.search(r"""(src|href)=["'](?!data:|#)|@import|url\(""", page)
    assert "prefers-color-scheme: dark" in page and "@media print" in page and "width=device-width" in page
    assert page.index("<style>") < page.index("color-scheme") < page.index("</style>")
