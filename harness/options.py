"""Every option of a run, in one place. The command line is made from this."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from harness.process.console import say
from pipeline import record
from pipeline.errors import BadInput, unknown


def optional() -> Any:
    """Return the field of an option that is of use only to the tasks that set it, be it to None."""
    return dataclasses.field(default=None, metadata={"optional": True})


@dataclass(frozen=True)
class Decoding:
    """Options of decoding alone: evaluate and predict may change them for a trained run."""

    beam: int | None = optional()
    """Outputs kept side by side in the search for the likeliest; 1 takes the likeliest symbol at each step."""
    temperature: float | None = optional()
    """Of sampling: below 1 the likely symbols become likelier, above 1 less so."""
    top_k: int | None = optional()
    """Sample from the K likeliest symbols only; 1 always takes the likeliest."""
    top_p: float | None = optional()
    """Sample from the likeliest symbols that together have this probability."""
    length: int | None = optional()
    """Most symbols to write."""
    sampling_seed: int | None = optional()
    """Of the random numbers of sampling."""
    adapt: float | None = optional()
    """Of scoring: the rate at which the model goes on learning from each text once it is scored; 0: it does not."""


AS_TRAINED = Decoding()


@dataclass(frozen=True)
class Reading:
    """Options of reading one's own files: evaluate and predict take them for the data that they are given."""

    text_column: str | None = None
    """Column of the input: a name, a number from 1, or a path inside an object (data.text); the language of a pair."""
    label_column: str | None = None
    """Column of the expected output: a name, a number from 1, or a path inside an object; the language of a pair."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first row of a table names its columns; auto: where one is a known name, or looks like one. That a
    column is given by its number says nothing of it."""
    encoding: str = "utf-8"
    """Of text files, such as cp1252 or latin-1."""
    strict: bool = False
    """Refuse a row that cannot be read; else it is left out, counted and said."""


AS_STORED = Reading()


@dataclass(frozen=True)
class Options(Reading, Decoding):
    """What a run is made of; a task may set other defaults (`run.py show TASK` lists them)."""

    data: str | None = None
    """A source of the task (see `show`), tfds:NAME, or the path of your own file, folder or archive."""
    train_file: str | None = None
    """File of the training examples, if its name does not say it; in the folder of --data, or alone."""
    validation_file: str | None = None
    """File of the validation examples, likewise."""
    test_file: str | None = None
    """File of the test examples, likewise."""
    split_seed: int = 0
    """Which examples become validation and test where the data does not say, and which --limit takes."""
    stratify: bool = True
    """Draw them so that each label has its share; else they do not ask for labels, and --limit takes the first."""
    limit: int | None = None
    """Use only N examples of each split, drawn at random, each label among them."""
    max_length: int = 400
    """Longest input, in tokens; a longer text keeps its two ends, a longer sentence to tag is refused."""
    vocabulary: int = 20_000
    """Most words, or subwords, known; the rarest of the training data beyond them are unknown."""
    unit: Literal["word", "character", "subword"] | None = optional()
    """What a text is divided into."""
    tokenizer: Literal["word", "blank", "character", "treebank"] | None = optional()
    """How a sentence that is typed becomes tokens; treebank: English as the Penn Treebank has it (needs NLTK)."""
    lowercase: bool | None = optional()
    """Lower-case all texts."""
    min_count: int | None = optional()
    """Words seen fewer times in training are unknown."""

    cell: str = "simple"
    """RNN type: simple, lstm, gru, indrnn, mingru, minlstm, lru, bag, dnn, or one of your own (--include)."""
    units: int = 128
    """Size of the hidden state, for each direction."""
    chrono: int | None = optional()
    """Steps that lstm, gru, indrnn, mingru, minlstm and lru begin by remembering; the usual beginning is few."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    bidirectional: bool = True
    """Read the sequence in both directions."""
    dropout: float = 0.3
    """Share of the numbers between layers set to 0 in training."""
    word_dropout: float = 0.0
    """Share of the words read, and of those a decoder has written so far, made unknown in training."""
    embedding: Literal["dense", "onehot"] = "dense"
    """Words as learned vectors, or as one-hot vectors straight into the cell."""
    embedding_size: int = 128
    """Length of a word's vector."""
    pooling: Literal["last", "max", "mean", "max+mean"] | None = optional()
    """How a classifier makes one vector of all hidden states."""
    image_size: int | None = optional()
    """Side of the square that images are scaled to, in pixels."""
    colours: int | None = optional()
    """Shades of red, of green and of blue: how much of an image is of each mixture; 0: its grid alone."""
    attention: Literal["none", "bahdanau", "luong"] | None = optional()
    """What a decoder sees of its input: all states, by additive or multiplicative attention, or their last alone."""
    label_smoothing: float | None = optional()
    """Share of the expected probability that is spread over all symbols in training."""
    delay: int | None = optional()
    """T of the memory tasks, in steps: how long copy waits, how many numbers adding is given."""
    downsample: Literal[1, 2, 4] | None = optional()
    """Frames of a recording that a convolution makes one step of, before the recurrent layers."""
    masking: float | None = optional()
    """Share of a recording's frames, and of its bands, hidden in training; 0 hides none."""
    warping: float | None = optional()
    """How far a recording's bands, or an image's sides, are stretched or squeezed in training, at the most."""

    seed: int = 0
    """Of the weights, the dropout and the order of the examples."""
    steps: int = 2000
    """Training steps, where --epochs is left out: as many epochs as make about that many, between 2 and 30."""
    epochs: int | None = None
    """Most passes over the training data."""
    patience: int | None = None
    """Stop after this many epochs without a better validation score; else a third of the epochs, 3 at least."""
    batch: int = 32
    """Examples in a training step."""
    batch_tokens: int | None = None
    """Steps in time of a training step, in place of --batch: of shorter sequences more, padding included."""
    lr: float = 2e-3
    """Highest learning rate; it rises over the first tenth of the steps, then falls along a cosine to 0."""
    clip: float = 1.0
    """Longest gradient, all weights together; a longer one is scaled down."""
    average: float = 0.0
    """Of the running average of the weights that is scored and kept: the share it keeps at a step; 0: no average."""
    lazy_embeddings: bool = False
    """Update of an embedding only the rows of the words in the batch: faster where there are many words."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Of the arithmetic; the weights are float32."""


