"""Drafts and their corrections: parallel files, tables, and M2 files of the shared tasks.

An M2 file (Dahlmeier and Ng 2012) has a block of lines per sentence: the sentence, its tokens between blanks, and an
edit a line. The numbers are those of the tokens from which on, and up to which, others stand in their place:

    S This are a sentence .
    A 1 2|||R:VERB:SVA|||is|||REQUIRED|||-NONE-|||0
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example, Output, Splits
from pipeline.fields.edits.marks import mark
from pipeline.on_disk import keep_as
from pipeline.readers import files, parallel
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say

ENDING = ".m2"
TARGETS = ("target", "trg", "tgt", "output", "corrected", "correction", "correct")
# An edit that says that nothing is to be changed.
NOOP = ("noop", "UNK", "Um")


def read(request: Request, say: Say) -> Splits:
    """Return drafts with their right texts; where a draft has those of several people, with Alternatives.

    Raises BadInput with the file and the line, for an M2 edit outside its sentence too.
    """
    path = files.check_exists(request.path)
    named = [file for file in (*([path] if path.is_file() else path.iterdir()), *request.files.values())]
    if not any(files.suffix(file) == ENDING for file in named):
        return parallel.read(request, say)
    found = files.find(request, ((ENDING,),), say)
    return {
        split: [example for file in several for example in read_m2(file, request, say)]
        for split, several in found.items()
    }


def mark_all(splits: Splits) -> Splits:
    """Return drafts with what is to be changed in them, as marked texts."""
    return {split: keep_as(examples, map(_mark, examples)) for split, examples in splits.items()}


def _mark(example: Example) -> Example:
    if example.output is None:
        return example
    source = " ".join(example.input.split())

    def marked(text: str) -> str:
        return mark(source, " ".join(text.split()))

    output: Output = example.output
    several = isinstance(output, Alternatives)
    return replace(
        example, input=source, output=Alternatives(marked(one) for one in output) if several else marked(output)
    )


def read_m2(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the sentences of an M2 file with what each of the annotators makes of them."""
    examples: list[Example] = []
    faults = Faults(path, request.strict)
    for line, sentence, edits in _divide(path, request):
        with faults.row(line):
            texts = _apply_all(sentence.split(), edits)
            if not sentence.strip():
                raise BadRow("the sentence is empty", missing=True)
            output: Output = None
            if not request.inputs_only:
                output = texts[0] if len(texts) == 1 else Alternatives(texts)
            examples.append(Example(" ".join(sentence.split()), output, f"{path.name}:{line}"))
    faults.conclude(len(examples), say, "sentence")
    return examples


def _divide(path: Path, request: Request) -> Iterator[tuple[int, str, list[tuple[int, str]]]]:
    """Yield the line of each sentence, the sentence, and its edits, each with its line."""
    line, sentence = 0, None
    edits: list[tuple[int, str]] = []
    for number, text in enumerate(files.read_lines(path, request.encoding), 1):
        kind, _, rest = text.partition(" ")
        if kind == "S":
            if sentence is not None:
                yield line, sentence, edits
            line, sentence, edits = number, rest, []
        elif kind == "A" and sentence is not None:
            edits.append((number, rest))
        elif text.strip():
            raise BadInput(
                f"{path}:{number}: expected a line that begins with S, a sentence, or after it with A, an edit; got "
                f"{text!r:.60}"
            )
    if sentence is not None:
        yield line, sentence, edits


def _apply_all(tokens: list[str], edits: list[tuple[int, str]]) -> list[str]:
    """Return the sentence as each annotator corrects it, without doubles; BadRow for an edit that cannot be."""
    annotators: dict[str, list[tuple[int, int, str, int]]] = {}
    for line, text in edits:
        parts = text.split("|||")
        try:
            start, end = map(int, parts[0].split())
            kind, words, annotator = parts[1], parts[2], parts[5]
        except (ValueError, IndexError):
            message = f"expected START END|||TYPE|||WORDS|||REQUIRED|||-NONE-|||ANNOTATOR, got {text!r:.60}"
            raise BadRow("no edit", message, line=line) from None
        mine = annotators.setdefault(annotator, [])
        if kind in NOOP or start == end == -1:
            continue
        if not 0 <= start <= end <= len(tokens):
            message = f"an edit of the tokens {start} to {end}, and the sentence has {len(tokens)}"
            raise BadRow("an edit outside its sentence", message, line=line)
        mine.append((start, end, "" if words == "-NONE-" else words, line))
    return list(dict.fromkeys(_apply(tokens, sorted(mine)) for mine in annotators.values())) or [" ".join(tokens)]


def _apply(tokens: list[str], edits: list[tuple[int, int, str, int]]) -> str:
    written: list[str] = []
    place = 0
    for start, end, words, line in edits:
        if start < place:
            message = f"an edit from token {start} on, and another one goes up to token {place}"
            raise BadRow("edits that overlap", message, line=line)
        written += [*tokens[place:start], words]
        place = end
    return " ".join(part for part in [*written, *tokens[place:]] if part)
