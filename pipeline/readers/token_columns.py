"""Columns of tokens and tags: a token per line, a blank line between sentences; CoNLL-U too.

Not by conllu or pyconll: they read CoNLL-U alone, while most files of entities have other columns, and they do not keep
the line of each token, by which a user's file is mended.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import BadInput, list_names
from pipeline.example import Example, Token
from pipeline.readers import files, span_schemes, token_tables
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import columns
from pipeline.readers.tabular.values import short

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
# "# sent_id = 1", "# id 1c823d9e domain=en": not the token "#", which has a tag.
COMMENT = re.compile(r"#\s*(?:[\w.:-]+\s*=|(?:newdoc|newpar|sent_id|text|id)\b|[^\t]*\s\w+=)|#+\s*$")
# Comments that stand before the first token of a sentence.
SENTENCE = ("# sent_id", "#sent_id", "# id ", "#begin document", "#end document")
# A sentence of more tokens, in a file of one sentence, is said: its blank lines may be lost.
LONG = 60
# In fewer rows nothing is said of how many tags differ.
FEW = 40


@dataclass
class Sentence:
    """The rows of one sentence, and their lines. bad: what is wrong with its first row that is none."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bad: BadRow | None = None


@dataclass(frozen=True)
class Choice:
    """The columns of the token and of the tag, which is None where only tokens are asked for, of so many.

    features: further columns of the input.
    """

    token: int
    tag: int | None
    width: int
    features: tuple[int, ...] = ()


def read(
    path: Path, lines: Sequence[str], request: Request, say: Say, *, spans: bool, longest: int, like: Choice | None
) -> tuple[list[Example], Choice]:
    """Return the sentences of a file, and the columns they were read from. like: those of the train file.

    CoNLL-U has the columns' standard names; other files may have a row of names, wherever it stands. Without names the
    token is the first column that does not count the tokens, and the tag the last, or, for spans, the last that holds
    tags of spans. A TAB separates the columns of a line that has one, else spaces do. Skipped: -DOCSTART- lines,
    comments, and in CoNLL-U the ids with "-" or ".". A sentence ends at a blank line, before a comment, and where the
    count of the tokens begins again.
    """
    conllu = _is_conllu(path, lines)
    sentences = list(_divide(path, lines, conllu=conllu, say=say))
    names = CONLLU if conllu else _drop_header(path, sentences, request, say)
    rows = [row for sentence in sentences for row in sentence.rows]
    if spans and rows and span_schemes.is_grobid([row[-1] for row in rows]):
        say(f"{path}: its tags are GROBID's: I-<a> begins a span, <a> goes on, <other> is outside")
        for row in rows:
            row[-1] = span_schemes.from_grobid(row[-1])
    if not rows:
        if sentences and sentences[0].bad:
            raise BadInput(f"{path}:{sentences[0].bad.line}: {sentences[0].bad}")
        raise BadInput(f"{path}: no sentence in this file, only blank lines, comments and -DOCSTART- lines.")
    if like and like.width == len(rows[0]):
        chosen = like
    else:
        first = next(sentence.lines[0] for sentence in sentences if sentence.rows)
        chosen = _choose_columns(f"{path}:{first}", rows, request, names=names, spans=spans, say=say)
        if not conllu and not spans and not request.columns.given_output:
            _check_tags(f"{path}:{first}", rows, chosen)
    examples: list[Example] = []
    faults = Faults(path, request.strict or conllu)
    for sentence in sentences:
        with faults.row(sentence.lines[0] if sentence.lines else 1):
            examples.append(_make_example(path, sentence, chosen, spans=spans, longest=longest))
    faults.conclude(len(examples), say, "sentence")
    _check_hidden(path, examples, chosen=chosen, conllu=conllu)
    if len(examples) == 1 and len(examples[0].input) > LONG:
        say(f"{path}: one sentence of {len(examples[0].input):,} tokens; are blank lines missing between sentences?")
    return examples, chosen


def _drop_header(path: Path, sentences: list[Sentence], request: Request, say: Say) -> tuple[str, ...]:
    """Return the names of the columns; take the row that has them out of the sentences, wherever it stands.

    Names are "" where there are none.
    """
    first = next((sentence.rows[0] for sentence in sentences if sentence.rows), [])
    token = [place for place, cell in enumerate(first) if columns.matches(cell, token_tables.TOKEN)]
    tag = [
        place
        for place, cell in enumerate(first)
        if columns.matches(cell, (*request.columns.output, *token_tables.TAGS))
    ]
    if not token or not set(tag) - set(token):
        return ("",) * len(first)
    say(f"{path}: its first row names the columns: {list_names(first)}")
    for sentence in sentences:
        kept = [(row, line) for row, line in zip(sentence.rows, sentence.lines, strict=True) if row != first]
        sentence.rows, sentence.lines = [row for row, _ in kept], [line for _, line in kept]
    sentences[:] = [sentence for sentence in sentences if sentence.rows or sentence.bad]
    return tuple(first)


