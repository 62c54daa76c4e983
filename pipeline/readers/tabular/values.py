"""Values of tables: what a cell or a JSON value is as a text, a label or a number."""

import math
import re

from pipeline.readers.faults import BadRow

# As pandas, spreadsheets and SQL write that there is no value. "None" and "NA" are not here: they are labels too.
MISSING = frozenset(("", "nan", "null", "<na>", "#n/a", "n/a"))
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
PLAIN = re.compile(rf"\s*({NUMBER})\s*")
# "4/5", "4 out of 5 stars"; "1 star", "2.5 points".
FRACTION = re.compile(rf"\s*({NUMBER})\s*(?:/|out of|of)\s*({NUMBER})\s*(?:(?:stars?|points?)\s*)?", re.IGNORECASE)
UNITS = re.compile(rf"\s*({NUMBER})\s*(?:stars?|points?)\s*", re.IGNORECASE)
SURROGATE = re.compile("[\ud800-\udfff]")


def is_missing(value: object) -> bool:
    """Tell whether a value stands for none: null, NaN, nothing but blanks, "nan", "null", "N/A"."""
    if isinstance(value, str):
        return value.strip().casefold() in MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def text(value: object) -> str:
    """Return a text; BadRow if it is none, or empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise BadRow("the text is missing", f"the text is {short(value)}, not a string.", missing=True)
    if not isinstance(value, str):
        raise BadRow("the text is no string", f"the text is {short(value)}, not a string.")
    if not value.strip():
        cure = "Remove the row, or choose another column: --text-column."
        raise BadRow("the text is empty", f"the text is empty. {cure}", missing=True)
    if SURROGATE.search(value):
        message = f"half of a surrogate pair (\\ud800 to \\udfff) in the text: {short(value)}."
        raise BadRow("half of a surrogate pair in the text", message)
    return value


def label(value: object) -> str:
    """Return a label: 0, 0.0 and "0.0" are one, as programs that write tables do not keep them apart."""
    if is_missing(value):
        message = f"the label is missing ({short(value)}). Mend it, or choose another column: --label-column."
        raise BadRow("the label is missing", message, missing=True)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, float)):
        message = f"the label is {short(value)}, not a string or a number. Choose another column: --label-column."
        if isinstance(value, (list, tuple)):
            raise BadRow("several labels", f"{message} Several labels of a text are learned by the task labels.")
        raise BadRow("the label is neither a string nor a number", message)
    written = str(value).strip()
    if SURROGATE.search(written):
        raise BadRow("half of a surrogate pair in the label", f"half of a surrogate pair in the label {short(value)}.")
    return re.sub(r"(?<=\d)\.0+$", "", written) if re.fullmatch(r"-?\d+\.0+", written) else written


def number(value: object) -> tuple[float, float | None]:
    """Return a number and what it is out of: "4/5" is (4.0, 5.0), "1 star" and 1 are (1.0, None); BadRow if it is none.

    Infinity and NaN are no numbers, and neither are true and "1_0", which float() reads.
    """
    if is_missing(value):
        message = f"the label is {short(value)}, which is not a number. Choose another column: --label-column."
        raise BadRow("the number is missing", message, missing=True)
    found, scale = math.nan, None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
    elif isinstance(value, str):
        if match := FRACTION.fullmatch(value):
            found, scale = float(match[1]), float(match[2])
        elif match := UNITS.fullmatch(value) or PLAIN.fullmatch(value):
            found = float(match[1])
    if not math.isfinite(found) or (scale is not None and not 0 < scale < math.inf):
        message = f"the label is {short(value)}, which is not a number. Mend it, or choose another column: "
        raise BadRow("the label is not a number", message + "--label-column.")
    return found, scale


def is_plain(value: str) -> bool:
    """Tell whether a text is a number and nothing else."""
    return PLAIN.fullmatch(value) is not None


def short(value: object) -> str:
    """Return a value as Python writes it, cut to 80 characters."""
    try:
        written = repr(value)
    except ValueError:
        # A number of thousands of digits, which Python refuses to write.
        written = "a number of thousands of digits"
    return written if len(written) <= 80 else written[:77] + "..."
