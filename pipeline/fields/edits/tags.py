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
"""

from collections.abc import Sequence

from pipeline.fields.edits.words import align

KEEP, DELETE = "keep", "delete"
CASES = {"capital": lambda word: word[:1].upper() + word[1:], "small": str.lower, "upper": str.upper}
# Of an ending: letters that are others at most, and letters before it at least.
ENDING, STEM = 3, 2


def match_case(word: str, model: str) -> str:
    """Return a word with the capitals of another: all, the first, or its own."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def find_changes(source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str] | None]:
    """Return for the beginning, and for each word of the source, what stands in its place, and what comes after it.

    None where it is kept, and nothing comes after it. Words that come before one that goes stand in its place.
    """
    becomes: list[str] = ["", *source]
    added: list[list[str]] = [[] for _ in becomes]
    for kind, place, other in align(source, target):
        if kind == "insert":
            # Before the word at this place: after the one before it.
            added[place].append(target[other])
        else:
            becomes[place + 1] = target[other] if kind == "replace" else ""
    words = ["", *source]
    return [
        (one, " ".join(after)) if one != word or after else None
        for word, one, after in zip(words, becomes, added, strict=True)
    ]


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
