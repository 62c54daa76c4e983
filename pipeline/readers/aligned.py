"""Aligned files: line N of one is the input, line N of the other what is expected of it."""

import html
import re
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example, Output
from pipeline.readers import files
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say

# The file of the inputs, and that of the outputs, which is None where there is none.
Pair = tuple[Path, Path | None]
SGML = (".sgm", ".sgml")
# None is in another: many that are never closed would each be looked for to the end of the file.
SEGMENT = re.compile(r"<seg\b[^<>]*>((?:(?!<seg\b).)*?)</seg>", re.DOTALL | re.IGNORECASE)


def pair(
    source: Path, target: Path | None, request: Request, say: Say, *, convert: Callable[[str], Output] = str
) -> list[Example]:
    """Return one example per line: the line of one file, and what `convert` makes of that of the other.

    target: None where the outputs are not known; they are None, and it is said. convert: raises BadRow for a line that
    is no output. A pair of empty lines is left out, and so is one of which one is empty; both are counted. Files may
    be NIST's SGML, whose segments are the lines.
    Raises BadInput for files of unequal length.
    """
    left = read_lines(source, request)
    if target is None:
        say(f"{source}: nothing beside it says what is expected, so what is answered to it is not scored")
        texts = ((number, line.strip()) for number, line in enumerate(left, 1))
        alone = [Example(text, None, f"{source.name}:{number}") for number, text in texts if text]
        if blank := len(left) - len(alone):
            say(f"{source}: {blank:,} of {len(left):,} lines are empty; they are left out")
        return alone
    right = read_lines(target, request)
    if len(left) != len(right):
        raise BadInput(
            f"{source} has {len(left)} lines, and {target} has {len(right)}: line N of one must belong to line N of "
            "the other. Mend the files."
        )
    examples: list[Example] = []
    faults = Faults(source, request.strict)
    for number, (text, wanted) in enumerate(zip(left, right, strict=True), 1):
        text, wanted = text.strip(), wanted.strip()
        with faults.row(number):
            if bool(text) != bool(wanted):
                empty, full = (target, source) if text else (source, target)
                message = f"{empty}:{number} is empty, and {full}:{number} is not. Mend or remove both."
                raise BadRow("one of the two lines is empty", message, missing=True)
            if text:
                examples.append(Example(text, convert(wanted), f"{source.name}:{number}"))
    if blank := len(left) - len(examples) - faults.count:
        say(f"{source}: {blank:,} of {len(left):,} lines are empty, in {target.name} too; they are left out")
    faults.conclude(len(examples), say, "pair")
    return examples


def read_lines(path: Path, request: Request) -> list[str]:
    """Return the lines of a file of text, or the segments of NIST's SGML; BadInput if it has none."""
    if files.suffix(path) not in SGML:
        lines = files.read_lines(path, request.encoding)
        files.refuse_page(path, lines[0])
        return lines
    segments = SEGMENT.findall(files.read_text(path, request.encoding))
    if not segments:
        raise BadInput(f"{path}: no <seg> in this file; expected NIST's SGML, or name it without {path.suffix}.")
    return [" ".join(html.unescape(segment).split()) for segment in segments]
