"""run.py runs"""

from harness.arguments import Parser
from harness.commands.command import Arguments, Command, add_json, add_runs
from harness.commands.printing import emit


def list_runs(arguments: Arguments) -> None:
    """List what has been trained: task, options that differ from the defaults, score, minutes."""
    given = COMMAND.make_parser().read(arguments)
    from harness.runs import listing

    found = listing.find_runs(given.runs, given.task)
    emit({"runs": found}) if given.json else listing.print_runs(found, given.runs)


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = add_runs(parser).run.add_argument
    add("--task", default=None, help="Runs of this task alone, the best score first.")
    return add_json(parser)


COMMAND = Command("runs", list_runs, add=add_options)
