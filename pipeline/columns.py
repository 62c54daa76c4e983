"""Which columns of a file, or features of a dataset, hold the input and the output."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Candidate names, tried in order; a number (as text, from 1) is a position.

    input, output: names such as ("text", "review"); the first that exists is used.
    given_input, given_output: what the user asked for by option; when set, nothing else is tried.
    """

    input: tuple[str, ...]
    output: tuple[str, ...]
    given_input: str | None = None
    given_output: str | None = None
