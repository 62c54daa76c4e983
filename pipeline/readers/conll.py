"""Sentences with tags: CoNLL files, and files of the other forms in which such sentences come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.example import Example, Splits, Token
from pipeline.on_disk import keep_as
from pipeline.readers import aligned, files, markup, settings, tagged_lines, token_columns, token_tables
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import tables
from pipeline.readers.tabular.records import JSON
from pipeline.readers.tabular.sides import Side
from pipeline.readers.tabular.values import SURROGATE, short

SUFFIXES = (".conll", ".conllu", ".tsv", ".txt", ".bio", ".iob", ".iob2", ".iobes", ".bmes", ".conll03", ".col")
LISTS = (*JSON, ".parquet")
OTHERS = (".csv", ".xml")
# Endings that say more than that a file is text.
INPUTS = (*(ending for ending in SUFFIXES if ending not in (".tsv", ".txt")), *LISTS)


def read(request: Request, say: Say, *, spans: bool = False, longest: int = 20_000) -> Splits:
    """Return the sentences of a file (all "train") or of a folder's train, validation and test files.

    An example's input is a tuple of tokens, its output a tuple of as many tags, its origin the line of its first token.
    JSON and Parquet are read where they have a list of tokens and one of tags; files of text as markup.py,
    token_tables.py and tagged_lines.py say if they are of their forms, else as columns: see token_columns.read.
    Settings of another suite name the files: see settings.py.
    spans: the tags mark spans, in any scheme of span_schemes.py, and become BIO.
    A sentence with a line that cannot be read is left out, counted and said; refused if request.strict, and in CoNLL-U,
    a standard that treebanks are checked against.
    Raises BadInput, with the file and the line, for a file that has no sentence, and for a sentence over `longest`
    tokens.
    """
    if settings.is_settings(request.path):
        return _read_settings(request, say, spans=spans)
    found = files.find(request, (SUFFIXES, LISTS, OTHERS), say)
    if all(files.suffix(path) in LISTS for paths in found.values() for path in paths):
        rows = tables.read_files(found, request, say=say, sides=(TOKENS, TAGS))
        return {
            split: keep_as(some, _pair(some, request.path, request, say, spans=spans)) for split, some in rows.items()
        }
    splits: dict[str, list[Example]] = {}
    chosen = None
    for split, paths in found.items():
        splits[split] = []
        for path in paths:
            content = files.read_bytes(path)
            examples = _read_other(path, content, request, say, spans=spans)
            if examples is None:
                lines = files.read_lines(path, request.encoding, content)
                examples, chosen = token_columns.read(
                    path, lines, request, say, spans=spans, longest=longest, like=chosen
                )
            splits[split] += examples
    return {**splits}


def _read_settings(request: Request, say: Say, *, spans: bool) -> Splits:
    """Return the sentences of the files that settings name: the tokens of one between blanks, the tags of the other."""
    splits: dict[str, list[Example]] = {}
    for split, pairs in settings.read(request, say).items():
        splits[split] = []
        for source, target in pairs:
            rows = [
                replace(one, input=tuple(one.input.split()), output=one.output and tuple(one.output.split()))
                for one in aligned.pair(source, target, request, say)
            ]
            splits[split] += _pair(rows, source, request, say, spans=spans)
    return {**splits}


def _read_other(path: Path, content: bytes, request: Request, say: Say, *, spans: bool) -> list[Example] | None:
    """Return the sentences of a file of another form than columns; None if it has columns."""
    text = files.read_text(path, request.encoding, content)
    files.refuse_page(path, text)
    if files.suffix(path) == ".xml" or markup.is_markup(text):
        found: Sequence[tuple[int, Example | BadRow]] = markup.read(path, text)
    elif token_tables.is_table(text, request):
        found = token_tables.read(path, request, say)
    elif form := tagged_lines.find_form(text, spans=spans):
        say(f"{path}: a sentence per line: {form[1]}")
        found = tagged_lines.read(path.name, text.split("\n"), form[0])
    else:
        return None
    return list(_pair(found, path, request, say, spans=spans))


# Lists.


def _read_strings(what: str, value: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, (str, int)) for one in value):
        raise BadRow(f"no list of {what}s", f"{short(value)} where a list of {what}s is expected.")
    return tuple(str(one) for one in value)


def _check(what: str, strings: Sequence[str]) -> None:
    """Raise BadRow for a token or a tag that is empty, or that is no text; what: which of them they are."""
    if not all(map(str.strip, strings)):
        raise BadRow(f"the {what} is empty", f"{short(list(strings))} has an empty {what}.")
    if any(map(SURROGATE.search, strings)):
        raise BadRow(f"half of a surrogate pair in a {what}", f"half of a surrogate pair in {short(list(strings))}.")


def _fit_list(column: Sequence[object], folder: Path) -> float:
    lists = [value for value in column if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value)]
    return float(bool(column) and len(lists) == len(column))


def _join(tokens: Sequence[str], features: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return tokens with what further lists say of them."""
    for values in features:
        if len(values) != len(tokens):
            counts = f"{len(tokens)} tokens and {len(values)} values of a feature column"
            raise BadRow("as many values as tokens are expected", f"{counts}; as many are expected.")
    return tuple(map(Token, tokens, zip(*features, strict=True)))


TOKENS = Side("token", partial(_read_strings, "token"), _fit_list, join=_join)
TAGS = Side("tag", partial(_read_strings, "tag"), _fit_list)


def _pair(
    found: Sequence[Example | tuple[int, Example | BadRow]], path: Path, request: Request, say: Say, *, spans: bool
) -> Iterator[Example]:
    """Yield the examples whose tags are as many as their tokens, those of spans as BIO.

    found: examples, or what is wrong with one, with its line.
    """
    faults = Faults(path, request.strict)
    kept = 0
    for one in found:
        line, example = one if isinstance(one, tuple) else (int(one.origin.rpartition(":")[2]), one)
        with faults.row(line):
            if isinstance(example, BadRow):
                raise example
            # Without an input stands a row that cannot be read, where only inputs are asked for.
            _check("token", example.input or ())
            _check("tag", example.output or ())
            output = example.output and token_columns.convert(example.output, spans, [None] * len(example.output))
            if output and len(output) != len(example.input):
                counts = f"{len(example.input)} tokens and {len(output)} tags"
                raise BadRow("as many tags as tokens are expected", f"{counts}; as many are expected.")
            yield replace(example, output=None if request.inputs_only else output)
            kept += 1
    faults.conclude(kept, say, "sentence")
