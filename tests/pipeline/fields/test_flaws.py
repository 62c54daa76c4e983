"""What is odd about a text: told where it is so, and only there."""

import pytest

from pipeline.fields import Text, Tokens
from pipeline.fields.flaws import find_flaws

MOJIBAKE = "mojibake such as 'Ã©', of another encoding (see --encoding)"


@pytest.mark.parametrize(
    "text, flaws",
    [
        ("A warm film.", []),
        ("", ["nothing in them"]),
        ("!!! ... ?", ["no letter and no digit"]),
        ("<p>A film</p>", ["HTML markup"]),
        ("fish &amp; chips, &#39;so&#39;", ["HTML markup"]),
        ('<a href="x">here</a>', ["HTML markup"]),
        ("lost \ufffd letter", ["replacement characters, U+FFFD, for letters that were lost"]),
        ("\x1b[31mred\x1b[0m", ["control characters"]),
        ("a\x85 film of 1\x96", ["control characters"]),
        ("word " * 20_001, ["more than 100,000 characters"]),
        # Nothing is wrong with these.
        ("a<br />b < c > d & e", []),
        ("R&B; AT&T", []),
        ("tabs\tand\nlines", []),
        ("café Ägypten Ångström É", []),
        ("שלום עולם 😀👩‍👩‍👧", []),
        ("这部电影", []),
        ("xin chào Ấ Ầ", []),
    ],
)
def test_a_flaw_is_told_where_it_is(text: str, flaws: list[str]) -> None:
    assert list(find_flaws(text)) == flaws


@pytest.mark.parametrize("text", ["café film", "Götze", "naïve – “so”", "Ångström", "ação"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_text_that_was_read_in_another_encoding_is_told(text: str, encoding: str) -> None:
    read = text.encode("utf-8").decode(encoding, "replace")
    assert list(find_flaws(text)) == [] and MOJIBAKE in list(find_flaws(read))


def test_one_word_alone_is_told_of_texts_of_words_and_of_sentences() -> None:
    assert list(Text(9, 9).find_flaws(" fine ")) == ["one word only"]
    assert not list(Text(9, 9, "character").find_flaws("fine")) and not list(Text(9, 9).find_flaws("so fine"))
    assert list(Tokens(9, 9).find_flaws(("fine",))) == ["one token only"]
