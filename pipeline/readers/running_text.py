"""Running text, such as reviews or articles, to learn which word comes next: cut into windows that follow each other.

Of the text "it was a warm film ." and windows of four words:

    input     "it was a"         output    "it was a warm"      before the first word stands a symbol of its own
    input     "warm film ."      output    "film . <end>"

Each window but the first of a text is `Continued`: a network goes on with the state in which the one before left it
(truncated back-propagation through time: Mikolov et al. 2010, section 2).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Continued, Example, Splits
from pipeline.fields.tokenizers import tokenize
from pipeline.fields.vocabulary import END, UNKNOWN
from pipeline.on_disk import gather, is_large, keep_as
from pipeline.readers import files
from pipeline.readers.large_text import check_line_ends, open_large
from pipeline.readers.request import Request, Say

# Words of a window: so far back goes a gradient.
WINDOW = 64
# Of texts that come without splits, the last twentieth of the words is the test, the one before it validation.
SHARE = 0.05
# Least words of a text to be divided.
LEAST = 60
# What only a text has whose words have blanks between them already: the Penn Treebank and WikiText.
DIVIDED = re.compile(r"(?<!\S)(?:<unk>|@-@|@,@|@\.@)(?!\S)")
UNK = "<unk>"
# The heading of an article of WikiText, but none of a section: " = Title = ".
ARTICLE = re.compile(r" ?= [^=].* = ?")
SUFFIXES = (".txt", ".text", ".tokens", ".raw")


@dataclass(frozen=True)
class Line:
    """The words of one line of a text. origin: where it was read. begins: whether another text begins with it."""

    words: tuple[str, ...]
    origin: str
    begins: bool = False


def read(request: Request, say: Say) -> Splits:
    """Return the windows of text files, each a running text, whose line ends are sentence ends.

    Lines of one running text that has a blank line in it are broken anywhere: there its paragraphs end, and no line
    does. Files of WikiText and of the Penn Treebank (with <unk>, or @-@) are taken as they are, and an article of
    WikiText is a text of its own. All others are lower-cased and divided into words and marks.
    A split that is missing is cut off the end of the training text.
    Raises BadInput as files.read_lines does, for columns, and for a text that is too short, or of rare words alone.
    """
    if request.columns.given_input or request.columns.given_output:
        raise BadInput(f"--data {request.path}: a text file has no columns; leave --text-column, --label-column out")
    found = files.find(request, (SUFFIXES,), say)
    large = is_large(path for paths in found.values() for path in paths)
    splits: Splits = {}
    for split, paths in found.items():
        lines = (line for path in paths for line in _read_file(path, request, say, large=large))
        splits[split] = gather(cut(lines), on_disk=large)
        if not any(word not in (UNKNOWN, END) for one in splits[split] for word in one.output.split(" ")):
            raise BadInput(f"{paths[0]}: every word of it is {UNK}, or there is none; expected running text")
    return splits


def _read_file(path: Path, request: Request, say: Say, *, large: bool) -> Iterator[Line]:
    """Yield the lines of a file that have words, and the ends of its paragraphs."""
    text = open_large(path, request.encoding) if large else None
    if text:
        check_line_ends(text, path)
    lines: Iterable[str] = text.without_ends() if text else files.read_lines(path, request.encoding)
    divided = any(DIVIDED.search(line) for line in lines)
    # WikiText has lines of a blank alone between its paragraphs, each of which is one line.
    wrapped = not divided and any(not line.strip() for line in lines)
    how = "words with blanks between, as they are" if divided else "lower-cased, divided into words and marks"
    ends = "a sentence or paragraph ends at a blank line" if wrapped else "a sentence or paragraph ends with each line"
    say(f"{path}: {how}; {ends}")
    before: Line | None = None
    for number, written in enumerate(lines, 1):
        words = [UNKNOWN if word == UNK else word for word in (written.split() if divided else tokenize(written))]
        origin = f"{path.name}:{number}"
        if wrapped and not words and before and before.words[-1:] != (END,):
            before = Line((END,), origin)
            yield before
        elif words:
            begins = not before or (divided and bool(ARTICLE.fullmatch(written)))
            before = Line((*words, *(() if wrapped else (END,))), origin, begins)
            yield before
    if wrapped and before and before.words[-1:] != (END,):
        yield Line((END,), before.origin)


def cut(lines: Iterable[Line]) -> Iterator[Example]:
    """Yield the windows of texts, each of WINDOW steps, but for the last of a text. The origin is its first word's."""
    # Those that are in no window yet, each with where it was read; and the last word of the window before.
    words: list[tuple[str, str]] = []
    before: str | None = None
    for line in lines:
        if line.begins and (words or before is not None):
            if words:
                yield make_window(before, words)
            words, before = [], None
        words += [(word, line.origin) for word in line.words]
        place = 0
        while len(words) - place > WINDOW:
            asked = words[place : place + WINDOW]
            yield make_window(before, asked)
            before, place = asked[-1][0], place + WINDOW
        words = words[place:]
    if words:
        yield make_window(before, words)


def make_window(before: str | None, asked: Sequence[tuple[str, str]]) -> Example:
    """Return a window. before: the word that comes before it in its text; None where it begins one."""
    wanted = [word for word, _ in asked]
    # The first step of a text reads the symbol of its beginning, which the input field puts there.
    read = " ".join(([] if before is None else [before]) + wanted[:-1])
    return Example(read if before is None else Continued(read), " ".join(wanted), asked[0][1])


def arrange(splits: Splits) -> Splits:
    """Return windows as three splits: one that is missing is cut off the end of the training text.

    It begins as a text of its own does. Raises BadInput if the training text is too short for that.
    """
    missing = [split for split in ("validation", "test") if split not in splits]
    if not missing:
        return splits
    train = splits["train"]
    share = max(1, round(SHARE * len(train)))
    # So many windows have as many words.
    words = sum(example.output.count(" ") + 1 for example in train[:LEAST])
    if words < LEAST or len(train) <= share * len(missing):
        raise BadInput(
            f"{train[0].origin}: a text of {words} words; at least {WINDOW * (1 + len(missing))} are needed to take "
            f"{' and '.join(missing)} from it. Add text, or files for the missing splits"
        )
    made = dict(splits)
    for split in reversed(missing):
        made[split], made["train"] = begin(made["train"][-share:]), made["train"][:-share]
    return made


def begin(windows: Sequence[Example]) -> Sequence[Example]:
    """Return windows of which the first begins a text, whatever stood before it."""
    first = windows[0]
    if not isinstance(first.input, Continued):
        return windows
    # Its first step reads the beginning of a text in place of the word before.
    first = replace(first, input=first.input.partition(" ")[2])
    return keep_as(windows, chain([first], islice(windows, 1, None)))
