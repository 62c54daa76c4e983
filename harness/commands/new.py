"""run.py new NAME"""

from pathlib import Path

from harness.arguments import Parser, path
from harness.commands.command import FLAG, Arguments, Command, add_json
from harness.commands.printing import emit
from tasks.task import SHAPES


def new(arguments: Arguments) -> None:
    """Write a task file of your own that trains as it is, with a comment at each place to change."""
    given = COMMAND.make_parser().read(arguments)
    from harness.new import write_task

    written = write_task(given.name, given.shape, given.folder, parts=given.parts)
    if given.json:
        return emit({"file": str(written)})
    print(f"wrote {written}\ntrain it:  python run.py train {given.name} --include {written}")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.run.add_argument
    add("--shape", default="many-to-one", choices=SHAPES, help="What goes in and out. [many-to-one]")
    add("--folder", type=path, default=Path("."), metavar="DIR", help="Where to write it. [.]")
    add("--parts", action=FLAG, default=False, help="With a field and a model family of its own.")
    return add_json(parser)


COMMAND = Command("new", new, {"name": None}, add_options)
