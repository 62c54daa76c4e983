"""Cells and tasks: which cell can run which task, and with which options."""

from collections.abc import Sequence

from models import cells
from pipeline.batches.padding import Arrays, measure
from pipeline.errors import BadInput, TooLong, unknown
from pipeline.fields import Array
from pipeline.option import Options, make_flag
from pipeline.readers.request import Say
from tasks.task import Task

# Steps that a cell with weights of its own for every step may have.
LONGEST = 10_000


def suit_cell(options: Options, task: Task, say: Say) -> Options:
    """Return the options with those that the cell sets; BadInput for a cell that is unknown or cannot run the task.

    say: takes what the cell sets, in one line each.
    """
    cell = options.cell
    if cell not in cells.CELLS:
        raise unknown("--cell", cell, cells.CELLS)
    if (task.output.kind.autoregressive or task.family.carries) and not cells.CELLS[cell].writes:
        others = ", ".join(name for name, one in cells.CELLS.items() if one.writes)
        raise BadInput(
            f"--cell {cell}: the task {task.name!r} writes one symbol after another, and this cell reads all of its "
            f"input at once, with no state to go on from; expected one of {others}"
        )
    if cells.CELLS[cell].bounded and "max_length" not in options.as_dict():
        raise BadInput(
            f"--cell {cell}: it is built for inputs of so many steps at most, and the task {task.name!r} has no bound"
        )
    if cells.CELLS[cell].bounded and options.max_length > LONGEST:
        raise BadInput(
            f"--cell {cell}: it would be built for inputs of --max-length {options.max_length:,} steps, each with "
            f"weights of its own; give --max-length, the steps of the longest input, at most {LONGEST:,}"
        )
    changed = {
        name: value for name, value in cells.CELLS[cell].settings.items() if options.as_dict().get(name, value) != value
    }
    for name, value in changed.items():
        say(f"{make_flag(name)} {value}: the only one that the cell {cell} has")
    return options.replace(**changed)


def explain_limitation(options: Options, task: Task) -> str | None:
    """Return why the cell cannot do what the task asks, however long it is trained; None where nothing is known."""
    explain, modulus = cells.CELLS[options.cell].limitation, task.modulus(options)
    return explain(options, modulus) if explain and modulus > 1 else None


def check_lengths(
    options: Options, origins: Sequence[str], inputs: Sequence[Arrays], *, arrays: dict[str, Array]
) -> None:
    """Raise BadInput, with its origin, for an encoded input that is longer than the cell was built for."""
    if not cells.CELLS[options.cell].bounded:
        return
    for origin, encoded in zip(origins, inputs, strict=True):
        steps = measure(encoded, arrays)
        if steps > options.max_length:
            raise TooLong(
                f"{origin}: the input has {steps} steps, and the cell {options.cell!r} is built for at most "
                f"{options.max_length}; shorten it, or train with --max-length {steps}"
            )
