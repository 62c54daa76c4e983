"""Plan: from a sweep to its runs, checked before the first one starts, and before Keras does."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import tasks
from harness import data, runs
from harness.cells import suit_cell
from harness.comparison.sweep import Entry, Sweep, validates
from harness.experiment import Experiment
from harness.options import cell_options, check, check_cell_options, defaults
from harness.process import backend
from harness.process.console import say
from harness.runs.schema import Speeds
from harness.training import request
from harness.training.begin import encode
from harness.training.request import read_earlier
from harness.training.schedule import plan_epochs
from models.cells import CELLS
from pipeline import files
from pipeline.errors import BadInput, unknown
from pipeline.option import Options
from tasks.task import Task

# Weights agree if they differ by no more than this share.
CLOSE = 0.02
# Training steps and epochs from which the speed of a cell is measured.
PROBE_STEPS, PROBE_EPOCHS = 20, 3


def settle(sweep: Sweep) -> Sweep:
    """Return a sweep with the options that its runs begin with; what is worth knowing of the user's own data is said.

    Raises BadInput for what no run can be made of: an unknown cell, a cell that cannot run a task, options out of
    range, bad data, data without outputs to compare by, a clock that is far off.
    """
    runs.check_clock()
    for cell in sweep.cells:
        if cell not in CELLS:
            raise unknown("RNN type in --cells", cell, CELLS)
    each = {}
    for name, options in sweep.each.items():
        task = tasks.get(name)
        options = options.replace(data=data.name_source(task, options), cell=sweep.cells[0])
        check_cell_options(options, sweep.cells, task)
        # What one cell has no use for, another may have been given.
        each[name] = options
        for cell in sweep.cells:
            one = options_for(task, options, cell)
            check(one, task)
            suit_cell(one, task, say)
        say(f"{name}: {task.summary}")
        options = choose_fold(options)
        # The suite's own sources are known, and take seconds. Not all of them can be divided into folds.
        known = options.data in task.sources and not options.folds
        if not known and not data.prepare(task, options, say).is_labelled("test"):
            raise BadInput(
                f"--data {options.data}: the test split has no outputs to compare by; give --test-file with some, or "
                "leave that split out: a test split is taken from the training data then"
            )
    return replace(sweep, each=each)


def choose_fold(options: Options) -> Options:
    """Return options of one run: where each fold is trained, those of the first."""
    return options.replace(fold=1) if validates(options) else options


def options_for(task: Task, options: Options, cell: str) -> Options:
    """Return options for a cell: those that only other cells have are as the task sets them."""
    usual = defaults(task, options.budget)
    used = cell_options(cell)
    others = {name for other in CELLS for name in cell_options(other) if name not in used}
    return options.replace(cell=cell, **{name: getattr(usual, name) for name in others})


def plan(sweep: Sweep) -> list[Entry]:
    """Return the runs of a settled sweep, all cells of one seed, and of one fold, before the next.

    Keras is needed where the cells are matched by anything but their units.
    Raises BadInput for a run directory that holds a run of other options.
    """
    entries = []
    # Runs that are not as train makes them by itself have a folder of their own.
    folder = sweep.folder if sweep.match == "units" else sweep.folder / f"same-{sweep.match}"
    folder = sweep.folder / f"best-of-{sweep.trials}" if sweep.trials else folder
    match = {"units": match_units, "params": match_weights, "seconds": match_seconds}[sweep.match]
    for name, options in sweep.each.items():
        task = tasks.get(name)
        matched = match(task, choose_fold(options), sweep.cells, folder)
        folds = range(1, (options.folds or 0) + 1) if validates(options) else [options.fold]
        for seed, fold, cell in product(range(options.seed, options.seed + sweep.seeds), folds, sweep.cells):
            found = sweep.tuned.get((name, cell), {})
            chosen = suit_cell(matched[cell].replace(seed=seed, fold=fold, **found), task, data.keep_quiet)
            run = request.settle(task, chosen, folder)
            if runs.holds_run(run.directory) and not sweep.fresh:
                read_earlier(run)
            entries.append(Entry(name, run.options, folder=folder, directory=run.directory))
    return sorted(entries, key=lambda entry: (list(sweep.each).index(entry.task), entry.options.seed))


def match_units(task: Task, options: Options, cells: tuple[str, ...], folder: Path) -> dict[str, Options]:
    """Return options for each cell with the units that are given."""
    return {cell: options_for(task, options, cell) for cell in cells}


def match_weights(task: Task, options: Options, cells: tuple[str, ...], folder: Path) -> dict[str, Options]:
    """Return options for each cell with units for which it has as many weights as the first cell, within 2%."""
    prepared = data.prepare(task, options)
    fields = prepared.input_field, prepared.output_field

    def count(cell: str, units: int) -> int:
        changed = options_for(task, options, cell).replace(units=units)
        experiment = Experiment(task, changed, folder, *fields, fingerprint=prepared.fingerprint)
        # To draw the weights of every size tried would take seconds each.
        with backend.shapes_only(options.seed, options.precision):
            return experiment.build().count_params()

    wanted = count(cells[0], options.units)
    matched = {}
    for cell in cells:
        # The number of weights grows with the units: find a span that has the number wanted, then halve it.
        high = options.units
        while count(cell, high) < wanted:
            high *= 2
        low = high // 2
        while low and count(cell, low) >= wanted:
            low, high = low // 2, low
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if count(cell, middle) < wanted else (low, middle)
        units = min((number for number in (low, high) if number), key=lambda number: abs(count(cell, number) - wanted))
        if abs(count(cell, units) - wanted) > CLOSE * wanted:
            raise BadInput(
                f"--match params: {task.name}: {cell} has {count(cell, high):,} weights with {high} units"
                + (f" and {count(cell, low):,} with {low}" if low else "")
                + f"; neither is within 2% of the {wanted:,} of {cells[0]}. Give other --units, or leave {cell} out."
            )
        matched[cell] = options_for(task, options, cell).replace(units=units)
    return matched


def match_seconds(task: Task, options: Options, cells: tuple[str, ...], folder: Path) -> dict[str, Options]:
    """Return options for each cell with the epochs for which it takes as long as the first cell does.

    How fast each is here is measured once, and kept in folder/TASK/speed.json: a sweep that goes on keeps its epochs.
    """
    path = folder / task.name / "speed.json"
    speeds = runs.read_json(path, Speeds, runs.MEASURE) if path.exists() else {}
    for cell in cells:
        if cell not in speeds:
            speeds[cell] = measure_speed(task, options_for(task, options, cell))
    runs.write_record(path, speeds)
    prepared = data.prepare(task, options)
    fields = prepared.input_field, prepared.output_field
    experiment = Experiment(task, options, folder, *fields, fingerprint=prepared.fingerprint)
    schedule = plan_epochs(options, len(encode(experiment, "train", prepared.examples).plan()))
    return {
        cell: options_for(task, options, cell).replace(
            epochs=max(1, round(schedule.epochs * speeds[cell] / speeds[cells[0]])),
            passes=schedule.passes if schedule.passes > 1 else options.passes,
        )
        for cell in cells
    }


def measure_speed(task: Task, options: Options) -> int:
    """Return the tokens per second of a short training, nothing of which is kept."""
    from harness.training.train import train

    few = options.replace(limit=min(options.limit or 10**9, PROBE_STEPS * options.batch_size), epochs=PROBE_EPOCHS)
    with files.temporary_folder() as folder:
        summary = train(task, few, folder)
        lines = runs.read_metrics(Path(summary["run"]), summary["epochs"], task.monitor)
        return max(line["tokens_per_second"] for line in lines)
