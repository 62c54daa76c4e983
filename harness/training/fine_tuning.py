"""Fine-tuning: a run that starts from the weights of a finished one (--from), on other data.

Its fields are those of that run, extended by what the new training data has: old ids stay, new ones come after them. So
each weight of the earlier model has its place in the new one, which is as large or larger, and what is new there begins
as in any new model.

That a run does not fit is told before Keras starts; so nothing here imports it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import runs
from harness.data import Fields
from harness.experiment import Experiment, pointing_at
from harness.options import FROZEN_VECTORS, choose, find_options
from harness.runs.restored import read_run
from harness.runs.schema import StartedFrom
from models.cells import CELLS
from pipeline.errors import BadInput
from pipeline.fields import is_autoregressive
from pipeline.files import expand_home
from pipeline.option import Options, Value, declared
from tasks.task import Task

if TYPE_CHECKING:
    import keras

# Layers by their names, as models/family.py has them, also inside of a decoder; CELL stands for the cell.
PARTS = {
    "embedding": r"(\w+_)?embedding|character_\w+",
    "recurrent": r"CELL_\d+(_forward|_backward)?|CELL_decoder",
    "output": r"logits|tags|pointer|crf",
}
# Weights of a decoder with --scheduled-sampling that are no parameters: see models/layers/decoder.py.
COUNTERS = ("steps_seen", "steps_planned")


def choose_options(task: Task, given: Mapping[str, Value]) -> Options:
    """Return the options of a run for which some are given; the others are the task's defaults.

    Of a run that starts from another one, those that make the model and the fields are that run's instead, and so are
    those of decoding and of how the task's own sources are made. BadInput as `read_start`.
    """
    options = choose(task, given)
    if options.from_ is None:
        return options
    earlier = read_start(task, options).options
    sources = {name for one in task.sources.values() if one.options for name in declared(one.options, "data")}
    decoding = {name for name, one in find_options(task).items() if one.group == "decoding"}
    kept = (list_model_options(task).keys() | find_fixed(task, earlier.cell) | sources | decoding) - given.keys()
    return options.replace(**{name: getattr(earlier, name) for name in kept})


def list_model_options(task: Task) -> dict[str, bool]:
    """Return the options that make the model and the fields, each with whether it is adjustable."""
    fields = task.input.declared("data").keys() | task.output.declared("data").keys()
    return {name: one.adjustable for name, one in find_options(task).items() if one.group == "model" or name in fields}


def find_fixed(task: Task, cell: str) -> set[str]:
    """Return the options that have to be those of the weights."""
    fixed = {name for name, adjustable in list_model_options(task).items() if not adjustable}
    # It has weights of their own for so many steps.
    return fixed | ({"max_length"} if cell in CELLS and CELLS[cell].bounded else set())


def read_start(task: Task, options: Options) -> Experiment:
    """Return the run that a run starts from; BadInput if it is none, has not ended, or is of another task."""
    directory = expand_home(options.from_)
    with pointing_at("--from"):
        earlier = read_run(directory)
    if earlier.task.name != task.name:
        raise BadInput(f"--from {directory}: a run of the task {earlier.task.name!r}, and this is {task.name!r}")
    for name in ("best.keras", "scores.json"):
        if not (directory / name).exists():
            raise BadInput(
                f"--from {directory}: the run is not complete ({name} is missing); train it to its end first"
            )
    return earlier


def find_fields(earlier: Experiment | None) -> Fields | None:
    """Return what the fields of a run begin with that starts from another one; None for one that starts anew."""
    return Fields(earlier.input_field, earlier.output_field) if earlier else None


def settle(task: Task, options: Options) -> Options:
    """Return the options of a run that starts from another, by its full path; BadInput if they do not fit it.

    Options of a run that starts anew are returned as they are; BadInput if something is to be frozen there.
    """
    if options.from_ is None:
        if options.freeze != "none":
            raise BadInput(f"--freeze {options.freeze}: nothing has been learned yet; give --from RUN")
        return options
    earlier = read_start(task, options)
    known, then, now = find_options(task), earlier.options.as_dict(), options.as_dict()
    clashes = [
        f"{known[name].flag} {then[name]} there, {now[name]} here"
        for name in known
        if name in find_fixed(task, options.cell) and then[name] != now[name]
    ]
    if clashes:
        raise BadInput(
            f"--from {options.from_}: its weights are those of another model: {'; '.join(clashes)}; leave out what is "
            "given otherwise, or --from"
        )
    has_vectors = is_autoregressive(earlier.output_field) or any(
        array.size for array in earlier.input_field.arrays.values()
    )
    if options.freeze == "embedding" and (not has_vectors or now.get("embedding") == "onehot"):
        raise BadInput(f"--freeze embedding: the model of {options.from_} has none; leave it out")
    if options.freeze in FROZEN_VECTORS and options.lazy_embeddings:
        raise BadInput(f"--lazy-embeddings: with --freeze {options.freeze} no word vector is updated; leave one out")
    return options.replace(from_=str(earlier.directory.absolute()))


def describe(directory: Path) -> StartedFrom:
    """Return which run, and which weights, another one starts from."""
    return {"run": str(directory), "model": runs.digest_model(directory)}


def read_weights(earlier: Experiment) -> dict[str, np.ndarray]:
    """Return the weights of a run's best model by their paths, not calibrated; BadInput for a damaged file.

    What counts the steps of that run's training is left out.
    """
    from harness.runs import model_file
    from harness.runs.trained import opening

    # Its module has the layers that the file refers to.
    earlier.loss()
    with opening(earlier) as path:
        weights = model_file.load(path).weights
        return {weight.path: np.asarray(weight) for weight in weights if weight.name not in COUNTERS}


def put_weights(
    model: "keras.Model", weights: Mapping[str, np.ndarray], *, earlier: Experiment, experiment: Experiment
) -> None:
    """Give a new model the weights of an earlier run, those of what is new in its fields left as they were drawn."""
    grown = measure_growth(earlier, experiment)
    there = {weight.path: weight for weight in model.weights}
    for path, old in weights.items():
        # A layer inside of another one is named by both where a model is made, and alone where it is loaded.
        ends = [path] if path in there else [one for one in there if one.endswith(f"/{path}")]
        if len(ends) != 1:
            raise BadInput(f"--from {earlier.directory}: its model has the weight {path}, and this one has none")
        weight = there[ends[0]]
        weight.assign(enlarge(np.asarray(weight), old, grown, f"--from {earlier.directory}: {path}"))


def measure_growth(earlier: Experiment, experiment: Experiment) -> list[tuple[int, int]]:
    """Return how many values each array of integers had, and how many it has now, where these are more; words first."""
    found = []
    for before, now in ((earlier.input_field, experiment.input_field), (earlier.output_field, experiment.output_field)):
        for name, array in now.arrays.items():
            old, new = before.arrays[name].size, array.size
            if old is not None and new is not None and new > old:
                found.append((old, new))
    return found


def enlarge(new: np.ndarray, old: np.ndarray, grown: Sequence[tuple[int, int]], where: str) -> np.ndarray:
    """Return a new weight with what an old one has in its place; what is inserted for new values stays as it is.

    grown: see `measure_growth`. Along each axis that is longer, the new values come after the old ones, which may not
    be the end of it. BadInput where no growth explains it.
    """
    places = []
    sizes = {size for size, _ in grown}
    if new.ndim != old.ndim:
        raise BadInput(f"{where} has {old.ndim} axes, and here {new.ndim}")
    for before, now in zip(old.shape, new.shape, strict=True):
        by = now - before
        if by and (by < 0 or not any(larger - size >= by for size, larger in grown)):
            raise BadInput(f"{where} is {old.shape}, and here {new.shape}; it does not fit")
        # One-hot words have other features behind them. All else is as long as what is known; or a part of it, such as
        # the rare words, which come last.
        inside = [size for size, larger in grown[:1] if larger - size == by and size < before and before not in sizes]
        kept = np.arange(before)
        places.append(kept + by * (kept >= inside[0]) if inside else kept)
    filled = new.copy()
    filled[np.ix_(*places)] = old
    return filled


def freeze(model: "keras.Model", part: str, cell: str) -> tuple[int, int]:
    """Leave a part of a model as it is in training; return how many of its weights that are, and of how many.

    part: as --freeze names it. BadInput where the model has no such part, or nothing else.
    """
    count = [0, 0]
    layer = re.compile(PARTS["output" if part == "all-but-output" else part].replace("CELL", re.escape(cell)))
    for weight in model.trainable_weights:
        found = any(layer.fullmatch(name) for name in weight.path.split("/"))
        frozen = found != (part == "all-but-output")
        weight.trainable = not frozen
        count[frozen] += int(np.prod(weight.shape))
    left, stays = count
    if not stays:
        raise BadInput(f"--freeze {part}: this model has no such part; leave it out")
    if not left:
        raise BadInput(f"--freeze {part}: nothing of this model would be left to train; leave it out")
    return stays, stays + left
