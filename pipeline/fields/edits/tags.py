"""Tags: what is to be done with one word, as a name (Omelianchuk et al. 2020, "GECToR – Grammatical Error Correction:
Tag, Not Rewrite", section 3).

    keep             leave it
    delete           leave it out
    replace A B      write A B in its place, with its capitals
    write A B        write A B in its place, as it stands here
    append A B       leave it, and write A B after it
    ending ies>y     its last letters are others
    capital, small, upper    only its capitals are others
    candidate 3      write the third of the known words that it may stand for; see spelling.py

Where no blank is before A or B, or after the last of them, JOINER is: "append ￭," makes "dog," of "dog", "append ￭"
leaves the blank behind a word out. "append ␣" puts one behind it.
"""

import unicodedata
from itertools import pairwise

from pipeline.fields.edits.words import align, find_words, list_words
from pipeline.fields.tokenizers import JOINER

KEEP, DELETE = "keep", "delete"
# A blank between two words, in a tag.
BLANK = "␣"
CASES = {"capital": lambda word: word[:1].upper() + word[1:], "small": str.lower, "upper": str.upper}
# Of an ending: letters that are others at most, and letters before it at least.
ENDING, STEM = 3, 2


def match_case(word: str, model: str) -> str:
    """Return a word with the capitals of another: all, the first, or its own."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def find_changes(source: str, target: str) -> list[tuple[str, str] | None]:
    """Return for the beginning, and for each word of the source, what stands in its place, and what comes after it.

    None where it is kept, and nothing comes after it. Words that come before one that goes stand in its place.
    """
    words, others = ["", *list_words(source)], list_words(target)
    before, joined, opening = _find_joined(source), _find_joined(target), find_opening(source)
    becomes = [*words]
    added: list[list[str]] = [[] for _ in words]
    for kind, place, other in align(words[1:], others):
        if kind == "insert":
            # Before the word at this place: after the one before it, on whose other side its blank stays.
            first = joined[other] and not (opening[place] and not added[place])
            last = joined[other + 1] and (opening[place] or not before[place])
            added[place][-1:] = [one.removesuffix(JOINER) for one in added[place][-1:]]
            added[place].append(JOINER * first + others[other] + JOINER * last)
        else:
            becomes[place + 1] = others[other] if kind == "replace" else ""
    # Between two words that are still side by side there may be a blank more, or less.
    number = len(added[0])
    for place in range(1, len(words)):
        number += bool(becomes[place]) + len(added[place])
        beside = becomes[place] and not added[place] and place + 1 < len(words) and becomes[place + 1]
        if beside and joined[number] != before[place]:
            added[place] = [JOINER if joined[number] else BLANK]
    return [
        (one, " ".join(after)) if one != word or after else None
        for word, one, after in zip(words, becomes, added, strict=True)
    ]


def _find_joined(text: str) -> list[bool]:
    """Return of each word, and of the end, whether it follows on another word without a blank."""
    return [False, *(stop == start for (_, stop), (start, _) in pairwise(find_words(text))), False]


def find_opening(text: str) -> list[bool]:
    """Return of the beginning, and of each word, whether it opens what follows: what is added has its blank behind it.

    So does an opening bracket; and another symbol without a blank behind it, but with one, or one that opens, before.
    """
    found, joined = [True], _find_joined(text)
    for number, (start, _) in enumerate(find_words(text)):
        symbol, bracket = not text[start].isalnum(), unicodedata.category(text[start]) in ("Ps", "Pi")
        found.append(bracket or (symbol and joined[number + 1] and (not joined[number] or found[-1])))
    return found


def join(words: str) -> str:
    """Return words of a tag as they are written: with the blanks that are meant, and without others."""
    return words.replace(f" {JOINER}", "").removesuffix(JOINER).replace(f" {BLANK}", " ")


def list_tags(word: str, becomes: str, after: str) -> list[str]:
    """Return the tags that say of a word what stands in its place, and what comes after it; the most general first."""
    if becomes == word:
        return [f"append {after}"]
    text = " ".join(part for part in (becomes, after) if part)
    if not text:
        return [DELETE]
    tags = [name for name, change in CASES.items() if change(word) == text][:1]
    if ending := find_ending(word, text):
        tags.append("ending {}>{}".format(*ending))
    plain = text.lower()
    return [*tags, f"replace {plain}" if match_case(plain, word) == text else f"write {text}"]


def find_ending(word: str, other: str) -> tuple[str, str] | None:
    """Return the last letters of two words that have all others in common; None where these are too many."""
    common = 0
    while common < min(len(word), len(other)) and word[common] == other[common]:
        common += 1
    old, new = word[common:], other[common:]
    good = common >= STEM and max(len(old), len(new)) <= ENDING and other.isalpha() and word.isalpha()
    return (old, new) if good else None


def apply(tag: str, word: str) -> tuple[str, str]:
    """Return what stands in the place of a word, and what comes after it; of an ending that it does not have, itself.

    tag: any but that of a candidate.
    """
    name, _, text = tag.partition(" ")
    if name == DELETE:
        return "", ""
    if name == "append":
        return word, text
    if name in CASES:
        return CASES[name](word), ""
    if name == "ending":
        old, _, new = text.partition(">")
        return (word[: len(word) - len(old)] + new if word.endswith(old) else word), ""
    if name in ("replace", "write"):
        return (match_case(text, word) if name == "replace" else text), ""
    return word, ""
