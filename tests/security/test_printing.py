"""Texts of strangers where they are shown: no terminal obeys them, no browser, and no spreadsheet."""

import csv
import json
from pathlib import Path

import pytest

from harness.answer_file import format_answers
from harness.comparison.report import format_csv
from harness.page import open_template
from harness.process.console import print_table, say
from harness.runs.card import escape, quote
from pipeline import record
from pipeline.printable import quote_cell, show_controls

# To clear the screen; to set the title; a link; the same in one byte of C1; to turn what follows around.
OBEYED = {
    "ANSI": "\x1b[2J\x1b[31mred",
    "title": "\x1b]0;title\x07",
    "link": "\x1b]8;;http://elsewhere.example\x1b\\here\x1b]8;;\x1b\\",
    "C1": "\x9b2J\x9d0;x\x9c",
    "override": "txt.\u202egpj.exe",
    "isolate": "\u2066a\u2069\u200b\u2067b",
    "return": "good\rbad",
    "backspace": "bad\b\b\bgood",
    "separator": "one\u2028two",
    "surrogate": "\udc9b2J",
}
NEVER = set("\x1b\x07\x08\x9b\x9c\x9d\r\u202e\u2066\u2067\u2069\u2028\udc9b")


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_no_terminal_obeys_a_text(text: str, capsys: pytest.CaptureFixture) -> None:
    say(text)
    print_table([{"text": text}])
    print(show_controls(text))
    print(record.dump({text: [text]}))
    said = capsys.readouterr()
    assert not NEVER & set(said.out + said.err)


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_a_record_that_no_terminal_obeys_says_the_same(text: str) -> None:
    assert record.load(record.dump({text: [text]}, indent=1)) == {text: [text]}


@pytest.mark.parametrize(
    "text", ["[red]x[/red]", "[link=http://elsewhere.example]x[/link]", "[/]", ":bomb:", "[@click]"]
)
def test_markup_of_the_console_is_text(text: str, capsys: pytest.CaptureFixture) -> None:
    say(text)
    print_table([{text: text}])
    said = capsys.readouterr()
    assert text in said.err and said.out.count(text) == 2


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "\"' onload=alert(1) x='", "{{ 7 * 7 }}"],
)
def test_a_page_shows_html_as_text(text: str) -> None:
    page = (
        open_template("demo.html.j2").environment.from_string("<p title='{{ text }}'>{{ text }}</p>").render(text=text)
    )
    assert page.count("<") == 2 and "'" not in page.partition("title='")[2].partition("'>")[0]
    assert "49" not in page


@pytest.mark.parametrize("text", ["# head", "[here](http://elsewhere.example)", "<b>x</b>", "| a | b |", "``` x", "$$"])
def test_a_model_card_shows_markdown_as_text(text: str) -> None:
    assert all(f"\\{mark}" in escape(text) for mark in text if mark in "\\`*_{}[]<>#|&$~")
    fence = len(quote(text)) - len(quote(text).lstrip("`"))
    assert fence > max((len(run) for run in text.split() if set(run) == {"`"}), default=0)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://elsewhere.example\")", "  =1", "\t=1", "\r=1", "=\x1b[2J"],
)  # fmt: skip
def test_a_text_is_no_formula_of_a_spreadsheet(text: str) -> None:
    shown = quote_cell(text)
    assert (
        isinstance(shown, str) and not shown.startswith(("=", "+", "-", "@", "\t", "\r", " ")) and "\x1b" not in shown
    )


def test_numbers_of_a_table_stay_numbers_and_its_texts_no_formulas() -> None:
    run = {
        "task": "=1+1", "cell": "@mine", "status": "failed", "message": "+x", "seed": -1, "scores": {"-loss": -0.5},
        "run": "-runs/x", "command": ["train", "x"],
    }  # fmt: skip
    head, row = csv.reader(format_csv([run]).splitlines())  # type: ignore[list-item]
    assert "'-loss" not in head and "test_-loss" in head and row[head.index("test_-loss")] == "-0.5"
    assert row[head.index("task")] == "'=1+1" and row[head.index("cell")] == "'@mine"
    assert row[head.index("run")] == "'-runs/x" and row[head.index("seed")] == "-1"


def test_no_answer_in_a_table_is_a_formula() -> None:
    found = [{"input": "=cmd|' /C calc'!A0", "output": ("@SUM(1)", "x"), "probability": -0.5}]
    written = "".join(
        format_answers([found], run="x", path=Path("answers.csv"), as_json=False, name_steps=lambda text: text.split())
    )
    assert list(csv.reader(written.splitlines()))[1] == ["'=cmd|' /C calc'!A0", "'@SUM(1) x", "-0.5"]


def test_what_is_said_of_a_file_has_its_name_escaped(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from run import main

    name = "x\x1b[2J\u202e.csv"
    (tmp_path / name).write_text("\x1b[31mtext,label\n")
    assert main(["train", "sentiment", "--data", str(tmp_path / name), "--runs", str(tmp_path / "runs"), "--json"]) == 2
    said = capsys.readouterr()
    assert not NEVER & set(said.out + said.err) and r"x\x1b[2J\u202e.csv" in said.err
    assert json.dumps(name) and not (tmp_path / "runs").exists()
