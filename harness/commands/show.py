"""run.py show TASK, and run.py show RUN"""

from pathlib import Path

import tasks
from harness import runs
from harness.arguments import path, show
from harness.commands.command import Arguments, Command
from harness.commands.printing import describe, emit, print_facts, print_next, print_scores
from harness.options import defaults, find_options
from harness.process.console import print_table


def show_task_or_run(arguments: Arguments) -> None:
    """Show a task: its data sources with their licences, its columns, and its options; or a run: what came of it."""
    given = COMMAND.make_parser().read(arguments)
    directory = path(given.task)
    if given.task not in tasks.find() and (directory.is_dir() or len(directory.parts) > 1):
        show_run(directory, json=given.json)
    else:
        show_task(given.task, json=given.json)


def show_task(name: str, *, json: bool) -> None:
    """Show where a task's examples come from, and what can be set."""
    task = tasks.get(name)
    sources = [{"data": name, "licence": one.licence, "holds": one.summary} for name, one in task.sources.items()]
    if task.reader:
        for name in task.reader.datasets:
            sources.append({"data": name, "licence": "as its catalogue page says", "holds": "TensorFlow Datasets"})
        sources.append({"data": "a path", "licence": "yours", "holds": f"your own files: {task.reader.formats}"})
    columns = {"input": task.columns.input, "output": task.columns.output}
    facts = {"name": task.name, "summary": task.summary, "shape": task.shape, "monitor": task.monitor}
    if json:
        options = {"options": defaults(task).as_dict(), "best": dict(task.best)}
        return emit(facts | {"sources": sources, "columns": columns, **options})
    print_table([{"task": name, "": value} for name, value in facts.items()])
    print_table(sources)
    if task.reader:
        print_table([{"side": side, "known names of columns": ", ".join(names)} for side, names in columns.items()])
    rows = [
        {"option": one.name, "default": show(one.default), "takes": one.describe()}
        | ({"--budget best": show(task.best[one.name]) if one.name in task.best else ""} if task.best else {})
        for one in find_options(task).values()
    ]
    print_table(rows)


def show_run(directory: Path, *, json: bool) -> None:
    """Show a run, complete or not: its options, its scores, and what it learned by epoch. Keras is not needed."""
    from harness.learning_curve import plot_in_terminal, read_learning_curve
    from harness.runs.listing import find_changed
    from harness.runs.restored import read_run

    config = runs.read_config(directory)
    experiment = read_run(directory)
    task, options = experiment.task, experiment.options
    summary = runs.read_scores(directory, config) if (directory / "scores.json").exists() else None
    curve = read_learning_curve(directory, task.monitor)
    changed = find_changed(config)
    if json:
        epochs = runs.read_metrics(directory, len(curve.epochs), task.monitor) if curve else []
        facts = {"run": str(directory), "task": task.name, "complete": summary is not None}
        return emit({**facts, "options": options.as_dict(), "changed": changed, "epochs": epochs, "summary": summary})
    about = {"run": str(directory), "task": f"{task.name}: {task.summary}", "cell": str(options.cell)}
    about |= {name: show(value) for name, value in changed.items() if name != "cell"}
    print_facts(about)
    if summary:
        print_scores(summary)
        print_facts({name: value for name, value in describe(summary).items() if name != "run"})
    if curve:
        print(plot_in_terminal(curve))
    if not summary:
        done = f"{len(curve.epochs)} epochs" if curve else "no epoch"
        print(f"\nnot complete: {done} so far; the same train command goes on, unless it is at it now")
        return
    print()
    print_next(directory)


COMMAND = Command("show", show_task_or_run, {"task": None})
