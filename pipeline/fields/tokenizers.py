"""Tokenizers: a text as words and punctuation marks, as characters, or as subwords.

A word is letters, digits and the marks that belong to them: vowel signs of Devanagari and Tamil, vowel points of Arabic
and Hebrew, accents written apart. Python's \\w has none of these.
"""

import base64
import io
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from pipeline.errors import BadInput

PADDING, UNKNOWN, START, END = "<padding>", "<unknown>", "<start>", "<end>"
RESERVED = [PADDING, UNKNOWN, START, END]
# A following mark without a space before it begins with the joiner; a subword after a space begins with the other.
JOINER, SPACE = "\N{HALFWIDTH BLACK SQUARE}", "\N{LOWER ONE EIGHTH BLOCK}"


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


def _find(kind: str, text: str) -> list[Any]:
    # Without the marks it is nearly twice as fast.
    return _compile(kind, not text.isascii()).findall(text)


def tokenize(text: str) -> list[str]:
    """Split lower-cased text into words and punctuation marks; HTML line breaks, common in reviews, are spaces."""
    return _find("review", text.replace("<br />", " ").lower())


def has_token(text: str) -> bool:
    """Return whether `tokenize` finds anything; much sooner."""
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


# Sentences from which it is seen whether a tokenizer divides texts as the training data is divided.
SEEN = 1000


def measure_agreement(sentences: Sequence[Sequence[str]], tokenizer: str) -> float:
    """Return the share of sentences that are divided as they are, once their tokens are joined by blanks."""
    some = sentences[:SEEN]
    between = "" if tokenizer == "character" else " "
    same = sum(divide_sentence(between.join(sentence), tokenizer) == list(sentence) for sentence in some)
    return round(same / len(some), 4) if some else 1.0


def divide_words(text: str) -> list[str]:
    """Return words and punctuation marks; one that follows another without a space begins with a joiner."""
    found = _find("apart", text.strip())
    return [word if space or not number else JOINER + word for number, (space, word) in enumerate(found)]


def learn_subwords(texts: list[str], vocabulary: int) -> str:
    """Return a sentencepiece model (Kudo 2018) of at most `vocabulary` subwords, the reserved ones first, as base64.

    Each digit is a symbol of its own. BadInput if there is too little to learn from.
    """
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    reserved: dict[str, Any] = {}
    for number, (name, symbol) in enumerate(zip(("pad", "unk", "bos", "eos"), RESERVED, strict=True)):
        reserved |= {f"{name}_id": number, f"{name}_piece": symbol}
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocabulary,
            # Little data has fewer subwords than asked for.
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            split_digits=True,
            # More threads would add up in another order, and learn another model.
            num_threads=1,
            minloglevel=2,
            **reserved,
        )
    except RuntimeError as error:
        raise BadInput(
            f"--vocabulary {vocabulary}: no subwords can be learned from {len(texts)} texts ({_reason(error)}); "
            "raise it, or choose --unit character"
        ) from None
    return base64.b64encode(model.getvalue()).decode()


def open_subwords(model: str) -> Any:
    """Return the sentencepiece processor of a model from `learn_subwords`; BadInput if it is damaged."""
    from sentencepiece import SentencePieceProcessor

    try:
        pieces = SentencePieceProcessor()
        pieces.LoadFromSerializedProto(base64.b64decode(model, validate=True))
        pieces.encode("")
    except (ValueError, RuntimeError) as error:
        raise BadInput(f"the subword model stored with the run is damaged ({error}); train with --fresh") from None
    return pieces


def _reason(error: RuntimeError) -> str:
    return str(error).rpartition("] ")[2].strip().splitlines()[0]
