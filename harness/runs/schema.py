"""What JSON each file of a run directory holds; see harness/runs/__init__.py. A number that is not finite is null."""

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

# The format of a run directory, in its config.json. It goes up where older runs must be told apart; see
# harness/options.py.
FORMAT = 6

Natural = Annotated[int, Meta(ge=0)]
Duration = Annotated[float, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Scores = dict[str, float | None]
Plain = str | int | float | bool | None


class PaddedLengths(TypedDict):
    """What batches are padded to, ascending, in time steps. outputs: where they have lengths of their own."""

    inputs: Annotated[list[Positive], Meta(min_length=1)]
    outputs: list[Positive]


class StartedFrom(TypedDict):
    """The run that another one starts from. model: the SHA-256 of its best.keras."""

    run: str
    model: str


class LengthFrom(TypedDict):
    """How long a run without validation is trained, and the run that says so; see harness/training/schedule.py."""

    run: str
    epochs: Positive
    stable: Natural
    fall: Natural


class Config(TypedDict):
    """config.json.

    format: 1 where it is missing. unrolled: the version that began the run. include: the SHA-256 of each file given
    with --include; None in format 1, which lists the files. data: fingerprint of the examples. fields: the SHA-256 of
    each file in fields/. lengths: what batches are padded to; see pipeline/batches/lengths.py. started_from: of a run
    with --from. length: of one with --train-on-validation.
    """

    format: NotRequired[Positive]
    unrolled: NotRequired[str | None]
    task: str
    include: dict[str, str | None]
    options: dict[str, Any]
    data: str
    fields: NotRequired[dict[str, str]]
    lengths: NotRequired[PaddedLengths]
    started_from: NotRequired[StartedFrom]
    length: NotRequired[LengthFrom]


class Environment(TypedDict, total=False):
    """What a run was computed with. batch_parts: in which each batch was computed, with --auto-batch."""

    command: list[str]
    python: str
    packages: dict[str, str]
    machine: str
    device: str
    commit: str | None
    batch_parts: Positive


class Resumption(Environment):
    """What was otherwise than before when a run went on. epoch: the last one that was finished before that."""

    epoch: Natural


class History(Environment, total=False):
    """environment.json: what a run began with, and what changed."""

    resumed: list[Resumption]


class Epoch(TypedDict):
    """One line of metrics.jsonl, which has a validation_NAME for each score of the task too."""

    epoch: Positive
    loss: float
    seconds: Duration
    compiling: Duration
    tokens_per_second: Natural


class Within(TypedDict):
    """How far an epoch has come. seconds, compiling: that it has taken."""

    step: Positive
    seconds: Duration
    compiling: Duration


class Progress(TypedDict):
    """How far a run has come, kept in state.npz. best: the monitored score; None while none was finite.

    best_loss: the validation loss of that epoch; runs of earlier versions have none.
    last: the epoch in which the learning rate will have fallen to 0, once it falls; of a run whose length follows from
    its score. stable: the best epoch before that.
    within: the epoch after that one, in state.within.npz alone.
    """

    epoch: Natural
    best: float | None
    best_loss: NotRequired[float | None]
    best_epoch: Natural
    waited: Natural
    last: NotRequired[Positive]
    stable: NotRequired[Natural]
    done: bool
    seconds: Duration
    compiling: Duration
    within: NotRequired[Within]


class Calibration(TypedDict):
    """calibration.json: what a run's logits are divided by, and of how many validation examples; see
    harness/calibration.py.
    """

    temperature: float
    examples: Positive


class Sample(TypedDict):
    """An example of the test, and the model's answer."""

    input: Plain | list[Plain | list[Plain]]
    output: Plain | list[Plain | list[Plain]]


class Summary(TypedDict):
    """scores.json; see harness/training/train.py.

    calibrated: whether the run has a calibration.json. keeps_last: the best epoch is the last, whatever is validated.
    """

    run: str
    task: str
    scores: Scores
    monitor: str
    validation: float | None
    best_epoch: Positive
    epochs: Positive
    weights: Natural
    seconds: Duration
    compiling: Duration
    tokens_per_second_answering: Natural | None
    megabytes: Natural | None
    signature: NotRequired[str]
    limitation: NotRequired[str]
    length_from: NotRequired[str]
    calibrated: NotRequired[bool]
    keeps_last: NotRequired[bool]
    baselines: dict[str, Scores]
    samples: NotRequired[list[Sample]]


class Seen(TypedDict):
    """data.json: what training saw of the data; see harness/runs/seen.py.

    examples: by split. longest: the longest training example as it was read, in time steps.
    unknown: by split, the share of the steps of the inputs that are of an unknown token; of fields that know tokens.
    scripts: the share of the letters of the training texts by script, such as LATIN. warnings: the worst first.
    """

    examples: dict[str, Natural]
    longest: Positive
    unknown: dict[str, float]
    scripts: dict[str, float]
    warnings: list[str]


class Curve(TypedDict):
    """The gradient that comes back over each lag, in steps."""

    lags: list[Natural]
    gradient: list[float | None]
    half_life: float | None


class LengthScore(TypedDict):
    """The monitored score of examples of like length, in steps, and all of their scores."""

    length: float
    shortest: Natural
    longest: Natural
    score: float | None
    scores: NotRequired[dict[str, float | None]]
    examples: Positive


class DelayScore(TypedDict):
    """The monitored score at a delay, in steps, and all scores there."""

    delay: Natural
    score: float | None
    scores: NotRequired[dict[str, float | None]]
    examples: Positive


class Memory(TypedDict):
    """memory.json; see harness/comparison/gradient_reach.py."""

    before: Curve
    after: Curve
    by_length: list[LengthScore]
    by_delay: list[DelayScore]


class Averaged(TypedDict):
    """ensemble.json: the test scores of several runs, averaged. members: the SHA-256 of the model of each, by name."""

    members: dict[str, str]
    scores: Scores


# speed.json, beside the runs that a sweep matches by their seconds: tokens a second of each cell.
Speeds = dict[str, Positive]
