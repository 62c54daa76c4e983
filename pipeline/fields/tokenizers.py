"""Tokenizers: a text as words and punctuation marks.

A word is letters, digits and the marks that belong to them: vowel signs of Devanagari and Tamil, vowel points of Arabic
and Hebrew, accents written apart. Python's \\w has none of these.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from pipeline.errors import BadInput

# What follows another token without a space between them begins with it.
JOINER = "\N{HALFWIDTH BLACK SQUARE}"


@cache
def _list_marks() -> str:
    """Return the combining marks (Unicode's categories Mn, Mc, Me) as the inside of a regular expression's class."""
    ranges: list[list[int]] = []
    # No other plane has any.
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


# What joins two parts of a word; the last two are invisible, of Persian and of Indian scripts.
JOINTS = "-'’\u200c\u200d"


@cache
def _compile(kind: str, marks: bool) -> re.Pattern:
    """Return the expression of one of three ways to divide a text. marks: whether it may have combining marks."""
    some = f"[{_list_marks()}]*" if marks else ""
    inside = f"[\\w{_list_marks()}]*" if marks else "\\w*"
    word, symbol = f"\\w{inside}", f"[^\\w\\s]{some}"
    return re.compile(
        {
            "review": f"{word}(?:[{JOINTS}]{word})*|<\\w+>|{symbol}",
            # Points too: 3.5, a.org; and U.S.
            "sentence": f"(?:\\w\\.){{2,}}|{word}(?:[{JOINTS}.]{word})*|{symbol}",
            "apart": f"(\\s*)({word}|{symbol})",
        }[kind]
    )


def get_pattern(kind: str) -> str:
    """Return the regular expression by which texts are divided, for programs without this suite.

    kind: "review", of `tokenize`; "sentence", of `divide_sentence`; "apart", of `divide_words`.
    """
    return _compile(kind, True).pattern


def _find(kind: str, text: str) -> list[str]:
    # Without the marks it is nearly twice as fast.
    return _compile(kind, not text.isascii()).findall(text)


def tokenize(text: str) -> list[str]:
    """Split lower-cased text into words and punctuation marks; HTML line breaks, common in reviews, are spaces."""
    return _find("review", text.replace("<br />", " ").lower())


def has_token(text: str) -> bool:
    """Return whether `tokenize` finds anything; much sooner."""
    if text[:1].isalnum():
        return True
    return _compile("review", not text.isascii()).search(text.replace("<br />", " ")) is not None


SENTENCE = ("word", "blank", "character", "treebank")


def divide_sentence(text: str, tokenizer: str) -> list[str]:
    """Split a sentence that a user typed into tokens; capitals stay.

    tokenizer: "word": words and punctuation marks; "blank": what stands between blanks; "character"; "treebank": as the
    Penn Treebank has English (NLTK). Raises BadInput with the pip line where NLTK is missing.
    """
    if tokenizer == "treebank":
        try:
            from nltk.tokenize import NLTKWordTokenizer
        except ImportError:
            raise BadInput(
                "--tokenizer treebank: NLTK is not installed; run: pip install -r requirements-extra.txt"
            ) from None
        return NLTKWordTokenizer().tokenize(text)
    if tokenizer == "blank":
        return text.split()
    if tokenizer == "character":
        return [character for character in text if not character.isspace()]
    return _find("sentence", text)


# A blank after which a text can be divided: not the one within an HTML line break.
BLANK = re.compile(r"(?<!<br)\s(?=\S*\Z)")


def cut_at_blank(text: str, more: bool) -> tuple[str, str]:
    """Return a text up to its last blank, and the rest, a word that may go on. more: whether it may."""
    if not more:
        return text, ""
    found = BLANK.search(text)
    place = found.end() if found else 0
    return text[:place], text[place:]


# Sentences from which it is seen whether a tokenizer divides texts as the training data is divided.
SEEN = 1000


def find_tokens(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each of the tokens that `divide_sentence` divides a text into by "word" begins and ends."""
    for found in _compile("sentence", not text.isascii()).finditer(text):
        yield found.span()


def measure_agreement(sentences: Sequence[Sequence[str]], tokenizer: str) -> float:
    """Return the share of sentences that are divided as they are, once their tokens are joined by blanks."""
    some = sentences[:SEEN]
    between = "" if tokenizer == "character" else " "
    same = sum(divide_sentence(between.join(sentence), tokenizer) == list(sentence) for sentence in some)
    return round(same / len(some), 4) if some else 1.0


def divide_words(text: str) -> list[str]:
    """Return words and punctuation marks; one that follows another without a space begins with a joiner."""
    text = text.strip()
    found = _compile("apart", not text.isascii()).findall(text)
    return [word if space or not number else JOINER + word for number, (space, word) in enumerate(found)]
