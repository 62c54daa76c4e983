"""`.arff` files of the UCR and UEA archives: attributes, then one series per line, its class last.

    @attribute t1 numeric                      one attribute per step, or
    @attribute channels relational             one that holds the channels of a series, with \\n between them
    @attribute class {walking,running}
    @data
    0.1,0.2,walking                            '0.1,0.2\\n1.5,1.6',walking

Not by scipy.io.arff, which keeps no line, and reads one value after the other: a tenth of the speed.
"""

import re
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields.signal import Signal
from pipeline.readers import files
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.series.cases import join_channels, read_channel, trim
from pipeline.readers.tabular.values import short

ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)\s+(.*)", re.IGNORECASE)
QUOTED = re.compile(r"""\s*(['"])(.*)\1\s*,\s*(.*)""")


def read(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of a file with their classes; without them where request.inputs_only.

    Channels that are not as long as each other, and steps that are missing at the end in all of them, are cut there.
    A line that cannot be read is left out, counted and said; in the last line BadInput is raised for it, as the file
    was cut short then.
    """
    lines = files.read_lines(path, request.encoding)
    first, steps, labels = read_header(path, lines)
    rows = [
        (number, line.strip())
        for number, line in enumerate(lines, 1)
        if number >= first and line.strip() and not line.startswith("%")
    ]
    if not rows:
        raise BadInput(f"{path}: there is no series after @data; is the file cut short?")
    examples: list[Example] = []
    faults = Faults(path, request.strict)
    for number, line in rows:
        with faults.row(number):
            try:
                signal, label = read_case(line, steps, labels)
            except BadRow as error:
                if number == rows[-1][0]:
                    raise BadInput(f"{path}:{number}: {error}; it is the last line: is the file cut short?") from None
                raise
            examples.append(Example(signal, None if request.inputs_only else label, f"{path.name}:{number}"))
    faults.conclude(len(examples), say)
    return examples


def read_header(path: Path, lines: list[str]) -> tuple[int, int | None, frozenset[str]]:
    """Return the line of the first series, how many steps one has, None for a relational attribute, and the classes.

    Raises BadInput where the last attribute is no class, or @data is missing.
    """
    attributes: list[str] = []
    inside = False
    for number, line in enumerate(lines, 1):
        word = line.split(maxsplit=1)[0].lower() if line.strip() else ""
        if word == "@data":
            if not attributes or not attributes[-1].startswith("{"):
                raise BadInput(
                    f"{path}:{number}: expected the class as the last attribute, such as @attribute class {{a,b}}"
                )
            labels = frozenset(label.strip().strip("'\"") for label in attributes[-1].strip("{} ").split(","))
            relational = "relational" in attributes
            return number + 1, None if relational else len(attributes) - 1, labels
        if word == "@end":
            inside = False
        elif word == "@attribute":
            found = ATTRIBUTE.match(line.strip())
            if not found:
                raise BadInput(f"{path}:{number}: expected '@attribute NAME TYPE', got {line!r:.60}")
            kind = found[2].strip()
            if not inside:
                attributes.append(kind.lower() if not kind.startswith("{") else kind)
            inside = inside or kind.lower() == "relational"
    raise BadInput(f"{path}: there is no line '@data' in it; is it an .arff file, and is it whole?")


def read_case(line: str, steps: int | None, labels: frozenset[str]) -> tuple[Signal, str]:
    """Return the series and the class of a line; BadRow for one that is not as the header says."""
    if steps is None:
        found = QUOTED.fullmatch(line)
        if not found:
            raise BadRow("no series in quotation marks", f"expected 'CHANNELS',CLASS, got {short(line)}")
        channels, label = re.split(r"\\n|\n", found[2].strip("\\n")), found[3]
    else:
        series, _, label = line.rpartition(",")
        channels = [series]
        if series.count(",") + 1 != steps:
            raise BadRow("too few or too many steps", f"expected {steps} numbers and a class")
    label = label.strip().strip("'\"")
    if label not in labels:
        raise BadRow("an unknown class", f"the class {short(label)} is none of those that the header names")
    return trim(join_channels([read_channel(channel) for channel in channels])), label
