"""run.py show TASK"""

import tasks
from harness.arguments import show
from harness.commands.command import Arguments, Command
from harness.commands.printing import emit
from harness.options import defaults, find_options
from harness.process.console import print_table


def show_task(arguments: Arguments) -> None:
    """Show a task: its data sources with their licences, its columns, and its options."""
    given = COMMAND.make_parser().read(arguments)
    task = tasks.get(given.task)
    sources = [{"data": name, "licence": one.licence, "holds": one.summary} for name, one in task.sources.items()]
    if task.reader:
        for name in task.reader.datasets:
            sources.append({"data": name, "licence": "as its catalogue page says", "holds": "TensorFlow Datasets"})
        sources.append({"data": "a path", "licence": "yours", "holds": f"your own files: {task.reader.formats}"})
    columns = {"input": task.columns.input, "output": task.columns.output}
    facts = {"name": task.name, "summary": task.summary, "shape": task.shape, "monitor": task.monitor}
    if given.json:
        return emit(facts | {"sources": sources, "columns": columns, "options": defaults(task).as_dict()})
    print_table([{"task": name, "": value} for name, value in facts.items()])
    print_table(sources)
    if task.reader:
        print_table([{"side": side, "known names of columns": ", ".join(names)} for side, names in columns.items()])
    options = find_options(task).values()
    print_table([{"option": one.name, "default": show(one.default), "takes": one.describe()} for one in options])


COMMAND = Command("show", show_task, {"task": None})
