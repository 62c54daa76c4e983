"""Requests: the inputs that one has, as a JSON list or as uploaded files. No file is opened that was not uploaded."""

import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from harness import inputs
from harness.experiment import pointing_at
from harness.inputs import Input
from harness.process.console import say
from harness.serving.refusal import Refusal
from harness.serving.served_run import Question, ServedRun, check_characters
from pipeline.errors import BadInput, TooLong
from pipeline.example import Value
from pipeline.option import Value as OptionValue
from pipeline.readers import files

TEXTS = msgspec.json.Decoder(list[str])
TEXTS_OR_TOKENS = msgspec.json.Decoder(list[str | list[str]])
# Of an upload's name only its ending is used; an odd one is none.
ENDING = re.compile(r"\.[a-z0-9]{1,8}")
# Tables that are packed: what unpacks to gigabytes is not opened for others.
PACKED = (".parquet",)


@dataclass(frozen=True)
class Upload:
    """An uploaded file. name: as it was called there. path: where it is here, under another name."""

    name: str
    path: Path


@dataclass
class Asked:
    """What a request asks.

    questions: those with something in them. blanks: whether an input has nothing in it, for each. notes: what is worth
    knowing of a file, a line each.
    """

    questions: list[Question]
    blanks: list[bool]
    notes: list[str] = field(default_factory=list)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Raise as a refusal whatever an input makes a reader or a field raise. what: the request, for the log."""
    try:
        yield
    except Refusal:
        raise
    except BadInput as error:
        raise Refusal.of(error) from error
    except RecursionError:
        raise Refusal(422, "it nests too deep to be read") from None
    # A reader that did not expect this: no reason to trouble others, nor to hide it.
    except Exception as error:
        say(f"{what}: could not be read\n{traceback.format_exc()}")
        raise Refusal(422, f"it cannot be read ({type(error).__name__})") from error


def read_json(run: ServedRun, body: bytes, *, seed: int = 0) -> Asked:
    """Return the questions in a JSON list of texts, or of lists of tokens for a run that reads these."""
    given = run.experiment.input_field
    if given.file:
        raise Refusal(415, f"{run.path} reads {given.file}s: upload one, as in curl -F file=@FILE")
    try:
        texts = (TEXTS_OR_TOKENS if given.tokenizer else TEXTS).decode(body)
    except msgspec.ValidationError as error:
        kinds = "texts, or of lists of tokens" if given.tokenizer else "texts"
        raise Refusal(422, f'expected a JSON list of {kinds}, such as ["a text"]: {error}') from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f'the body is no JSON ({error}); expected a list of texts, such as ["a text"]') from None
    check_count(run, len(texts))
    with refusing(run.path):
        asked = []
        for number, text in enumerate(texts, 1):
            origin = f"input {number}"
            with pointing_at(origin):
                # Before it is divided into tokens, which takes long for a very long one.
                check_characters(text, run.limits.max_characters)
                asked.append(Input(origin, given.parse(text) if isinstance(text, str) else tuple(text)))
        return Asked(run.encode(asked, seed=seed), [False] * len(asked))


def check_count(run: ServedRun, count: int) -> None:
    """Refuse no inputs at all, and more than a request may have."""
    if not count:
        raise Refusal(422, "there is no input in it; give at least one")
    if count > run.limits.max_inputs:
        raise Refusal(413, f"it has {count:,} inputs, and at most {run.limits.max_inputs:,} are allowed; divide it")


def read_uploads(run: ServedRun, uploads: Sequence[Upload], reading: dict[str, OptionValue], *, seed: int = 0) -> Asked:
    """Return the questions in uploaded files: images or recordings, or the lines or rows of text files and tables.

    reading: options of how a table is read.
    """
    check_count(run, len(uploads))
    found: list[Input] = []
    shown: list[Value] = []
    notes: list[str] = []
    with refusing(run.path), naming(uploads):
        for upload in uploads:
            if kind := run.experiment.input_field.file:
                check_not_empty(upload, kind)
                found.append(Input(str(upload.path), run.experiment.input_field.parse(str(upload.path))))
                shown.append(upload.name)
            else:
                found += read_text_file(run, upload, reading, notes)
        check_count(run, len(found))
        questions = run.encode(found, shown=shown, seed=seed)
    # A message that names the file has its name here.
    return Asked(questions, [one.value is None for one in found], [rename(uploads, note) for note in notes])


def check_not_empty(upload: Upload, kind: str) -> None:
    if not upload.path.stat().st_size:
        raise BadInput(f"{upload.path}: the file has 0 bytes; expected one {kind}")


def read_text_file(run: ServedRun, upload: Upload, reading: dict[str, OptionValue], notes: list[str]) -> list[Input]:
    """Return the inputs of a text file, one per line, or of a table or corpus as for training."""
    with upload.path.open("rb") as file:
        head = file.read(8)
    if any(head.startswith(mark) for mark in files.MAGIC) or files.suffix(upload.path) in PACKED:
        raise Refusal(415, f"{upload.name:.100}: a compressed file; send it unpacked, as text")
    return inputs.read_file(run.experiment, str(upload.path), reading, tell=notes.append)


@contextmanager
def naming(uploads: Sequence[Upload]) -> Iterator[None]:
    """Put the names that files had where they came from into the messages of what is raised inside."""
    try:
        yield
    except BadInput as error:
        kind = TooLong if isinstance(error, TooLong) else BadInput
        raise kind(rename(uploads, str(error))) from error
    except Refusal as error:
        raise Refusal(error.status, rename(uploads, error.message), retry_after=error.retry_after) from error


def rename(uploads: Sequence[Upload], text: str) -> str:
    for one in uploads:
        name = one.name[:100]
        text = text.replace(str(one.path), name).replace(one.path.name, name)
        # An error of a file names it, and so does whoever tells of which file an error is.
        text = text.replace(f"{name}: {name}: ", f"{name}: ")
    return text


def choose_path(folder: Path, number: int, name: str) -> Path:
    """Return where an upload is kept: its own name may be anything, such as a path."""
    ending = Path(name.lower()).suffix
    return folder / f"upload-{number}{ending if ENDING.fullmatch(ending) else ''}"
