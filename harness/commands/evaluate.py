"""run.py evaluate RUN"""

from harness.arguments import Parser
from harness.commands.command import READING, Arguments, Command, add_machine, divide
from harness.commands.machine import start_again
from harness.commands.printing import emit, print_summary
from harness.commands.subject import find_run
from harness.options import override


def evaluate(arguments: Arguments) -> None:
    """Score a trained run on its own test data, another split, or other data."""
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    from harness import selection

    reading, decoding = divide(parser.chosen(given))
    experiment = override(experiment, decoding)
    selected = selection.select(experiment, given.data, given.split, reading=reading)
    start_again(given, experiment)
    from harness.score import score

    summary = score(experiment, selected, source=given.data, keep=not decoding)
    emit(summary) if given.json else print_summary(summary)


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.groups["data"].add_argument
    add("--data", default=None, metavar="DATA", help="Other data: a source of the task, tfds:NAME, or a path.")
    add("--split", default="test", choices=("train", "validation", "test"), help="Which part of the data. [test]")
    parser.add_options(READING.values())
    return add_machine(parser)


COMMAND = Command("evaluate", evaluate, {"run": None}, add_options)
