"""CoNLL files: a token and its tag a line, in columns, and a blank line between sentences; CoNLL-U too."""

from collections.abc import Iterator
from pathlib import Path

from pipeline import files, positions, tags
from pipeline.columns import Columns
from pipeline.errors import BadInput
from pipeline.example import Example, Splits

SUFFIXES = (".conll", ".tsv", ".txt", ".conllu", ".bio", ".iob")
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


def read(path: Path, columns: Columns, spans: bool = False, longest: int = 2000) -> Splits:
    """Return the sentences of a file (all "train") or of a directory's train, validation and test files.

    An example's input is a tuple of tokens, its output a tuple of as many tags, its origin the line of its
    first token. CoNLL-U has the columns' standard names; in other files the columns have numbers alone, and
    the token is the first and the tag the last if `columns` has no number. A TAB separates the columns of a
    line that has one, else spaces do. Skipped: -DOCSTART- lines, and in CoNLL-U comments and the ids with
    "-" or ".".
    spans: the tags mark spans, in any scheme of tags.py, and become BIO.
    Raises BadInput, with the file and the line, for what cannot be read so, and for a sentence over
    `longest` tokens.
    """
    found = files.find(path, SUFFIXES)
    return {split: _read_file(file, columns, spans, longest) for split, file in found.items()}


def _read_file(path: Path, columns: Columns, spans: bool, longest: int) -> list[Example]:
    lines = files.read_lines(path)
    conllu = _is_conllu(path, lines)
    examples: list[Example] = []
    tokens: list[str] = []
    labels: list[str] = []
    start = token_at = label_at = 0
    known: set[str] = set()
    for number, fields in _rows(path, lines, conllu):
        if fields is None:
            if len(tokens) > longest:
                raise BadInput(
                    f"{path}:{start}: a sentence of {len(tokens)} tokens starts here; "
                    f"at most {longest} are read. A blank line between sentences is probably missing."
                )
            if tokens:
                examples.append(_example(path, start, tokens, labels, spans))
                tokens, labels = [], []
            continue
        if not known:  # the first row
            token_at, label_at = _choose(f"{path}:{number}", len(fields), conllu, columns)
        token, label = fields[token_at].strip(" "), fields[label_at].strip(" ")
        if not token or not label:
            what, at = ("token", token_at) if not token else ("tag", label_at)
            raise BadInput(f"{path}:{number}: the {what} is empty (column {at + 1} of {len(fields)}).")
        if label not in known:
            if spans:
                _check(f"{path}:{number}", label)
            known.add(label)
        if not tokens:
            start = number
        tokens.append(token)
        labels.append(label)
    if not examples:
        raise BadInput(f"{path}: no sentence in this file, only blank lines, comments and -DOCSTART- lines.")
    if conllu and known == {"_"}:
        raise BadInput(f"{path}: column {CONLLU[label_at]!r} is '_', no tag, in every row. Try another --label-column.")
    if conllu and all(set(example.input) == {"_"} for example in examples):
        raise BadInput(
            f"{path}: column {CONLLU[token_at]!r} is '_', no token, in every row. Some treebanks come "
            "without their text, for its licence: merge it in first."
        )
    return examples


def _rows(path: Path, lines: list[str], conllu: bool) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the line number and the fields of every token; None for the fields where a sentence ends."""
    first = width = 0
    for number, line in enumerate(lines, 1):
        if conllu and line.startswith("#"):
            continue
        if not line.strip(" \t") or "-DOCSTART-" in line:
            yield number, None
            continue
        # str.split() without a separator would split at non-breaking spaces too.
        fields = line.split("\t") if "\t" in line else [field for field in line.split(" ") if field]
        if not width:
            first, width = number, len(fields)
            _check_width(f"{path}:{number}", line, width, conllu)
        elif len(fields) != width:
            raise BadInput(
                f"{path}:{number}: {len(fields)} column{'s' if len(fields) > 1 else ''} where the first row "
                f"(line {first}) has {width}: {_short(line)}."
            )
        if conllu and not fields[0].isdigit():
            if "-" in fields[0] or "." in fields[0]:
                continue
            raise BadInput(
                f"{path}:{number}: {_short(fields[0])} where CoNLL-U has a token's number. "
                "If the file has other columns, name it .conll."
            )
        yield number, fields
    yield len(lines) + 1, None


def _is_conllu(path: Path, lines: list[str]) -> bool:
    if path.suffix.lower() == ".conllu":
        return True
    row = next((line.split("\t") for line in lines if line.strip(" \t") and not line.startswith("# ")), [])
    return len(row) == len(CONLLU) and (row[0] == "1" or row[0].startswith("1-"))


def _choose(where: str, width: int, conllu: bool, columns: Columns) -> tuple[int, int]:
    names = CONLLU if conllu else ("",) * width
    token = positions.choose(names, columns.input, columns.given_input, "--text-column", where)
    label = positions.choose(names, columns.output, columns.given_output, "--label-column", where)
    if conllu and (token is None or label is None):
        option, tried = ("--text-column", columns.input) if token is None else ("--label-column", columns.output)
        raise BadInput(
            f"{where}: CoNLL-U has no column {' or '.join(tried)}. Choose one of {', '.join(CONLLU)} with {option}."
        )
    token = 0 if token is None else token
    label = width - 1 if label is None else label
    if token == label:
        raise BadInput(
            f"{where}: column {token + 1} of {width} would be both the token and the tag. "
            "Choose them with --text-column and --label-column."
        )
    return token, label


def _check_width(where: str, line: str, width: int, conllu: bool) -> None:
    if conllu and width != len(CONLLU):
        raise BadInput(f"{where}: {width} columns where CoNLL-U has {len(CONLLU)}, separated by TABs: {_short(line)}.")
    if width < 2:
        raise BadInput(
            f"{where}: one column where at least two are expected, a token and its tag, "
            f"separated by a TAB or spaces: {_short(line)}."
        )


def _check(where: str, label: str) -> None:
    try:
        tags.parse(label)
    except BadInput as error:
        raise BadInput(f"{where}: {error} If the tags are in another column, choose it: --label-column.") from None


def _example(path: Path, start: int, tokens: list[str], labels: list[str], spans: bool) -> Example:
    try:
        output = tags.to_bio(labels) if spans else tuple(labels)
    except BadInput as error:
        raise BadInput(f"{path}:{start}: in the sentence that starts here, {error}") from None
    return Example(tuple(tokens), output, f"{path.name}:{start}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
