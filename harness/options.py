"""The options of a task: those of its parts, each declared once by the part that uses it (pipeline/option.py)."""

import dataclasses
import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import tasks
from harness.process.console import say
from harness.process.machine import Machine
from models.cells import CELLS
from pipeline import record
from pipeline.errors import BadInput, unknown
from pipeline.option import (
    PERMISSIONS,
    Option,
    Options,
    Value,
    declared,
    make_flag,
    make_options,
    merge,
    option,
    read_flag,
)
from pipeline.readers.request import Files, Reading, Say
from tasks.task import Task

if TYPE_CHECKING:
    from harness.experiment import Experiment


@dataclass(frozen=True)
class Data:
    """Options of where examples come from."""

    data: str | None = option(None, "A source of the task (see `show`), tfds:NAME, or a path of your own.")
    split_seed: int = option(0, "Seed of the splits that the data does not come with, and of --limit.", low=0)
    stratify: bool = option(True, "Draw splits and --limit so that each label has its share.", rare=True)
    limit: int | None = option(None, "Use only N examples of each split, drawn at random.", low=1)
    folds: int | None = option(
        None, "K-fold cross-validation: K runs, each tested on another part of the training data.", low=2, high=1000
    )
    fold: int | None = option(None, "Which of the --folds to train alone, from 1.", low=1, rare=True)
    pool_splits: bool = option(
        False, "Draw the --folds from all splits of the data together, and its own test is none any more.", rare=True
    )


@dataclass(frozen=True)
class Training:
    """Options of the training loop."""

    seed: int = option(0, "Seed of the weights, the dropout and the order of the examples.", low=0, high=2**31)
    budget: Literal["fast", "best"] = option(
        "fast", "fast: train for about --steps; best: until the validation score stops rising, with options to suit."
    )
    steps: int = option(2000, "Training steps where --epochs is left out: about as many, in 2 epochs or more.", low=1)
    most_epochs: int = option(30, "Most epochs where --epochs is left out, with --budget fast.", low=2, rare=True)
    passes: int | None = option(
        None, "Passes over the data in an epoch; else as many as --steps need.", low=1, rare=True
    )
    epochs: int | None = option(None, "Most epochs, whatever the budget.", low=1)
    patience: int | None = option(
        None, "Early stopping: epochs without a better validation score; else a third of the epochs.", low=1
    )
    keep_epoch: Literal["auto", "best", "last"] = option(
        "auto", "Epoch that is kept: the best of validation; auto: with fewer than 20 answers the last.", rare=True
    )
    batch_size: int = option(32, "Examples per training step.", low=1, aliases=("batch",))
    batch_tokens: int | None = option(None, "Time steps per training step, in place of --batch-size.", low=1, rare=True)
    curriculum: int = option(
        0, "Epochs that begin with the shortest examples, and add longer ones until all are drawn.", low=0, rare=True
    )
    learning_rate: float = option(
        2e-3, "Highest learning rate, after a linear warm-up; then a cosine decay.", low=1e-9, high=10, aliases=("lr",)
    )
    clip_norm: float = option(1.0, "Clip gradients at this global norm.", low=1e-9, aliases=("clip",), rare=True)
    train_on_validation: bool = option(
        False, "Learn the validation examples too, for as long as was best for the same run without this.", rare=True
    )
    ema_decay: float = option(
        0.0, "Exponential moving average of the weights, which is scored; 0: none.", low=0, high=0.9999,
        aliases=("average",),
    )  # fmt: skip
    lazy_embeddings: bool = option(False, "Update only the embeddings of the words in the batch (SparseAdam).")
    precision: Literal["float32", "mixed_bfloat16"] = option(
        "float32", "Of the arithmetic; the weights are float32.", rare=True
    )


@dataclass(frozen=True)
class Start:
    """Options of a run that starts from another one; see harness/training/fine_tuning.py."""

    from_: str | None = option(
        None, "A complete run that training starts from, with its weights and its options of the model."
    )
    freeze: Literal["none", "embedding", "recurrent", "all-but-output"] = option(
        "none", "Weights of --from that stay as they are.", rare=True
    )


