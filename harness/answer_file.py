"""Answer files: predictions written as they come, in the form that the name of the file asks for.

.jsonl     one JSON object per line
.csv       a row per input: what was read, what is answered, and the numbers beside it
others     as on the terminal, or as one JSON object (--json)
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.predict import Prediction, format_plainly
from pipeline.errors import BadInput
from pipeline.printable import quote_cell
from pipeline.record import dump

LINES, TABLE = (".jsonl", ".ndjson"), (".csv",)
# Between the tags or labels of one answer in a cell.
BETWEEN = " "


def format_answers(
    parts: Iterable[Sequence[Prediction]],
    *,
    run: str,
    path: Path | None,
    as_json: bool,
    name_steps: Callable[[str], Sequence[str]],
    ascii_only: bool = False,
) -> Iterator[str]:
    """Yield the text of predictions, part by part. path: of the file they go to; None for the terminal.

    run: its name. as_json: of --json. name_steps: see `format_plainly`. ascii_only: JSON with escapes for all else.
    """
    kind = path.suffix.lower() if path else ""
    if kind in LINES:
        yield from ("".join(f"{dump(one, ascii_only=ascii_only)}\n" for one in part) for part in parts)
    elif kind in TABLE:
        yield from _format_table(parts)
    elif as_json:
        yield from _format_json(parts, run, ascii_only=ascii_only)
    else:
        yield from (f"{format_plainly(part, name_steps)}\n" for part in parts)


def _format_json(parts: Iterable[Sequence[Prediction]], run: str, *, ascii_only: bool) -> Iterator[str]:
    """Yield {"run": ..., "predictions": [...]}, as `dump` writes it with an indent."""
    name = dump(run, ascii_only=ascii_only)
    begun = False
    for part in parts:
        for one in part:
            # A line break is of the indent: those in texts are escapes.
            text = dump(one, indent=1, ascii_only=ascii_only).replace("\n", "\n  ")
            yield f",\n  {text}" if begun else f'{{\n "run": {name},\n "predictions": [\n  {text}'
            begun = True
    yield "\n ]\n}\n"


def _format_table(parts: Iterable[Sequence[Prediction]]) -> Iterator[str]:
    """Yield rows; the first answer says which numbers there are."""
    names: list[str] = []
    for part in parts:
        written = io.StringIO()
        table = csv.writer(written, lineterminator="\n")
        for one in part:
            if not names and one["input"] is not None:
                if isinstance(one["output"], Mapping):
                    raise BadInput("--output: an answer of several numbers per time is no row; give a .json or .jsonl")
                names = ["input", "output", *(name for name, value in one.items() if _is_cell(name, value))]
                table.writerow(names)
            # Texts of strangers: no spreadsheet takes them for formulas.
            table.writerow([quote_cell(_join(one.get(name))) for name in names or ["input", "output"]])
        yield written.getvalue()


def _is_cell(name: str, value: object) -> bool:
    return name not in ("input", "output") and isinstance(value, (str, int, float))


def _join(value: object) -> object:
    return BETWEEN.join(map(str, value)) if isinstance(value, (tuple, list)) else value
