"""Texts to learn to write: those of a table or of a file's lines, or one running text, cut into passages.

A recurrent network could read a running text in one go, its state handed from one batch to the next. Cut into passages
it needs no order of the batches and no state between them, so that mixing, resuming and evaluation are those of every
other task. The price is that each passage begins without a past; so it is given the characters before it, to read only.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.on_disk import keep_as
from pipeline.readers import files, settings
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import records, tables
from pipeline.readers.tabular.sides import LABEL, TEXT

# In characters. What is scored is given a longer past than what is trained on.
PASSAGE = 128
BEFORE = {"train": 32, "validation": 128, "test": 128}


def read(request: Request, say: Say) -> Splits:
    """Return examples (text, its category) of a table, or (text, "") of a text file, and of a table without categories.

    A text file with a blank line in it is one running text, a single example; without, each line is a text.
    Raises BadInput as tables.read and files.read_lines do, and for a column of a text file.
    """
    if settings.is_settings(request.path):
        named = settings.read(request, say, outputs=False)
        return {
            split: [one for file, _ in pairs for one in _read_file(file, request)] for split, pairs in named.items()
        }
    found = files.find(request, (records.SUFFIXES, (".txt", ".text")), say)
    if any(files.suffix(path) in records.SUFFIXES for paths in found.values() for path in paths):
        category = replace(LABEL, name="category", optional=True)
        splits = tables.read_files(found, request, say=say, sides=(TEXT, category))
        return {
            split: keep_as(rows, (replace(one, output=one.output or "") for one in rows))
            for split, rows in splits.items()
        }
    return {split: [one for path in paths for one in _read_file(path, request)] for split, paths in found.items()}


def _read_file(path: Path, request: Request) -> list[Example]:
    if request.columns.given_input or request.columns.given_output:
        raise BadInput(f"{path}: a text file has no columns; leave --text-column and --label-column out")
    text = files.read_text(path, request.encoding).rstrip("\n")
    if any(not line.strip() for line in text.split("\n")):
        return [Example(text + "\n", "", path.name)]
    lines = files.read_lines(path, request.encoding)
    return [Example(line, "", f"{path.name}:{number}") for number, line in enumerate(lines, 1)]


def arrange(splits: Splits) -> Splits:
    """Turn examples (text, category) round; cut a split that is one text into passages.

    One text that comes without splits gives its last tenth to the test and its first twentieth to validation: what is
    just before the test is what it goes on from, and best learned. Raises BadInput if it is too short for that.
    """
    if not all(len(examples) == 1 for examples in splits.values()):
        return {
            split: keep_as(examples, (Example(one.output, one.input, one.origin) for one in examples))
            for split, examples in splits.items()
        }
    texts = {split: (example.input, example.origin, 0, len(example.input)) for split, (example,) in splits.items()}
    if texts.keys() == {"train"}:
        text, origin, _, end = texts["train"]
        if end < 100:
            raise BadInput(f"{origin}: a running text of {end} characters; at least 100 are needed to divide it")
        train, test = end // 20, end - end // 10
        bounds = {"train": (train, test), "validation": (0, train), "test": (test, end)}
        texts = {split: (text, origin, *pair) for split, pair in bounds.items()}
    return {
        split: list(cut(text, origin, start=start, end=end, before=BEFORE[split]))
        for split, (text, origin, start, end) in texts.items()
    }


def cut(text: str, origin: str, *, start: int, end: int, before: int) -> Iterator[Example]:
    """Yield the passages of text[start:end], each as ("", (what stands before it, the passage)).

    Every character is in one passage, and in that only. before: how many characters stand before it, at most.
    """
    line = text.count("\n", 0, start) + 1
    for place in range(start, end, PASSAGE):
        passage = text[place : min(place + PASSAGE, end)]
        yield Example("", (text[max(0, place - before) : place], passage), f"{origin}:{line}")
        line += passage.count("\n")
