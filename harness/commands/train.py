"""run.py train TASK"""

from functools import partial

from harness.arguments import Parser
from harness.commands.command import FLAG, Arguments, Command, add_machine, add_runs
from harness.commands.machine import start
from harness.commands.printing import emit, print_summary
from harness.commands.subject import find_task, make_parser
from harness.process.console import say


def train(arguments: Arguments) -> None:
    """Train a task, or go on where the same command stopped; then print the test scores."""
    task = find_task(COMMAND, arguments)
    parser = make_parser(COMMAND, task)
    given = parser.read(arguments)
    from harness.training import request
    from harness.training.begin import begin
    from harness.training.completion import read_complete
    from harness.training.fine_tuning import choose_options
    from harness.training.save_every import read_duration
    from harness.training.tensorboard import check_installed

    how = {
        "tensorboard": given.tensorboard,
        "save_every": read_duration(given.save_every),
        "auto_batch": given.auto_batch,
    }
    if given.tensorboard:
        check_installed()

    options = choose_options(task, parser.chosen(given))
    if options.folds and options.fold is None:
        from harness import cross_validation

        each = cross_validation.list_requests(task, options, given.runs, name=given.name, fresh=given.fresh)
        found = cross_validation.cross_validate(each, partial(start, given), **how)
        emit(found) if given.json else cross_validation.print_folds(found)
        return
    asked = request.settle(task, options, given.runs, name=given.name, fresh=given.fresh)
    summary = read_complete(asked)
    if summary is None:
        # What is wrong with the data is told before Keras starts, which takes seconds.
        with begin(asked) as training:
            where = start(given, training.experiment)
            from harness.learning_curve import drawing
            from harness.training.train import train_run

            with drawing() as draw:
                summary = train_run(training, where, **how)
                draw(asked.directory, task)
    elif given.tensorboard:
        say("--tensorboard: the run is complete, and is not trained again; start over with --fresh")
    emit(summary) if given.json else print_summary(summary)


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = add_runs(parser).run.add_argument
    add("--name", default=None, help="The run's directory is RUNS/TASK/NAME; else named by the options.")
    add("--fresh", action=FLAG, default=False, help="Delete the earlier run of that name, and start over.")
    add("--save-every", default="10m", metavar="TIME", help="Save within an epoch too, every 60s, 5m or 1h. [10m]")
    add("--auto-batch", action=FLAG, default=False, help="Out of memory: compute each batch in parts, as one step.")
    add("--tensorboard", action=FLAG, default=False, help="Write curves and histograms to RUN/tensorboard.")
    return add_machine(parser)


COMMAND = Command("train", train, {"task": None}, add_options)
