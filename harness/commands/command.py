"""A command of run.py: what it does, the words after it, and its options."""

from argparse import SUPPRESS, BooleanOptionalAction
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.arguments import Parser, path
from harness.process.machine import Machine
from pipeline.option import Option, Value, declared
from pipeline.readers.request import Reading

Arguments = Sequence[str]
FLAG = BooleanOptionalAction
# Options of how another file is read than the training data.
READING = declared(Reading, "data")


def add_json(parser: Parser) -> Parser:
    """Add what every command takes."""
    parser.run.add_argument("--include", action="append", metavar="FILE", help="A Python file with a task or a cell.")
    parser.run.add_argument("--json", action=FLAG, default=False, help="Print one JSON object on standard output.")
    return parser


def add_runs(parser: Parser) -> Parser:
    """Add the folder of all runs."""
    parser.run.add_argument("--runs", type=path, default=Path("runs"), metavar="DIR", help="Folder of all runs. [runs]")
    return parser


def add_machine(parser: Parser) -> Parser:
    """Add what every command that starts Keras takes."""
    parser.add_options(declared(Machine, "run").values())
    return add_json(parser)


@dataclass(frozen=True)
class Command:
    """One command.

    call: does it, from the words after its name; the first line of its docstring is its help. It returns the exit code,
        None for 0, and raises BadInput for a user's mistake.
    words: what stands after the name beside options, each with its number, as argparse has it: None is one, "+" one or
        more, "*" any number.
    add: adds its own options to a parser, and returns it.
    """

    name: str
    call: Callable[[Arguments], int | None]
    words: Mapping[str, str | None] = field(default_factory=dict)
    add: Callable[[Parser], Parser] = add_json

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return (self.call.__doc__ or "").splitlines()[0]

    def make_parser(self, options: Iterable[Option] = ()) -> Parser:
        """Return its parser. options: those of a task, before its own."""
        shown = {None: "{}", "*": "[{} ...]", "+": "{0} [{0} ...]"}
        usage = " ".join(shown[count].format(word.upper()) for word, count in self.words.items())
        parser = Parser(self.name, f"{usage} [options]".strip(), self.call.__doc__)
        for word, count in self.words.items():
            # The usage shows them.
            parser.add_argument(
                f"{word}s" if count else word,
                nargs=count,
                metavar=word.upper(),
                help=SUPPRESS,
                default=[] if count else SUPPRESS,
            )
        parser.add_options(options)
        return self.add(parser)


def divide(chosen: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the options of reading, and those of decoding, that are given for a trained run."""
    reading = {name: value for name, value in chosen.items() if name in READING}
    return reading, {name: value for name, value in chosen.items() if name not in READING}