# With these no vector is trained; so what is new in the data can have none.
FROZEN_VECTORS = ("embedding", "all-but-output")
# Names that the command line uses itself.
RESERVED = {
    "runs", "name", "fresh", "json", "include", "help", "split", "input", "output", "save_every", "auto_batch",
    "devices", "cluster", "process", "ray",
    *declared(Machine, "run"),
}  # fmt: skip
# What runs of a format did before there was an option for it, where its default is something else.
EARLIER: dict[int, dict[str, Value]] = {
    1: {"stratify": False},
    3: {"passes": 1, "calibrate": False, "keep_share": None},
    4: {"keep_epoch": "best"},
    5: {"slow_eigenvalues": False},
}
# Options that there were once: runs that have them do as well without.
REMOVED: set[str] = set()
# Up to this format, the config of every run had the options of all tasks.
FLAT = 2
FLAT_OPTIONS = frozenset(
    "beam temperature top_k top_p length sampling_seed adapt text_column label_column header encoding strict data "
    "train_file validation_file test_file split_seed stratify limit max_length vocabulary unit tokenizer lowercase "
    "min_count cell units chrono layers bidirectional dropout word_dropout embedding embedding_size pooling image_size "
    "colours attention label_smoothing delay downsample masking warping seed steps epochs patience batch batch_tokens "
    "lr clip average lazy_embeddings precision".split()
)


def find_options(task: Task) -> dict[str, Option]:
    """Return the options of a task by name, with its own defaults, in the order in which --help shows them.

    Raises BadInput for one that clashes with another's, has no help or a default that it does not take, and for a
    default of the task that is of no option.
    """
    try:
        # A cell of the user's own may have come with options of its own.
        return _find_options(task.name, _Identity(task), tuple(CELLS))
    except BadInput as error:
        raise BadInput(f"the task {task.name!r}: {error}") from None


class _Identity:
    """A task as the key of a cache: tasks hold dictionaries, so they have no hash."""

    def __init__(self, task: Task):
        self.task = task

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.task is other.task

    def __hash__(self) -> int:
        return id(self.task)


@cache
def _find_options(name: str, identity: _Identity, cells: tuple[str, ...]) -> dict[str, Option]:
    task = identity.task
    sources = {id(one.options): one.options for one in task.sources.values() if one.options}
    found = merge(
        [
            ("the data", declared(Data, "data")),
            *([("files", declared(Files, "data") | declared(Reading, "data"))] if task.reader else []),
            *((kind.__qualname__, declared(kind, "data")) for kind in sources.values()),
            *([("the reader", declared(task.reader.options, "data"))] if task.reader and task.reader.options else []),
            ("the input field", task.input.declared("data")),
            ("the output field", task.output.declared("data")),
            ("the model family", declared(task.family.options, "model")),
            *((f"the cell {cell}", cell_options(cell)) for cell in cells),
            ("training", declared(Training, "training") | declared(Start, "training")),
            *([("the task", declared(task.own, "model"))] if task.own else []),
        ]
    )
    names = Counter(name for one in found.values() for name in (one.name, *one.aliases))
    for taken in [name for name, count in names.items() if count > 1 or name in RESERVED]:
        raise BadInput(f"the option {taken!r} has a name that is taken; give it another")
    for option_name, value in [*task.best.items(), *task.options.items()]:
        if option_name not in found:
            raise unknown("option", option_name, found)
        found[option_name].check(value)
    for option_name, value in task.options.items():
        found[option_name] = dataclasses.replace(found[option_name], default=value)
    return found


def cell_options(cell: str) -> dict[str, Option]:
    """Return the options that a cell declares."""
    kind = CELLS[cell].options
    return declared(kind, "model") if kind else {}


def defaults(task: Task, budget: Value = "fast") -> Options:
    """Return the options of a task as its file sets them for a budget; BadInput as `find_options`."""
    usual = make_options(task.name, tuple(find_options(task).values()))()
    return usual.replace(**spend(task)) if budget == "best" else usual


def spend(task: Task) -> dict[str, Value]:
    """Return what a task's options are with --budget best where they are otherwise than usual; see `Task.best`."""
    return {"budget": "best", "epochs": None, "patience": None, **task.best}


def choose(task: Task, given: Mapping[str, Value]) -> Options:
    """Return the options of a task with some of them given; the others are as their budget has them."""
    return defaults(task, given.get("budget", "fast")).replace(**given)


def check(options: Options, task: Task) -> None:
    """Raise BadInput for a value that its option does not take, and one that cell or search has no use for."""
    known = find_options(task)
    for name, value in options.as_dict().items():
        known[name].check(value)
    if options.cell in CELLS:
        check_cell_options(options, (options.cell,), task)
    every = options.as_dict()
    if (penalty := every.get("coverage_penalty")) and every.get("attention") == "none":
        raise BadInput(
            f"--coverage-penalty {penalty}: it is measured by the attention, and there is none; leave it out, or train "
            "a run with --attention bahdanau or luong"
        )


def list_foreign(cells: tuple[str, ...]) -> dict[str, Option]:
    """Return the options of cells that none of `cells` has."""
    own = {name for cell in cells for name in cell_options(cell)}
    return {name: one for cell in CELLS for name, one in cell_options(cell).items() if name not in own}


