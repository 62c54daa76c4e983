"""`.ts` files of the UCR and UEA archives of time series: a header, then one series per line, its class last.

@classLabel true walking running
@data
0.1,0.2,?:1.5,1.6,1.7:walking              two channels of three steps
(0,0.1),(2.5,0.2):(1,1.5):running          with time stamps: (time, value)
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields.signal import Signal
from pipeline.readers import files
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.series.cases import join_channels, join_timed, read_channel
from pipeline.readers.tabular.values import short

# A time stamp, which may have commas in it, and a value.
PAIR = re.compile(r"\(\s*([^()]*?)\s*,\s*([^(),]*?)\s*\)")


@dataclass(frozen=True)
class Header:
    """What stands before @data. first: the line of the first series. labels: the classes; None where none are told.

    labelled, timed: whether a line ends with a class, and has time stamps. channels: as many as are told, if any.
    """

    first: int
    labels: frozenset[str] | None = None
    labelled: bool = False
    timed: bool = False
    channels: int | None = None


def read(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the series of a file with their classes; without them where it has none, or request.inputs_only.

    A line that cannot be read is left out, counted and said; in the last line BadInput is raised for it, as the file
    was cut short then.
    """
    lines = files.read_lines(path, request.encoding)
    header = read_header(path, lines)
    rows = [(number, line.strip()) for number, line in enumerate(lines, 1) if number >= header.first and line.strip()]
    if not rows:
        raise BadInput(f"{path}: there is no series after @data; is the file cut short?")
    examples: list[Example] = []
    faults = Faults(path, request.strict)
    for number, line in rows:
        with faults.row(number):
            try:
                signal, label = read_case(line, header)
            except BadRow as error:
                if number == rows[-1][0]:
                    raise BadInput(f"{path}:{number}: {error}; it is the last line: is the file cut short?") from None
                raise
            examples.append(Example(signal, None if request.inputs_only else label, f"{path.name}:{number}"))
    faults.conclude(len(examples), say)
    return examples


def read_header(path: Path, lines: list[str]) -> Header:
    """Return what the lines before @data say; BadInput for one that is none of them, or where @data is missing."""
    known: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith(("#", "%")):
            continue
        name = words[0].lower()
        if name == "@data":
            flags = {name: bool(found) and found[0].lower() == "true" for name, found in known.items()}
            classes = known.get("@classlabel", [])
            channels = known.get("@dimensions") or known.get("@dimension") or ["1"] * flags.get("@univariate", False)
            return Header(
                number + 1,
                frozenset(classes[1:]) or None,
                labelled=flags.get("@classlabel", False) or flags.get("@targetlabel", False),
                timed=flags.get("@timestamps", False),
                channels=int(channels[0]) if channels and re.fullmatch(r"\d{1,6}", channels[0]) else None,
            )
        if not name.startswith("@"):
            raise BadInput(f"{path}:{number}: expected a line such as '@classLabel true a b', got {line!r:.60}")
        known[name] = words[1:]
    raise BadInput(f"{path}: there is no line '@data' in it; is it a .ts file, and is it whole?")


def read_case(line: str, header: Header) -> tuple[Signal, str | None]:
    """Return the series and the class of a line; BadRow for one that is not as the header says."""
    *parts, last = line.split(":") if not header.timed else _divide(line)
    label = last.strip() if header.labelled else None
    channels = parts if header.labelled else [*parts, last]
    if header.channels and len(channels) != header.channels:
        wanted = f"{header.channels} channel{'s' * (header.channels != 1)}" + " and a class" * header.labelled
        raise BadRow("too few or too many channels", f"expected {wanted} with colons between, found {len(channels)}")
    if not channels:
        raise BadRow("no series", f"there is no series in {short(line)}")
    if header.labels and label not in header.labels:
        raise BadRow("an unknown class", f"the class {short(label)} is none of those that @classLabel names")
    if not header.timed:
        return join_channels([read_channel(channel) for channel in channels]), label
    found = []
    for channel in channels:
        pairs = PAIR.findall(channel)
        if PAIR.sub("", channel).strip(" ,"):
            raise BadRow("no pairs of time and value", f"expected (time,value),(time,value), got {short(channel)}")
        found.append(([time for time, _ in pairs], read_channel(",".join(value for _, value in pairs))))
    return join_timed(found), label


def _divide(line: str) -> list[str]:
    """Return the parts between colons, but for those inside parentheses, of times of day."""
    return re.split(r":(?![^()]*\))", line)
