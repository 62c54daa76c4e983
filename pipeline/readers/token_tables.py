"""Tables of tokens under a header: a row per token, and a column that says the sentence, as Kaggle's `Sentence #`.

Or a row per sentence, whose tags (and tokens) are lists as Python writes them: what pandas makes of them in CSV.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.errors import BadInput, list_names
from pipeline.example import Example, Token
from pipeline.readers.faults import BadRow
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import records
from pipeline.readers.tabular.columns import choose, is_number, matches
from pipeline.readers.tabular.dialect import DELIMITERS
from pipeline.readers.tabular.records import Record, Table
from pipeline.readers.tabular.values import short

TOKEN = ("word", "token", "words", "form", "tokens", "Sentence", "text")
# Beside those of the task.
TAGS = ("tag", "tags", "pos", "ner", "label", "chunk", "entity")
SENTENCE = ("Sentence #", "sentence_id", "sentence_idx", "sentence_number", "sent_id", "sent_idx", "sentence", "sent")
# Not a tag such as "[PUNCT]".
LIST = re.compile(r"""\[\s*['"\d].*\]""", re.DOTALL)
# "['a' 'b']": two strings without a comma, which Python takes for one.
ARRAY = re.compile(r"""\[\s*(['"])[^'"]*\1\s+['"]""")
# A table of one sentence of more tokens does not say where one begins.
LONG = 60


def is_table(text: str, request: Request) -> bool:
    """Tell whether the first row of a file names a column of tokens; between TABs also one of tags or of sentences."""
    first = next((line for line in text.split("\n", 20) if line.strip()), "")
    asked = request.columns
    tokens = [*TOKEN, *(name for name in (asked.given_input,) if name and not is_number(name))]
    others = [*SENTENCE, *TAGS, *asked.output, *(name for name in (asked.given_output,) if name)]
    for delimiter in DELIMITERS:
        names = [cell.strip().strip('"') for cell in first.split(delimiter)]
        if len(names) > 1 and any(matches(name, tokens) for name in names):
            return delimiter != "\t" or any(matches(name, others) for name in names)
    return False


@dataclass
class Sentence:
    """One sentence. line: of its first row. bad: what is wrong with the first row that cannot be read."""

    line: int
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    bad: BadRow | None = None


def read(path: Path, request: Request, say: Say) -> list[tuple[int, Example | BadRow]]:
    """Return the sentences of a table, or what is wrong with one, each with the line of its first row.

    A sentence begins where its column has another value; that need not be repeated in each of its rows. Without such a
    column it begins after a blank line, or a row without a token and a tag.
    Raises BadInput where the columns are not there, and where nothing tells the sentences apart.
    """
    columns = replace(request.columns, input=(*TOKEN, *request.columns.input))
    table = records.read(path, replace(request, columns=columns, header="yes"), say)[""]
    where = table.where
    token = choose(table.names, columns.input, given=columns.given_input, option="--text-column", where=where)
    tag = None
    if not request.inputs_only:
        tag = choose(table.names, columns.output, given=columns.given_output, option="--label-column", where=where)
    division = choose(table.names, SENTENCE, given=None, option="--text-column", where=where)
    if token is None or (tag is None and not request.inputs_only):
        option, tried = ("--text-column", columns.input) if token is None else ("--label-column", columns.output)
        found = list_names(map(repr, table.names))
        raise BadInput(f"{where}: no column named {' or '.join(tried)}. Found: {found}. Choose one with {option}.")
    again = [line for line, record in table.records if isinstance(record, BadRow)]
    if again:
        say(f"{path}: the header once more in {len(again):,} rows, which are left out, such as line {again[0]}")
        kept = [(line, record) for line, record in table.records if not isinstance(record, BadRow)]
        table = replace(table, records=kept)
    features = columns.choose_features(table.names, where=where)
    sentences = list(_divide(table, token=token, tag=tag, division=division, features=features))
    if len(sentences) == 1 and len(sentences[0].tokens) > LONG and division is None:
        raise BadInput(
            f"{where}: {len(sentences[0].tokens):,} tokens, and nothing says where a sentence begins: no column such "
            "as 'Sentence #' or sentence_id, and no blank line."
        )
    return [(one.line, one.bad or _make_example(path, one, tagged=tag is not None)) for one in sentences]


def _make_example(path: Path, sentence: Sentence, *, tagged: bool) -> Example:
    tags = tuple(sentence.tags) if tagged else None
    return Example(tuple(sentence.tokens), tags, f"{path.name}:{sentence.line}")


def _divide(
    table: Table, *, token: int, tag: int | None, division: int | None, features: Sequence[int]
) -> Iterator[Sentence]:
    sentence, last, before = None, "", 0
    for line, record in table.records:
        number, word, label, bad = _read_row(table, record, token=token, tag=tag, division=division)
        blank = division is None and (line > before + 1 or not (word or label or bad)) and before
        if sentence and (blank or (number and number != last)):
            yield sentence
            sentence = None
        last, before = number or last, line
        if not (word or label or bad):
            continue
        if LIST.fullmatch(label):
            if sentence:
                yield sentence
                sentence = None
            yield _read_lists(line, word, label)
            continue
        sentence = sentence or Sentence(line)
        sentence.bad = sentence.bad or bad
        if features and word and not bad:
            word = Token(word, [str(table.get(record, column)).strip() for column in features])
        sentence.tokens.append(word)
        sentence.tags.append(label)
    if sentence:
        yield sentence


def _read_row(
    table: Table, record: Record, *, token: int, tag: int | None, division: int | None
) -> tuple[str, str, str, BadRow | None]:
    """Return the sentence, the token and the tag of a row, "" where there is none, and what is wrong with it."""
    try:
        number, word, label = (
            "" if column is None else str(table.get(record, column)).strip() for column in (division, token, tag)
        )
    except BadRow as error:
        return "", "", "", error
    bad = None
    if (word or label) and not word:
        bad = BadRow("the token is empty", f"the token is empty, and its tag is {short(label)}.")
    elif word and tag is not None and not label:
        bad = BadRow("the tag is empty", f"the tag of {short(word)} is empty.")
    return number, word, label, bad


def _read_lists(line: int, words: str, tags: str) -> Sentence:
    """Return the sentence of a row that holds lists; its words may be a text, divided at blanks."""
    try:
        return Sentence(line, _read_list(words) if words.startswith("[") else words.split(), _read_list(tags))
    except BadRow as error:
        return Sentence(line, bad=error)


def _read_list(text: str) -> list[str]:
    try:
        found = None if ARRAY.match(text) else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(one, (str, int)) for one in found):
        raise BadRow("no list", f"{short(text)} where a list is expected, such as ['a', 'b'].")
    return [str(one) for one in found]