def check_cell_options(options: Options, cells: tuple[str, ...], task: Task) -> None:
    """Raise BadInput for an option of cells that was changed, and that none of `cells` has."""
    for name, one in list_foreign(cells).items():
        value = getattr(options, name)
        if value not in (find_options(task)[name].default, None):
            having = [cell for cell in CELLS if name in cell_options(cell)]
            verb = "has" if len(having) == 1 else "have"
            raise BadInput(
                f"{one.flag} {value}: --cell {', '.join(cells)} has no such option; {', '.join(having)} {verb}"
            )


def override(experiment: "Experiment", changed: Mapping[str, Value]) -> "Experiment":
    """Return a run with some options of decoding changed; BadInput if one is out of range, or none of its task's."""
    for name in changed:
        if name not in find_options(experiment.task):
            raise refuse(name, experiment.task)
    experiment = experiment.replace_options(**changed)
    check(experiment.options, experiment.task)
    return experiment


def refuse(name: str, task: Task) -> BadInput:
    """Return the error for an option that a task does not have: which task has it, or what was meant."""
    every = {one.name: list_names(find_options(one)) for one in tasks.find().values()}
    own = [make_flag(other) for other in find_options(task)]
    flag, hint = make_flag(name), ""
    if not any(name in names for names in every.values()):
        flags = sorted({make_flag(other) for names in every.values() for other in names})
        close = difflib.get_close_matches(flag, flags, n=1, cutoff=0.5)
        if not close or close[0] in own:
            return unknown(f"option of the task {task.name!r}", flag, own)
        hint, name = f" Did you mean {close[0]}?", read_flag(close[0])
    having = [title for title, names in every.items() if name in names]
    return BadInput(f"{flag}: the task {task.name!r} has no such option.{hint} It is one of {', '.join(having)}")


def list_names(options: Mapping[str, Option]) -> set[str]:
    """Return the names of options, earlier ones too."""
    return {name for one in options.values() for name in (one.name, *one.aliases)}


def parse(stored: Mapping[str, Value], task: Task, number: int) -> dict[str, Value]:
    """Return those options of a stored run, of format `number`, that its task has; by their names of today.

    Raises BadInput for one of the wrong kind, and for one that this version does not know.
    """
    known = find_options(task)
    aliases = {alias: one.name for one in known.values() for alias in one.aliases}
    kept = {}
    for name, value in stored.items():
        today = aliases.get(name, name)
        if today in known:
            # Where a task had no use for an option, it had no value.
            if value is not None or known[today].optional:
                kept[today] = value
        elif not (name in REMOVED or (number <= FLAT and name in FLAT_OPTIONS)):
            raise BadInput(f"the option {name!r:.60} is not of this version")
    try:
        converted = record.convert(kept, make_options(task.name, tuple(known.values())))
    except BadInput as error:
        raise BadInput(f"the option {error}") from None
    return {name: getattr(converted, name) for name in kept}


def restore(stored: Mapping[str, Value], task: Task, number: int, *, tell: Say = say) -> Options:
    """Return the options of a run of format `number`, without permissions; BadInput as `parse`.

    One that the run lacks, for it came later, is what such runs did without it, else the task's default. One that is no
    more is said, and left out. tell: takes the lines.
    """
    for name in sorted(stored.keys() & REMOVED):
        tell(f"{make_flag(name)} {stored[name]}: this version has no such option; it is left out")
    usual = defaults(task)
    kept = {name: value for name, value in parse(stored, task, number).items() if name not in PERMISSIONS}
    cell = str(kept.get("cell", usual.cell))
    # Those of other cells have their defaults: `check` refuses what this cell does not have.
    known = usual.as_dict().keys() - list_foreign((cell,) if cell in CELLS else ())
    earlier: dict[str, Value] = {}
    for older in sorted(EARLIER, reverse=True):
        if older >= number:
            earlier |= {name: value for name, value in EARLIER[older].items() if name in known}
    return usual.replace(**earlier | kept)


def type_in(changed: Mapping[str, Value], task: Task) -> list[str]:
    """Return the words of a command line that give options of a task these values, in the order of --help."""
    return [word for name, one in find_options(task).items() if name in changed for word in one.type_in(changed[name])]


def differences(stored: Mapping[str, Value], options: Mapping[str, Value]) -> list[str]:
    """Return one line per option in which two runs differ."""
    names = [*stored, *(name for name in options if name not in stored)]
    return [
        f"{make_flag(name)}: {stored.get(name)} then, {options.get(name)} now"
        for name in names
        if stored.get(name) != options.get(name) and name not in PERMISSIONS
    ]
