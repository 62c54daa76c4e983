"""run.py data TASK"""

from pathlib import Path

from harness.arguments import Parser, path
from harness.commands.command import Arguments, Command, add_json
from harness.commands.printing import emit
from harness.commands.subject import find_task, make_parser
from harness.options import check
from harness.process.console import doing, say
from pipeline.errors import BadInput

SUFFIXES = (".html", ".png")


def look_at_data(arguments: Arguments) -> None:
    """Look at the data of a task before a model is trained on it, and say what is wrong with it.

    It takes the options that train takes, and reads, cuts and divides the data as that does.
    """
    task = find_task(COMMAND, arguments)
    parser = make_parser(COMMAND, task)
    given = parser.read(arguments)
    if given.output:
        check_output(given.output)
    from harness.training.fine_tuning import choose_options

    options = choose_options(task, parser.chosen(given))
    check(options, task)
    from harness.data_report.report import look, summarise
    from harness.data_report.table import print_report

    with doing("reading the data"):
        report = look(task, options)
    if given.output:
        if given.output.suffix.lower() == ".html":
            from harness.data_report.page import write_page as write
        else:
            from harness.data_report.plots import write_picture as write
        write(report, given.output)
        say(f"wrote {given.output}")
    emit(summarise(report)) if given.json else print_report(report)


def check_output(output: Path) -> None:
    """Raise BadInput for a file that cannot be written, or of a kind that is not."""
    if output.suffix.lower() not in SUFFIXES:
        raise BadInput(f"--output {output}: expected a name that ends with {' or '.join(SUFFIXES)}")
    if not output.parent.is_dir():
        raise BadInput(f"--output {output}: there is no folder {output.parent}; make it first")
    if output.is_dir():
        raise BadInput(f"--output {output}: a folder stands there; give the name of a file")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.run.add_argument
    add("--output", type=path, default=None, metavar="FILE", help="Write a picture (.png) or a page (.html) too.")
    return add_json(parser)


COMMAND = Command("data", look_at_data, {"task": None}, add_options)