def _check_tags(where: str, rows: Sequence[list[str]], chosen: Choice) -> None:
    """Raise BadInput for a column of tags in which most differ: it holds words, as in a text without any tags."""
    if chosen.tag is not None and len(rows) >= FEW:
        tags, tokens = ({row[column] for row in rows} for column in (chosen.tag, chosen.token))
        if len(tags) > len(rows) / 2 or len(tags) > max(FEW, 2 * len(tokens)):
            raise BadInput(
                f"{where}: {len(tags):,} different tags and {len(tokens):,} different tokens in {len(rows):,} rows: "
                f"column {chosen.tag + 1} holds no tags. Expected a token and its tag per line; --text-column and "
                "--label-column choose the columns."
            )


def _check_hidden(path: Path, examples: Sequence[Example], chosen: Choice, conllu: bool) -> None:
    """Raise BadInput for a CoNLL-U file whose tokens or tags are "_" throughout."""
    if conllu and chosen.tag is not None and all(set(example.output) == {"_"} for example in examples):
        name = CONLLU[chosen.tag]
        raise BadInput(f"{path}: column {name!r} is '_', no tag, in every row. Try another --label-column.")
    if conllu and all(set(example.input) == {"_"} for example in examples):
        raise BadInput(
            f"{path}: column {CONLLU[chosen.token]!r} is '_', no token, in every row. Some treebanks come "
            "without their text, for its licence: merge it in first."
        )


def _divide(path: Path, lines: Sequence[str], conllu: bool, say: Say) -> Iterator[Sentence]:
    """Yield the sentences of a file, and say how many lines of one that is not CoNLL-U are comments."""
    # A TAB at the end of every line begins no column.
    ends = all(line.endswith("\t") for line in lines if "\t" in line)
    fields: dict[int, list[str]] = {}
    breaks: set[int] = set()
    comments = 0
    inside = False
    for number, line in enumerate(lines, 1):
        blank = not line.strip(" \t") or "-DOCSTART-" in line
        comment = not blank and (_is_comment(line, conllu, inside) or (not inside and _is_heading(lines, number)))
        if blank or (comment and line.startswith(SENTENCE)):
            breaks.add(number)
        comments += comment and not conllu
        inside = not blank and not comment
        if inside:
            found = _cut(line)
            fields[number] = found[:-1] if ends and found[-1] == "" and "\t" in line else found
    if comments:
        say(f"{path}: {comments:,} lines are comments")
    if not fields:
        return
    first = next(iter(fields))
    _check_width(f"{path}:{first}", lines[first - 1], width=len(fields[first]), conllu=conllu)
    counted = conllu or _counts_tokens([found[0] for found in fields.values()])
    sentence = Sentence()
    last = 0
    for number, found in fields.items():
        again = counted and found[0] == "1" and sentence.rows
        if (again or any(place in breaks for place in range(last + 1, number))) and (sentence.rows or sentence.bad):
            yield sentence
            sentence = Sentence()
        last = number
        _add_row(sentence, number, found, line=lines[number - 1], first=(first, len(fields[first])), conllu=conllu)
    if sentence.rows or sentence.bad:
        yield sentence


def _add_row(
    sentence: Sentence, number: int, found: list[str], *, line: str, first: tuple[int, int], conllu: bool
) -> None:
    """Take a row into a sentence, or note what is wrong with it. first: the line and the width of the first row."""
    if len(found) != first[1]:
        count = f"{len(found)} column{'s' if len(found) > 1 else ''}"
        message = f"{count} where the first row (line {first[0]}) has {first[1]}: {short(line)}."
        sentence.bad = sentence.bad or BadRow(f"{count} in place of {first[1]}", message, line=number)
    elif conllu and not found[0].isdigit():
        # Words of several tokens, and those that are only understood.
        if "-" not in found[0] and "." not in found[0]:
            message = (
                f"{short(found[0])} where CoNLL-U has a token's number. If the file has other columns, name it .conll."
            )
            sentence.bad = sentence.bad or BadRow("no token's number", message, line=number)
    else:
        sentence.rows.append(found)
        sentence.lines.append(number)


def _is_comment(line: str, conllu: bool, inside: bool) -> bool:
    """Return whether a line is a comment. inside: it is not the first of its sentence, and rather the token "#"."""
    if not line.startswith("#"):
        return False
    return conllu or (not inside and COMMENT.match(line) is not None) or line.startswith((*SENTENCE, "# text ="))


def _is_heading(lines: Sequence[str], number: int) -> bool:
    """Return whether a line that begins with "#" has another number of columns than the line below it."""
    line, below = lines[number - 1], lines[number] if number < len(lines) else ""
    return line.startswith("#") and bool(below.strip(" \t")) and len(_cut(line)) != len(_cut(below))


def _cut(line: str) -> list[str]:
    # str.split() without a separator would split at non-breaking spaces too.
    return line.split("\t") if "\t" in line else [field for field in line.split(" ") if field]


def _is_conllu(path: Path, lines: Sequence[str]) -> bool:
    if files.suffix(path) == ".conllu":
        return True
    row = next((line.split("\t") for line in lines if line.strip(" \t") and not line.startswith("# ")), [])
    return len(row) == len(CONLLU) and (row[0] == "1" or row[0].startswith("1-"))


