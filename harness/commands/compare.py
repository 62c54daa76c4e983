"""run.py compare TASK [TASK ...]"""

import tasks
from harness.arguments import Parser, path
from harness.commands.command import FLAG, Arguments, Command, add_machine, add_runs
from harness.commands.machine import starter
from harness.commands.printing import emit
from harness.commands.subject import find_tasks, make_parser
from harness.process.console import say


def compare(arguments: Arguments) -> int:
    """Train tasks with several RNN types and seeds, and say which type is better, how sure that is, and what it costs.

    Each run is as `train` makes it; complete ones are used as they are, stopped ones go on. One that fails is shown as
    failed, and the others go on; the exit code is 1 then.
    """
    from harness.training.fine_tuning import choose_options

    each = {}
    for name in find_tasks(COMMAND, arguments):
        task = tasks.get(name)
        parser = make_parser(COMMAND, task, without=["cell"])
        given = parser.read(arguments)
        each[name] = choose_options(task, parser.chosen(given))
    from harness.comparison.command import compare_and_report
    from harness.comparison.sweep import Sweep, count_seeds
    from harness.comparison.table import print_comparison

    cells = tuple(word.strip() for word in given.cells.split(","))
    seeds = count_seeds(given.seeds, each)
    sweep = Sweep(each, cells, seeds=seeds, match=given.match, folder=given.runs, fresh=given.fresh, trials=given.tune)
    found, folder = compare_and_report(
        sweep, starter(given), output=given.output, workers=given.workers, address=given.ray
    )
    emit(found) if given.json else print_comparison(found)
    say(f"report: {folder / 'report.html'}")
    return int(any(run["status"] == "failed" for run in found["runs"]))


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.groups["model"].add_argument
    add("--cells", default="simple,lstm,gru", help="RNN types, with commas between them. [simple,lstm,gru]")
    matches = ("units", "params", "seconds")
    add("--match", default="units", choices=matches, help="What the types have in common. [units]")
    add = parser.run.add_argument
    told = "Runs of each type; their seeds count up from --seed. [5; with --folds 1 per fold]"
    add("--seeds", type=int, default=None, metavar="N", help=told)
    add("--tune", type=int, default=0, metavar="N", help="Search each type's options by N trials first; see tune.")
    add_runs(parser)
    add("--output", type=path, default=None, metavar="DIR", help="Folder of the report; else RUNS/comparisons/TASKS.")
    add("--workers", type=int, default=1, metavar="N", help="Runs at a time; on a Ray cluster, on each machine. [1]")
    add("--ray", nargs="?", const="auto", default=None, metavar="HOST:PORT", help="Train on a Ray cluster.")
    add("--fresh", action=FLAG, default=False, help="Delete the earlier runs of the same names, and start over.")
    return add_machine(parser)


COMMAND = Command("compare", compare, {"task": "*"}, add_options)
