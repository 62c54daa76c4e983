"""The page and the picture of an inspection: complete in themselves, and nothing of a text is executed."""

import base64
import dataclasses
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from harness.inspection.inspection import (
    Attention,
    Choice,
    Contributions,
    Course,
    Explanation,
    Inspection,
    Line,
    Loss,
    Shown,
    States,
)
from harness.inspection.page import MOST_ROWS, format_page, list_checks, list_tokens
from harness.inspection.pictures import draw_panels, save, to_svg

HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[31mred",
    "مرحبا",
    "\u202egnp.exe",
    "👩‍👩‍👧",
    "$x^2$ \\frac",
    "_a",
    "a&b",
    "\ud800",
    *" ",
)


def look(steps: tuple[str, ...] = HOSTILE, *, written: tuple[str, ...] = (), image: bool = False) -> Inspection:
    """Return an inspection with these tokens, and numbers by chance."""
    generator, count, units = np.random.default_rng(0), len(steps), 6
    out = len(written) or 1
    states = generator.normal(size=(count, units))
    gates = {"z": generator.random((count, units))}
    read = generator.normal(size=(out, 8, 8) if image else (out, count))
    length = len(written) or count
    return Inspection(
        task="sentiment",
        run="runs/<b>run</b>",
        cell="gru",
        shown=Shown("picture.png" if image else " ".join(steps), () if image else steps,
                    image=np.zeros((8, 8, 3), "uint8") if image else None),
        answer="<i>good</i>",
        probability=0.75,
        written=written,
        layers=(States("layer 1, forward", True, states, np.arange(units), gates, {"size": np.full(units, 0.5)},
                       {"c": states}, {"z": "update gate", "size": "magnitude", "c": "cell state"}, 1e-7),) if not image
        else (),
        course=Course(not written, bool(written), tuple(range(1, length + 1)),
                      tuple(Choice("<i>good</i>", 0.5, (("bad", 0.25),)) for _ in range(length)),
                      ("<i>good</i>", "_bad"), np.full((length, 2), 0.5), "What is answered."),
        contributions=Contributions(("<i>good</i>",) * out, read,
                                    generator.normal(size=(out, out)) if written else None,
                                    np.full(out, 2.0), np.full(out, 0.5), np.full(out, 0.001), np.full(out, 8), "nats"),
        attention=Attention(np.full((out, 16), 1 / 16), (4, 4)) if image
        else Attention(np.full((out, count), 1 / count)) if written else None,
        loss=Loss(0.3, np.full(length, 0.3), False, not written, length, generator.random(length)),
        explanation=Explanation("layer 1, forward", 1, steps[0], ("h = tanh(x @ W)",), {"W": "2 x 6"},
                                {0: (Line("x @ W", "x @ W[:, 0]", "1 * 2", "2", True),
                                     Line("h", "tanh(x @ W)", "tanh(2)", "0.96"))}),
        notes=("Something <b>was</b> cut.",),
    )  # fmt: skip


KINDS = {
    "read": look(),
    "written": look(written=HOSTILE),
    "image": look(("a", "b"), written=("a", "$b$"), image=True),
    "one step": look(("a",)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_text_is_executed_or_obeyed(kind: str) -> None:
    page = format_page(KINDS[kind])
    assert "<script" not in page and "<b>run" not in page and "<i>good" not in page and "<b>was" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", page)
    page.encode()


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_needs_nothing_from_outside(kind: str) -> None:
    page = format_page(KINDS[kind])
    assert set(re.findall(r'(?:src|href)="(.{0,20})', page)) <= {"data:image/svg+xml;b"}
    assert "url(" not in page and "@import" not in page and "<script" not in page
    assert len(page) < 3_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_is_well_formed_and_has_a_sentence(kind: str) -> None:
    page = format_page(KINDS[kind])
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    assert len(pictures) == len(draw_panels(KINDS[kind])) == page.count("<figcaption>") > 0
    for picture in pictures:
        root = ElementTree.fromstring(base64.b64decode(picture))
        assert root.tag.endswith("svg")
        assert not any("script" in element.tag for element in root.iter())
    for panel in draw_panels(KINDS[kind]):
        assert re.fullmatch(r"[A-Z].+\.", panel.sentence) and panel.sentence.count(". ") == 0


def test_letters_stay_letters_and_are_not_taken_for_formulas() -> None:
    svg = "".join(to_svg(panel.figure) for panel in draw_panels(look()))
    assert "مرحبا" in svg and "$x^2$ \\frac" in svg and "👩‍👩‍👧" in svg


def test_the_same_inspection_is_the_same_page() -> None:
    assert format_page(look()) == format_page(look())


def test_tokens_are_as_strong_as_their_contribution_and_at_most_so_many() -> None:
    found = look()
    tokens, read = list_tokens(found), found.contributions.read[0]
    assert [token.share for token in tokens] == [round(float(one), 3) for one in read / np.abs(read).max()]
    assert tokens[1].text == "\\x1b[31mred" and tokens[-1].text == "␣"
    many = look(("word",) * (MOST_ROWS + 7))
    assert len(list_tokens(many)) == MOST_ROWS and "and 7 more" in format_page(many)


def test_the_check_says_what_the_contributions_add_up_to() -> None:
    (row,) = list_checks(look().contributions)
    assert (
        row["score less baseline"] == "1.5000"
        and row["all contributions"] == "1.5010"
        and row["difference"] == "1.0e-03"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_panels_are_one_picture(kind: str, tmp_path: Path) -> None:
    from PIL import Image

    save(KINDS[kind], tmp_path / "found.png")
    with Image.open(tmp_path / "found.png") as picture:
        assert picture.format == "PNG" and picture.width > 600 and picture.height > 150 * len(draw_panels(KINDS[kind]))


@pytest.mark.slow
def test_the_page_of_many_layers_and_a_long_input_is_below_three_megabytes() -> None:
    generator, (steps, units) = np.random.default_rng(0), (1000, 128)
    (one,) = look(("word",) * steps).layers
    # Noise, which cannot be made smaller as what a network does can.
    chance = {name: generator.random((steps, units)) for name in "ifo"}
    inner = {"c": generator.normal(size=(steps, units))}
    meanings = dict.fromkeys("ifoc", "gate")
    layer = dataclasses.replace(one, states=inner["c"], order=np.arange(units), gates=chance, inner=inner)
    layer = dataclasses.replace(layer, meanings=meanings, constants={})
    found = dataclasses.replace(look(("word",) * steps), layers=(layer,) * 8)
    assert len(format_page(found)) < 3_000_000