BOUNDS: dict[str, tuple[float, float]] = {
    "limit": (1, float("inf")),
    "max_length": (1, float("inf")),
    "vocabulary": (3, float("inf")),
    "min_count": (1, float("inf")),
    "image_size": (16, 512),
    "units": (1, float("inf")),
    "beam": (1, 1000),
    "colours": (0, 16),
    "label_smoothing": (0, 0.9),
    "layers": (1, float("inf")),
    "dropout": (0, 0.95),
    "word_dropout": (0, 0.95),
    "embedding_size": (1, float("inf")),
    "steps": (1, float("inf")),
    "delay": (1, float("inf")),
    "chrono": (3, float("inf")),
    "masking": (0, 0.9),
    "warping": (0, 0.9),
    "temperature": (0.01, 100),
    "top_k": (1, float("inf")),
    "top_p": (1e-6, 1),
    "length": (1, float("inf")),
    "sampling_seed": (0, 2**31),
    "adapt": (0, 10),
    "epochs": (1, float("inf")),
    "patience": (1, float("inf")),
    "batch": (1, float("inf")),
    "batch_tokens": (1, float("inf")),
    "lr": (1e-9, 10),
    "average": (0, 0.9999),
    "clip": (1e-9, float("inf")),
    "seed": (0, 2**31),
}


# What runs of a format did before there was an option for it, where its default is something else.
EARLIER: dict[int, dict[str, Any]] = {1: {"stratify": False}}
# Options that there were once: runs that have them do as well without.
REMOVED: set[str] = set()


def defaults(task: Any) -> Options:
    """Return the options of a task as its file sets them; BadInput if it sets one that does not exist."""
    known = {field.name for field in dataclasses.fields(Options)}
    for name in task.options:
        if name not in known:
            raise unknown(f"option of the task {task.name!r}", name, known)
    return Options(**task.options)


def useless(task: Any) -> set[str]:
    """Return the names of the options that a task has no use for."""
    return {field.name for field in dataclasses.fields(Options) if field.metadata and field.name not in task.options}


def check(options: Options, task: Any) -> None:
    """Refuse numbers out of range, and options that the task has no use for, with BadInput."""
    unused = useless(task)
    for field in dataclasses.fields(Options):
        value, flag = getattr(options, field.name), "--" + field.name.replace("_", "-")
        low, high = BOUNDS.get(field.name, (None, None))
        if low is not None and value is not None and not low <= value <= high:
            wanted = f"at least {low:g}" if high == float("inf") else f"between {low:g} and {high:g}"
            raise BadInput(f"{flag} {value}: expected a number {wanted}")
        if value is not None and field.name in unused:
            raise BadInput(f"{flag} {value}: the task {task.name!r} has no use for this option; leave it out")
    if task.reader is None and (options.text_column or options.label_column):
        raise BadInput(f"--text-column, --label-column: the task {task.name!r} reads no files")


def override(options: Options, decoding: Decoding, task: Any) -> Options:
    """Return the options with those of decoding that are given; BadInput if one is out of range or of no use."""
    changed = {name: value for name, value in dataclasses.asdict(decoding).items() if value is not None}
    options = dataclasses.replace(options, **changed)
    check(options, task)
    return options


def parse(stored: dict[str, Any]) -> dict[str, Any]:
    """Return those of a run's stored options that there still are; BadInput if one is of the wrong kind, or unknown."""
    known = {field.name for field in dataclasses.fields(Options)}
    if strange := sorted(stored.keys() - known - REMOVED):
        raise BadInput(f"the option {strange[0]!r:.60} is not of this version")
    kept = {name: value for name, value in stored.items() if name in known}
    try:
        converted = record.convert(kept, Options)
    except BadInput as error:
        raise BadInput(f"the option {error}") from None
    return {name: getattr(converted, name) for name in kept}


def restore(stored: dict[str, Any], task: Any, number: int) -> Options:
    """Return the options of a run of format `number`; BadInput as `parse`.

    One that the run lacks, for it came later, is what such runs did without it, else the task's default. One that there
    is no more is said, and left out.
    """
    for name in sorted(stored.keys() & REMOVED):
        say(f"--{name.replace('_', '-')} {stored[name]}: this version has no such option; it is left out")
    known = dataclasses.asdict(defaults(task))
    for older in sorted(EARLIER, reverse=True):
        if older >= number:
            known |= {name: value for name, value in EARLIER[older].items() if name not in useless(task)}
    # An option that the task had no use for then may be one that it has now.
    return Options(**known | {name: value for name, value in parse(stored).items() if not _is_new(name, value, task)})


def _is_new(name: str, value: Any, task: Any) -> bool:
    return value is None and task.options.get(name) is not None


def differences(stored: dict, options: dict) -> list[str]:
    """Return a line for each option in which two runs differ."""
    names = [*stored, *(name for name in options if name not in stored)]
    return [
        f"--{name.replace('_', '-')}: {stored.get(name)} then, {options.get(name)} now"
        for name in names
        if stored.get(name) != options.get(name)
    ]
