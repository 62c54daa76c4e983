"""The subject of a command, read before its options, which follow from it: a task, or a run."""

import sys
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import tasks
from harness.arguments import Parser, find_words, path
from harness.commands.command import Arguments, Command
from harness.commands.machine import select_backend
from harness.options import find_options, list_names, refuse
from pipeline.errors import BadInput
from pipeline.option import Option, read_flag
from tasks.task import Task

if TYPE_CHECKING:
    from harness.experiment import Experiment


def find_tasks(command: Command, arguments: Arguments) -> list[str]:
    """Return the tasks that a command names; BadInput if it names none."""
    words = find_words(arguments, make_full_parser(command))
    if not words and asks_for_help(arguments):
        print(f"usage: run.py {command.name} TASK [options]\n\n{command.call.__doc__}\n")
        print(f"TASK: {', '.join(tasks.find())}\nEach task has its own options: run.py {command.name} TASK --help")
        sys.exit(0)
    if not words:
        raise BadInput(f"{command.name}: expected a TASK; known: {', '.join(tasks.find())}")
    return list(dict.fromkeys(words))


def find_task(command: Command, arguments: Arguments) -> Task:
    """Return the task that a command names; BadInput if it names none, or none that there is."""
    return tasks.get(find_tasks(command, arguments)[0])


def find_run(command: Command, arguments: Arguments) -> tuple["Experiment", Parser]:
    """Return the run that a command names, and the command's parser, with its decoding; BadInput if it names none."""
    words = find_words(arguments, make_full_parser(command))
    if not words and asks_for_help(arguments):
        options = {one.name: one for task in tasks.find().values() for one in find_decoding(task)}
        command.make_parser(options.values()).read(["--help"])
    if not words:
        raise BadInput(f"{command.name}: expected a RUN, a directory such as runs/sentiment/simple-s0")
    from harness.runs.restored import read_run

    experiment = read_run(path(words[0]), partial(select_backend, arguments))
    parser = command.make_parser(find_decoding(experiment.task))
    parser.explain = partial(explain_decoding, experiment.task)
    return experiment, parser


def find_runs(command: Command, arguments: Arguments) -> tuple[list["Experiment"], Parser]:
    """Return the runs that a command names, and the command's parser, with the decoding of each; BadInput for none."""
    words = find_words(arguments, make_full_parser(command))
    if not words:
        find_run(command, arguments)
    from harness.runs.restored import read_run

    found = [read_run(path(word), partial(select_backend, arguments)) for word in words]
    options = {one.name: one for experiment in found for one in find_decoding(experiment.task)}
    parser = command.make_parser(options.values())
    parser.explain = partial(explain_decoding, found[0].task)
    return found, parser


def make_parser(command: Command, task: Task, *, without: Iterable[str] = ()) -> Parser:
    """Return a command's parser with the options of a task. without: those that the command has in another form."""
    parser = command.make_parser(one for one in find_options(task).values() if one.name not in without)
    parser.explain = partial(explain, task)
    return parser


def make_full_parser(command: Command) -> Parser:
    """Return a parser that knows which options of any task have a value; to find the words that are no options."""
    every = {name: one for task in tasks.find().values() for name, one in find_options(task).items()}
    parser = Parser(command.name)
    parser.add_options(every.values())
    return command.add(parser)


def asks_for_help(arguments: Arguments) -> bool:
    return bool({"-h", "--help", "--help-all"} & set(arguments))


def find_decoding(task: Task) -> list[Option]:
    """Return the options of a task that a trained run may be asked to decode with."""
    return [one for one in find_options(task).values() if one.group == "decoding"]


def explain(task: Task, flag: str) -> BadInput:
    """Return the error for an option that a task does not have."""
    if flag == "--cell":
        return BadInput("--cell: compare takes --cells, such as --cells simple,gru")
    return refuse(read_flag(flag), task)


def explain_decoding(task: Task, flag: str) -> BadInput | None:
    """Return the error for an option that a trained run does not take; None for one that there is nowhere."""
    name = read_flag(flag)
    if name in list_names(find_options(task)):
        return BadInput(f"{flag}: the run was trained with its own; only how it decodes can be changed now")
    having = {one for other in tasks.find().values() for one in list_names(find_options(other))}
    return refuse(name, task) if name in having else None
