"""run.py tune TASK"""

import shlex
from dataclasses import asdict

from harness.arguments import Parser
from harness.commands.command import Arguments, Command, add_machine, add_runs
from harness.commands.machine import starter
from harness.commands.printing import emit
from harness.commands.subject import find_task, make_parser
from harness.options import find_options
from harness.process.console import print_table, say
from pipeline import search_space
from pipeline.option import make_flag

# Where neither --trials nor --minutes is given; and where the time alone is to be the bound.
TRIALS, MANY = 20, 10_000
SHOWN = 10


def tune(arguments: Arguments) -> None:
    """Search for good options: trials with others, scored on the validation split; print the best command.

    The task says which options are searched, and --search names others; those that are given stay as they are. The
    first trial has the task's defaults. Trials that are worse than half of the others at the same epoch end early. The
    same command, given again, goes on; the test split is not looked at.
    """
    task = find_task(COMMAND, arguments)
    parser = make_parser(COMMAND, task)
    given = parser.read(arguments)
    from harness.training.fine_tuning import choose_options, find_fixed
    from harness.tuning import tune as tuning

    chosen = parser.chosen(given)
    options = choose_options(task, chosen)
    # Trained weights are of one model.
    fixed = find_fixed(task, options.cell) if options.from_ else ()
    wanted = dict(search_space.parse(text, find_options(task)) for text in given.search or ())
    space = wanted or tuning.narrow(task.tuned, task, [*chosen, *fixed])
    search = tuning.Search(
        task,
        options,
        space,
        given.runs,
        trials=given.trials or (MANY if given.minutes else TRIALS),
        seconds=given.minutes and given.minutes * 60,
    )
    say(f"{task.name}: {task.summary}")
    found = tuning.tune(search, starter(given), workers=given.workers, address=given.ray)
    path = tuning.write_trials(found, search)
    if given.json:
        emit({"best": found.chosen, "validation": found.score,
              "command": found.command, "trials": [asdict(one) for one in found.trials]})  # fmt: skip
    else:
        print_trials(found.trials, task.monitor, lower_is_better=task.lower_is_better)
        print(f"\nthe best:\n  {shlex.join(found.command)}")
    say(f"all trials: {path}")


def print_trials(trials: tuple, monitor: str, *, lower_is_better: bool) -> None:
    """Print the best trials, the best first."""
    sign = 1 if lower_is_better else -1
    ranked = sorted(trials, key=lambda one: (one.status != "done", one.score is None, sign * (one.score or 0.0)))
    print_table(
        [
            {
                "trial": str(one.number),
                f"validation {monitor}": "" if one.score is None else f"{one.score:.4f}",
                "status": one.status,
                **{make_flag(name): str(value) for name, value in one.options.items()},
            }
            for one in ranked[:SHOWN]
        ]
    )
    if len(trials) > SHOWN:
        print(f"and {len(trials) - SHOWN} more")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = add_runs(parser).run.add_argument
    add("--trials", type=int, default=None, metavar="N", help=f"Trials in all, earlier ones counted. [{TRIALS}]")
    add(
        "--minutes",
        type=float,
        default=None,
        metavar="M",
        help="Begin no trial after so long, and end those that train.",
    )
    add(
        "--search",
        action="append",
        default=None,
        metavar="NAME=VALUES",
        help="units=64,128 or learning-rate=5e-4:2e-2; repeatable.",
    )
    add("--workers", type=int, default=1, metavar="N", help="Trials at a time; on a Ray cluster, on each machine. [1]")
    add("--ray", nargs="?", const="auto", default=None, metavar="HOST:PORT", help="Train on a Ray cluster.")
    return add_machine(parser)


COMMAND = Command("tune", tune, {"task": None}, add_options)
