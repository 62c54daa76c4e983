"""Tags that mark spans of tokens: whichever scheme they are in, turned into BIO.

Not by seqeval.scheme: it must be told the scheme, and knows neither IO nor BMES.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from pipeline.errors import BadInput, list_names, shorten

# A letter means the same in every scheme that has it, but for I, which starts a span in some.
STARTS = frozenset("BSU")
ENDS = frozenset("ESLU")
LETTERS = frozenset("BIMESLU")
# GROBID's, which DeLFT reads: "I-<date>" begins a span, "<date>" goes on, and "<other>" is outside.
GROBID = re.compile(r"(I-)?<(.+)>")


@lru_cache(maxsize=4096)
def parse(tag: str) -> tuple[str, str]:
    """Return the letter and the type of a span tag: ("B", "PER") of "B-PER", ("O", "") of "O".

    Tags of a single type may have no type: "B" is ("B", ""). Raises BadInput if it is no span tag.
    """
    letter, _, kind = tag.partition("-")
    if is_tag(tag):
        return letter, kind
    raise BadInput(explain(tag))


def is_tag(tag: str) -> bool:
    """Return whether a tag is one of a span, or O."""
    letter, dash, kind = tag.partition("-")
    return tag == "O" or (letter in LETTERS and bool(kind or not dash))


def explain(tag: str) -> str:
    """Return what is wrong with a tag that is none of a span."""
    return (
        f"{shorten(tag)!r} is not a span tag. Expected O, or a letter and a type such as B-PER: "
        "IOB1, IOB2 (BIO), IO, BIOES, BMES or BILOU."
    )


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (type, first token, last token + 1) of every span.

    One reading serves all the schemes: a span starts at B, S or U, and at any other tag that cannot go on
    with the span before it, because that was of another type, or ended by E, L, S or U, or there was none.
    What a scheme does not allow, such as I after O in BIO, is read as conlleval does: it starts a span.
    Raises BadInput if a tag is none of the schemes', or if BIOES (E, S) and BILOU (L, U) are mixed.
    """
    found: list[tuple[str, int, int]] = []
    letters = set()
    open_kind = None  # the type of the span that the next token may go on with
    for position, tag in enumerate(tags):
        letter, kind = parse(tag)
        letters.add(letter)
        if letter == "O":
            open_kind = None
            continue
        if letter in STARTS or kind != open_kind:
            found.append((kind, position, position + 1))
        else:
            found[-1] = (kind, found[-1][1], position + 1)
        open_kind = None if letter in ENDS else kind
    if not letters.isdisjoint("ES") and not letters.isdisjoint("LU"):
        raise BadInput(
            f"the tags mix BIOES (E, S) and BILOU (L, U): {list_names(sorted(set(tags)))}. Write them in one scheme."
        )
    return found


def to_bio(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the same spans as BIO tags. Raises BadInput as `spans` does.

    In IO, which has no letter for a start, neighbours of one type are one span.
    """
    converted = ["O"] * len(tags)
    for kind, start, end in spans(tags):
        suffix = f"-{kind}" if kind else ""
        converted[start:end] = [f"B{suffix}"] + [f"I{suffix}"] * (end - start - 1)
    return tuple(converted)


def is_grobid(tags: Sequence[str]) -> bool:
    """Return whether all tags of a file are GROBID's: it has no O."""
    return all(map(GROBID.fullmatch, tags))


def from_grobid(tag: str) -> str:
    """Return the BIO tag of one of GROBID's."""
    found = GROBID.fullmatch(tag)
    if not found:
        raise BadInput(f"{tag!r} is none of GROBID's tags: expected I-<type> or <type>.")
    if found[2].endswith("other"):
        return "O"
    return f"{'B' if found[1] else 'I'}-{found[2]}"
