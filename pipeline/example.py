"""The one currency of the project: an example, and where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

# Each task has other types on its two sides: its fields say which, and no checker knows.
Input: TypeAlias = Any
Output: TypeAlias = Any
# Either of them.
Value: TypeAlias = Any


class Alternatives(tuple):
    """Several right outputs of one input, such as the captions that people wrote to one image.

    In training each is learned; in a test each is right, and the metrics are given all of them.
    """


class Continued(str):
    """A part of a running text that goes on where the input of the example before ended.

    It is no equal of the same text that stands alone, to which a model answers something else.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Continued) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class Token(str):
    """A token with what further columns of its file say of it, such as its lemma.

    features: in the order in which the columns were asked for.
    """

    features: tuple[str, ...]

    def __new__(cls, text: str, features: Sequence[str]) -> Self:
        token = super().__new__(cls, text)
        token.features = tuple(features)
        return token

    def __reduce__(self) -> tuple:
        return Token, (str(self), self.features)

    def __repr__(self) -> str:
        # The fingerprint of the data is made of this.
        return f"Token({str(self)!r}, {self.features!r})"


@dataclass(frozen=True, slots=True)
class Example:
    """One pair of an input and its expected output.

    input: what the model is given: a text, a tuple of tokens, a picture.
    output: what it should answer: a tuple of tags (as long as the input), a label, a number, a text; or Alternatives.
    origin: where it was read, as "file:line"; error messages point there.
    group: what it has in common with others that belong in one split with it, such as a speaker; None: not asked for.
    """

    input: Input
    output: Output
    origin: str = ""
    group: str | None = None


def first(output: Output) -> Output:
    """Return the output itself, or the first of Alternatives."""
    return output[0] if isinstance(output, Alternatives) else output


# The keys are "train", "validation" and "test"; a reader may leave out the last two (see splits.py).
Splits = dict[str, Sequence[Example]]
