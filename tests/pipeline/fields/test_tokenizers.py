"""Words in every script; the regex package, which knows Unicode, is the reference."""

import random
import unicodedata

import pytest
import regex

from pipeline.errors import BadInput
from pipeline.fields import tokenizers

# A letter, a digit or the underscore, and marks after it; parts of a word joined by hyphens and the like.
PART = r"[\w--\p{M}][\w\p{M}]*"
REFERENCE = regex.compile(rf"(?V1){PART}(?:[-'’\u200c\u200d]{PART})*|<[\w--\p{{M}}]+>|[^[\w\s]--\p{{M}}]\p{{M}}*")
SCRIPTS = {
    "hindi": ("लड़की किताब पढ़ती।", ["लड़की", "किताब", "पढ़ती", "।"]),
    "tamil": ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    "vowelled arabic": ("كِتَابٌ جَمِيل", ["كِتَابٌ", "جَمِيل"]),
    "hebrew": ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
    "thai": ("ร้าน อาหาร", ["ร้าน", "อาหาร"]),
    "decomposed latin": ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
    "persian": ("می\u200cخواهم برو", ["می\u200cخواهم", "برو"]),
    "turkish": ("İstanbul'da", ["i\u0307stanbul'da"]),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_marks_belong_to_their_word_in_every_script(name: str) -> None:
    text, words = SCRIPTS[name]
    assert tokenizers.tokenize(text) == words
    assert [word.lower() for word in tokenizers.divide_sentence(text, "word")] == words
    if name != "turkish":
        joined = tokenizers.divide_words(text)
        assert " ".join(joined).replace(" " + tokenizers.JOINER, "") == text


def test_any_text_is_divided_as_by_the_categories_of_unicode() -> None:
    # Python and the regex package may know different versions of Unicode: only what both call a mark or a letter.
    letters = [chr(code) for code in range(0x20, 0x3000) if unicodedata.category(chr(code)) != "Cn"]
    marks = [mark for mark in letters if unicodedata.category(mark).startswith("M") and regex.match(r"\p{M}", mark)]
    others = [one for one in letters if not unicodedata.category(one).startswith("M")]
    others = [one for one in others if bool(regex.match(r"\w", one)) == (one.isalnum() or one == "_")]
    chooser = random.Random(0)
    for _ in range(2000):
        text = "".join(chooser.choice(chooser.choice((others, marks, "ab -'<>1"))) for _ in range(12))
        # A mark that nothing stands before belongs to nothing.
        text = "a" + "".join(one for n, one in enumerate(text) if one not in marks or not text[n - 1].isspace())
        assert tokenizers._find("review", text) == REFERENCE.findall(text), ascii(text)


def test_whether_there_is_a_token_is_known_without_dividing() -> None:
    for text in ("a", " . ", "<br />x", "\u0301 b", "狗"):
        assert tokenizers.has_token(text)
    for text in ("", " \n", "<br />", "<br /> <br />"):
        assert not tokenizers.has_token(text) and not tokenizers.tokenize(text)


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Don't STOP, it's U.S.-made!", ["don't", "stop", ",", "it's", "u", ".", "s", ".", "-", "made", "!"]),
        ("one<br /><br />two", ["one", "two"]),
        ("a <score> film", ["a", "<score>", "film"]),
        ("well-known  ’tis can’t", ["well-known", "’", "tis", "can’t"]),
        ("Ünïcode 日本 😀👍", ["ünïcode", "日本", "😀", "👍"]),
        (" \t\n", []),
    ],
)
def test_text_is_split_into_lower_case_words_and_marks(text, tokens):
    assert tokenizers.tokenize(text) == tokens


def test_words_and_punctuation_are_apart_and_know_whether_a_space_was_between():
    assert tokenizers.divide_words(' "Two" dogs, won\'t run.') == [
        *['"', tokenizers.JOINER + "Two", tokenizers.JOINER + '"', "dogs", tokenizers.JOINER + ","],
        *["won", tokenizers.JOINER + "'", tokenizers.JOINER + "t", "run", tokenizers.JOINER + "."],
    ]


@pytest.mark.needs("nltk")
def test_the_penn_treebank_divides_contractions() -> None:
    assert tokenizers.divide_sentence("They don't (really).", "treebank") == [
        *["They", "do", "n't", "(", "really", ")", "."]
    ]


def test_a_missing_nltk_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nltk.tokenize", None)
    with pytest.raises(BadInput, match="--tokenizer treebank: NLTK is not installed; run: pip install -r requirements"):
        tokenizers.divide_sentence("a", "treebank")