def _choose_columns(
    where: str, rows: list[list[str]], request: Request, *, names: tuple[str, ...], spans: bool, say: Say
) -> Choice:
    width = len(rows[0])
    conllu = names == CONLLU
    asked = request.columns
    token = columns.choose(names, asked.input, given=asked.given_input, option="--text-column", where=where)
    label = None
    if not request.inputs_only:
        label = columns.choose(names, asked.output, given=asked.given_output, option="--label-column", where=where)
    if conllu and (token is None or (label is None and not request.inputs_only)):
        option, tried = ("--text-column", asked.input) if token is None else ("--label-column", asked.output)
        raise BadInput(
            f"{where}: CoNLL-U has no column {' or '.join(tried)}. Choose one of {', '.join(CONLLU)} with {option}."
        )
    if token is None:
        token = 1 if width > 2 and _counts_tokens([row[0] for row in rows]) else 0
        if token:
            say(f"{where}: its first column counts the tokens; the second holds them")
    if label is None and not request.inputs_only:
        label = _find_spans(rows, width, token) if spans else width - 1
        if label != width - 1:
            say(f"{where}: the tags are those of column {label + 1} of {width}, the last that holds tags of spans")
    if token == label:
        raise BadInput(
            f"{where}: column {token + 1} of {width} would be both the token and the tag. "
            "Choose them with --text-column and --label-column."
        )
    features = asked.choose_features(names, where=where)
    for column in features:
        if column in (token, label):
            raise BadInput(
                f"{where}: --feature-columns: column {names[column] or column + 1} is the "
                f"{'token' if column == token else 'tag'} already; leave it out."
            )
    return Choice(token, label, width, features)


def _counts_tokens(column: Sequence[str]) -> bool:
    """Return whether a column counts the tokens of each sentence, from 1 or from 0."""
    numbers = [int(value) if value.isdecimal() and len(value) < 9 else -1 for value in column]
    follows = [after in (before + 1, numbers[0]) for before, after in zip(numbers, numbers[1:], strict=False)]
    return numbers[0] in (0, 1) and -1 not in numbers and all(follows)


def _find_spans(rows: list[list[str]], width: int, token: int) -> int:
    """Return the last column of which nearly all values are tags of spans; the last of all if there is none."""
    for column in range(width - 1, -1, -1):
        tags = [span_schemes.is_tag(row[column].strip(" ")) for row in rows]
        if column != token and sum(tags) >= 0.9 * len(tags):
            return column
    return width - 1


def _check_width(where: str, line: str, width: int, conllu: bool) -> None:
    if conllu and width != len(CONLLU):
        raise BadInput(f"{where}: {width} columns where CoNLL-U has {len(CONLLU)}, separated by TABs: {short(line)}.")
    if width < 2:
        raise BadInput(
            f"{where}: one column where at least two are expected, a token and its tag, "
            f"separated by a TAB or spaces: {short(line)}."
        )


def _make_example(path: Path, sentence: Sentence, chosen: Choice, *, spans: bool, longest: int) -> Example:
    """Return a sentence as an example; BadRow if a row of it is none, BadInput if it is longer than `longest`."""
    if sentence.bad:
        raise sentence.bad
    if len(sentence.rows) > longest:
        raise BadInput(
            f"{path}:{sentence.lines[0]}: a sentence of {len(sentence.rows)} tokens starts here; "
            f"at most {longest} are read. A blank line between sentences is probably missing."
        )
    tokens = _take("token", chosen.token, sentence)
    if chosen.features:
        values = zip(*(_take("feature", column, sentence) for column in chosen.features), strict=True)
        tokens = tuple(map(Token, tokens, values))
    output = None
    if chosen.tag is not None:
        output = convert(_take("tag", chosen.tag, sentence), spans, sentence.lines)
    return Example(tokens, output, f"{path.name}:{sentence.lines[0]}")


def _take(what: str, column: int, sentence: Sentence) -> tuple[str, ...]:
    taken = tuple(row[column].strip(" ") for row in sentence.rows)
    if "" in taken:
        row = taken.index("")
        message = f"the {what} is empty (column {column + 1} of {len(sentence.rows[row])})."
        raise BadRow(f"the {what} is empty", message, line=sentence.lines[row])
    return taken


def convert(tags: tuple[str, ...], spans: bool, lines: Sequence[int | None]) -> tuple[str, ...]:
    """Return the tags, those of spans as BIO; BadRow if they are of no scheme. lines: where each stands."""
    if not spans:
        return tags
    for tag, line in zip(tags, lines, strict=True):
        if not span_schemes.is_tag(tag):
            message = f"{span_schemes.explain(tag)} If the tags are in another column, choose it: --label-column."
            raise BadRow("a tag of no span scheme", message, line=line)
    try:
        return span_schemes.to_bio(tags)
    except BadInput as error:
        raise BadRow("tags of two schemes", f"in the sentence that starts here, {error}") from None
