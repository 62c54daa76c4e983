"""The command line: parsers made from options, with messages that name what is meant."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from pipeline.errors import BadInput, shorten, unknown
from pipeline.files import expand_home
from pipeline.option import Option, Value, make_flag

WIDEST = 120
HEADINGS = ("data", "model", "training", "decoding", "run")


class Formatter(argparse.HelpFormatter):
    """Help with one line per option, as far as the terminal is wide enough."""

    def __init__(self, prog: str):
        # Where there is no terminal, lines are not cut to fit one.
        columns = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else WIDEST
        super().__init__(prog, max_help_position=34, width=min(columns, WIDEST))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        # Once for both names of a flag.
        if isinstance(action, argparse.BooleanOptionalAction):
            return action.option_strings[0].replace("--", "--[no-]", 1)
        return super()._format_action_invocation(action)


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are BadInput, and which does not guess what an abbreviation stands for.

    command: its name. usage: what stands after it. Options that are not given are not in the result.
    """

    def __init__(self, command: str, usage: str = "", description: str | None = None):
        super().__init__(
            prog=f"run.py {command}",
            # Where all options of all tasks are known at once, some have one earlier name.
            conflict_handler="resolve",
            usage=f"run.py {command} {usage}".strip(),
            description=description,
            formatter_class=Formatter,
            allow_abbrev=False,
            add_help=False,
            argument_default=argparse.SUPPRESS,
        )
        self.command = command
        self.explain: Callable[[str], BadInput | None] = lambda flag: None
        self.options: dict[str, Option] = {}
        # What --help does not show, with what --help-all says of it.
        self.rare: dict[argparse.Action, str] = {}
        self.groups = {title: self.add_argument_group(title) for title in HEADINGS}
        self.run = self.groups["run"]

    def error(self, message: str) -> NoReturn:
        """Raise BadInput, in place of a usage message and the end of the process."""
        raise BadInput(f"{self.command}: {shorten(message, 200)}; see run.py {self.command} --help")

    def add_options(self, options: Iterable[Option]) -> None:
        """Add options under their headings."""
        for one in options:
            self.options[one.name] = one
            for name in (one.name, *one.aliases):
                self._add(one, name)

    def _add(self, one: Option, name: str) -> None:
        shown = one.help if one.default is None else f"{one.help} [{show(one.default)}]"
        # Earlier names are accepted, and not shown.
        text = argparse.SUPPRESS if name in one.aliases else shown.replace("%", "%%")
        add, flag = self.groups[one.group].add_argument, make_flag(name)
        if one.type is bool:
            action = add(flag, dest=one.name, action=argparse.BooleanOptionalAction, help=text)
        else:
            action = add(flag, dest=one.name, metavar=describe_values(one), help=text)
        if one.rare and name == one.name:
            self.rare[action] = text
            action.help = argparse.SUPPRESS

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what is given, by name; BadInput, with what was meant, for what the parser does not know.

        Prints the help and ends the process where that is asked for.
        """
        self.run.add_argument("-h", "--help", action="help", help="Show this help.")
        if self.rare:
            more = f"Show also the {len(self.rare)} options that few need."
            self.run.add_argument("--help-all", action=HelpAll, nargs=0, help=more)
        given, rest = self.parse_known_intermixed_args(arguments)
        for word in rest:
            name = word.partition("=")[0]
            if name.startswith("-"):
                raise self.refuse(name)
            raise BadInput(f"{self.command}: {shorten(word)!r} was not expected; see run.py {self.command} --help")
        for name, one in self.options.items():
            if isinstance(text := vars(given).get(name), str):
                setattr(given, name, one.parse(text))
            elif one.group == "run" and name not in given:
                setattr(given, name, one.default)
        return given

    def refuse(self, flag: str) -> BadInput:
        """Return the error for an option that there is not; `explain` may know more of it."""
        if error := self.explain(flag):
            return error
        shown = (action for action in self._actions if action.help != argparse.SUPPRESS or action in self.rare)
        return unknown(
            f"option of {self.command}", flag, {word for action in shown for word in action.option_strings} - {"-h"}
        )

    def chosen(self, given: argparse.Namespace) -> dict[str, Value]:
        """Return those of the given values that are options of a run."""
        return {name: vars(given)[name] for name, one in self.options.items() if one.group != "run" and name in given}


class HelpAll(argparse.Action):
    """--help-all: the help with all options."""

    def __call__(self, parser: argparse.ArgumentParser, *given: object) -> NoReturn:
        assert isinstance(parser, Parser)
        for action, text in parser.rare.items():
            action.help = text
        parser.print_help()
        parser.exit()


def show(value: Value) -> str:
    """Return a default as the help shows it."""
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def describe_values(one: Option) -> str:
    """Return what stands for an option's value in its help."""
    if one.choices:
        return "|".join(map(str, one.choices))
    return {int: "N", float: "X", str: "TEXT"}[one.type]


def path(text: str) -> Path:
    """Return a path; a shell leaves the ~ of --runs=~/runs."""
    return expand_home(text)


def spell(arguments: Sequence[str]) -> list[str]:
    """Return a command line with - for _ in the names of options.

    And with --lowercase, or --no-lowercase, for --lowercase True or False, as it was once.
    """
    words: list[str] = []
    for word in arguments:
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            word = name.replace("_", "-") + equals + value
        if words and words[-1] == "--lowercase" and word in ("True", "False"):
            words[-1] = "--lowercase" if word == "True" else "--no-lowercase"
        else:
            words.append(word)
    return words


def find_words(arguments: Sequence[str], parser: Parser) -> list[str]:
    """Return the words of a command line that are neither an option nor the value of one.

    parser: with all options that there may be: which there are follows from the first of the words.
    """
    parser.add_argument("words", nargs="*", default=[])
    parser.add_argument("-h", "--help", "--help-all", action="store_true")
    given, rest = parser.parse_known_intermixed_args(arguments)
    return [word for word in [*given.words, *rest] if not word.startswith("-")]
