r"""Marked text: a text and its corrected form in one line, in the marks of wdiff and `git diff --word-diff`.

    She [-go-]{+goes+} to{+ the+} cinema[- cinema-].

A mark that stands in the text itself has a backslash in its middle, `[\-`; one that has some has one more.
"""

import re
from collections.abc import Iterator

from pipeline.errors import BadInput
from pipeline.fields.edits.words import find_words, list_operations

# Not beyond the next mark of its kind: many that are never closed would each be looked for to the end of the text.
# What looks like one may be the end of the text inside, and the mark that closes it.
MARKED = re.compile(r"\[-(?P<removed>(?:(?!\[-(?!\])).)*?)-\]|\{\+(?P<added>(?:(?!\{\+(?!\})).)*?)\+\}", re.DOTALL)
# The first half of a mark, and what backslashes follow it; then the other half.
LITERAL = re.compile(r"\[\\*(?=-)|-\\*(?=\])|\{\\*(?=\+)|\+\\*(?=\})")


def mark(source: str, target: str) -> str:
    """Return a text with the changes marked that make another one of it.

    They are as short as they can be, by words; each of the two texts is found in it to the last blank.
    """
    if source == target:
        return escape(source)
    marked, kept = "", ""
    for removed, added, following in _divide(source, target):
        if removed or added:
            minus = f"[-{escape(removed)}-]" if removed else ""
            marked += escape(kept) + minus + (f"{{+{escape(added)}+}}" if added else "")
            kept = ""
        kept += following
    return marked + escape(kept)


def _divide(source: str, target: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is removed, what is added in its place, and what follows and is kept, to the end of the texts."""
    before, after = find_words(source), find_words(target)
    operations = list_operations(source, target)
    changed = {one.place for one in operations if one.kind != "insert"}
    new = {one.other for one in operations if one.kind != "delete"}
    kept = [span for place, span in enumerate(before) if place not in changed]
    same = [span for place, span in enumerate(after) if place not in new]
    begin = other = 0
    # What stands between two words that are kept, and before the end.
    for span, span_after in zip([*kept, (len(source),) * 2], [*same, (len(target),) * 2], strict=True):
        head, removed, added, tail = _shorten(source[begin : span[0]], target[other : span_after[0]])
        yield "", "", head
        yield removed, added, tail + source[slice(*span)]
        begin, other = span[1], span_after[1]


def _shorten(removed: str, added: str) -> tuple[str, str, str, str]:
    """Return the blanks that both begin with, what is left of the two, and the blanks that both end with."""
    head, tail = "", ""
    while removed and added and removed[0].isspace() and removed[0] == added[0]:
        head, removed, added = head + removed[0], removed[1:], added[1:]
    while removed and added and removed[-1].isspace() and removed[-1] == added[-1]:
        tail, removed, added = removed[-1] + tail, removed[:-1], added[:-1]
    # A word that is added or removed alone takes the blank before it along, not the one after it.
    one = removed or added
    if bool(removed) != bool(added) and head and head[-1] == one[-1]:
        one, head, tail = head[-1] + one[:-1], head[:-1], one[-1] + tail
        removed, added = (one, "") if removed else ("", one)
    return head, removed, added, tail


def escape(text: str) -> str:
    r"""Return a text that has no mark in it: `[-` becomes `[\-`."""
    return LITERAL.sub(lambda found: found.group() + "\\", text)


def unescape(text: str) -> str:
    """Return what was escaped."""
    return LITERAL.sub(lambda found: found.group().removesuffix("\\"), text)


def reject(marked: str) -> str:
    """Return the text without the changes that are marked."""
    return "".join(unescape(removed) for removed, _ in split(marked))


def accept(marked: str) -> str:
    """Return the text with the changes that are marked."""
    return "".join(unescape(added) for _, added in split(marked))


def split(marked: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a marked text, each as it was and as it is then, still escaped."""
    begin = 0
    for found in MARKED.finditer(marked):
        yield (marked[begin : found.start()],) * 2
        yield found["removed"] or "", found["added"] or ""
        begin = found.end()
    yield (marked[begin:],) * 2


def check(marked: str) -> str:
    """Return a marked text; BadInput where a mark in it is not closed, or closes nothing."""
    for piece, _ in split(marked):
        if found := re.search(r"\[-|-\]|\{\+|\+\}", piece):
            raise BadInput(
                f"the mark {found.group()} in {marked!r:.80} has no other half; write [-removed-]{{+added+}}"
            )
    return marked
