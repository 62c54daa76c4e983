"""run.py list"""

import tasks
from harness.commands.command import Arguments, Command
from harness.commands.printing import emit
from harness.process.console import print_table


def list_tasks(arguments: Arguments) -> None:
    """List the tasks."""
    given = COMMAND.make_parser().read(arguments)
    rows = [{"name": task.name, "shape": task.shape, "summary": task.summary} for task in tasks.find().values()]
    emit({"tasks": rows}) if given.json else print_table(rows)


COMMAND = Command("list", list_tasks)
