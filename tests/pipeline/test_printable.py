"""Texts with control characters, shown."""

import unicodedata

import pytest

from pipeline.printable import show_controls


@pytest.mark.parametrize(
    "text, shown",
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("\x9b31m", r"\x9b31m"),
        ("\udc80", r"\udc80"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_control_characters_are_shown_as_python_writes_them(text: str, shown: str) -> None:
    assert show_controls(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "café", "مرحبا بالعالم", "می‌خواهم", "👩‍👩‍👧", "日本語", "[red]<b>&"])
def test_what_has_none_stays_as_it_is(text: str) -> None:
    assert show_controls(text) == text


def test_lines_may_be_kept() -> None:
    assert show_controls("a\n\tb\x07", keep="\n\t") == "a\n\tb\\x07"


def test_every_control_and_every_turn_of_direction_of_unicode_is_shown() -> None:
    """By the Unicode database: categories Cc, Cs, Zl, Zp, and the bidirectional classes that act on others."""
    acting = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for code in range(0x110000):
        character = chr(code)
        bad = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        if bad or unicodedata.bidirectional(character) in acting:
            assert show_controls(character) == repr(character)[1:-1], hex(code)
