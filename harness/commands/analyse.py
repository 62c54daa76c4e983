"""run.py analyse RUN [RUN]"""

from functools import partial

from harness.arguments import path
from harness.commands.command import Arguments, Command, divide
from harness.commands.evaluate import add_options
from harness.commands.machine import select_backend, start_again
from harness.commands.printing import emit
from harness.commands.subject import find_run
from harness.options import override
from pipeline.errors import BadInput


def analyse(arguments: Arguments) -> None:
    """Show why a run scores as it does, or where two runs differ: what is confused, rare, long, and surely wrong.

    The terminal shows the beginnings of tables that the page, analysis.html in the run's directory, has whole.
    """
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    if len(given.runs) > 2:
        raise BadInput(f"analyse: expected one RUN or two, got {len(given.runs)}: {' '.join(given.runs)}")
    from harness import selection
    from harness.runs.restored import read_run
    from harness.runs.together import check_examples, check_runs

    others = [read_run(path(one), partial(select_backend, arguments)) for one in given.runs[1:]]
    check_runs("analyse", [experiment, *others])
    reading, decoding = divide(parser.chosen(given))
    runs = [override(one, decoding) for one in (experiment, *others)]
    selected = [selection.select(run, given.data, given.split, reading=reading) for run in runs]
    if others:
        check_examples((runs[0], selected[0]), (runs[1], selected[1]))
    for run in runs:
        start_again(given, run)
    from harness.analysis.analyse import analyse_run, analyse_two
    from harness.analysis.table import print_analysis

    if others:
        found = analyse_two((runs[0], selected[0]), (runs[1], selected[1]), source=given.data)
    else:
        found = analyse_run(runs[0], selected[0], source=given.data)
    emit(found.as_json()) if given.json else print_analysis(found)


COMMAND = Command("analyse", analyse, {"run": "+"}, add_options)
