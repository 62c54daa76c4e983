"""The one currency of the project: an example, and where it came from."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One pair of an input and its expected output.

    input: what the model is given: a text, or a tuple of tokens.
    output: what it should answer: a tuple of tags (as long as the input), a label, a number.
    origin: where it was read, as "file:line"; error messages point there.
    """

    input: Any
    output: Any
    origin: str = ""


# The keys are "train", "validation" and "test"; a reader may leave out the last two (see splits.py).
Splits = dict[str, list[Example]]
