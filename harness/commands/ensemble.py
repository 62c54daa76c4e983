"""run.py ensemble RUN RUN [RUN ...]"""

from functools import partial

from harness.arguments import path
from harness.commands.command import Arguments, Command, divide
from harness.commands.evaluate import add_options
from harness.commands.machine import select_backend, start_again
from harness.commands.printing import emit
from harness.commands.subject import find_run
from harness.options import override
from harness.process.console import print_table


def ensemble(arguments: Arguments) -> None:
    """Score trained runs of one task together: the mean of their probabilities, or of their numbers.

    The runs have the same vocabulary and labels; their seeds, cells, sizes and training may differ. Their own scores
    are printed beside. Where answers are written symbol by symbol, the mean of the log-probabilities chooses each.
    """
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    from harness import selection
    from harness.runs.restored import read_run
    from harness.runs.together import check_members

    reading, decoding = divide(parser.chosen(given))
    others = [read_run(path(one), partial(select_backend, arguments)) for one in given.runs[1:]]
    runs = [override(one, decoding) for one in (experiment, *others)]
    check_members(runs, own=given.data is None)
    selected = selection.select(experiment, given.data, given.split, reading=reading)
    start_again(given, experiment)
    from harness.ensemble import score_ensemble

    found = score_ensemble(runs, selected)
    if given.json:
        emit(found)
        return
    rows = {**found["members"], f"ensemble of {len(runs)}": found["scores"]}
    head = found["split"]
    print_table(
        [{head: name} | {score: f"{value:.4f}" for score, value in scores.items()} for name, scores in rows.items()]
    )


COMMAND = Command("ensemble", ensemble, {"run": "+"}, add_options)
