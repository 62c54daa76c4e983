"""What each time step of an input stands for, and what a visitor ought to know of how the input is read."""

from collections.abc import Sequence

from pipeline.example import Value
from pipeline.fields import InputField
from pipeline.fields.array import Arrays
from pipeline.fields.subwords import SPACE
from pipeline.fields.tokenizers import JOINER

# Unknown words that a note names.
NAMED = 8


def name_steps(field: InputField, value: Value, arrays: Arrays) -> list[str]:
    """Return a name for each time step of an encoded input: its words, say; their numbers where they have no names."""
    steps = next((len(arrays[name]) for name, array in field.arrays.items() if array.timed), 0)
    names = field.list_steps(value, arrays) or range(1, steps + 1)
    return [clean(str(name)) for name in names]


def clean(symbol: str) -> str:
    """Return a symbol as a person reads it: without the marks of where a space was, and a space as one sees it."""
    return symbol.replace(JOINER, "").replace(SPACE, " ").strip() or "␣"


def find_notes(field: InputField, value: Value, arrays: Arrays) -> list[str]:
    """Return what is cut from an input, and what of it is unknown; a sentence each."""
    notes = []
    names = name_steps(field, value, arrays)
    if cut := field.count_cut(value):
        notes.append(f"The text has {len(names) + cut:,} {field.unit}s; its middle, {cut:,} of them, is left out.")
    for key, array in field.arrays.items():
        if array.unknown is None or array.shape != (None,):
            continue
        unknown = dict.fromkeys(name for name, id in zip(names, arrays[key], strict=True) if id == array.unknown)
        if unknown:
            notes.append(f"Not in the training data, so unknown to the model: {quote_some(list(unknown))}.")
    return notes


def quote_some(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(f"“{name}”" for name in names[:NAMED]) + more
