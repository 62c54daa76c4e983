"""run.py demo [RUN ...]"""

from functools import partial
from pathlib import Path

from harness.arguments import Parser, path
from harness.commands.command import Arguments, Command, add_machine
from harness.commands.machine import select_backend, starter
from harness.commands.printing import emit
from harness.process.console import doing, say


def demo(arguments: Arguments) -> None:
    """Serve a page on this machine where trained runs are asked: one tab per run.

    Without a RUN: the best complete run of each task in the folder of all runs; where there is none, small ones are
    trained first.
    """
    given = COMMAND.make_parser().read(arguments)
    from harness.demo import choice, server

    server.check_installed()
    # Before anything that takes long: the port may be in use.
    listener = server.bind(given.host, given.port)
    prepare = partial(select_backend, arguments)
    named = [path(run) for run in given.runs]
    start = starter(given)
    experiments = choice.find_runs(named, given.folder, prepare)
    if not experiments:
        experiments = choice.find_runs(choice.train_small(given.folder, start), given.folder, prepare)
    with doing("starting Keras"):
        where = start()
    say(where)
    folder = server.prepare()
    from harness.demo import page

    opened = page.open_all(experiments, strict=bool(named))
    built = page.build(opened, folder)
    address = server.name_address(listener)
    if not server.is_private(listener):
        say(f"--host {given.host}: whoever reaches this machine can ask these runs")
    if given.json:
        emit({"url": address, "runs": [str(one.trained.experiment.directory) for one in opened]})
    else:
        print(f"demo: {address}  (Ctrl-C ends it)", flush=True)
    server.serve(built, listener)


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.run.add_argument
    # The words are its runs.
    add("--runs", dest="folder", type=path, default=Path("runs"), metavar="DIR", help="Folder of all runs. [runs]")
    add("--port", type=int, default=7860, metavar="N", help="Where the page is served; 0: any that is free. [7860]")
    add("--host", default="127.0.0.1", help="0.0.0.0 serves other machines too. [127.0.0.1]")
    return add_machine(parser)


COMMAND = Command("demo", demo, {"run": "*"}, add_options)
