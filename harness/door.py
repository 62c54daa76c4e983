"""What a Python program can do; see harness/__init__.py, which has the names."""

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import tasks as registry
from harness import runs
from harness.experiment import Experiment
from harness.hypothesis import check_count
from harness.inputs import Input, check_any
from harness.options import defaults, find_options, override, refuse
from harness.process import backend
from harness.runs.restored import read_run
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.files import expand_home
from pipeline.option import Options
from pipeline.option import Value as OptionValue
from pipeline.readers.request import Reading
from tasks.task import Scores, Task

if TYPE_CHECKING:
    from harness.comparison.results import Report
    from harness.cross_validation import CrossValidation
    from harness.inspection.inspection import Inspection
    from harness.predict import Prediction
    from harness.runs.trained import Trained
    from harness.streaming.stream import ReadingStream, WritingStream
    from harness.suggesting.suggester import Suggester


def start(precision: str = "float32", devices: int = 1) -> str:
    """Start Keras, with the backend that this process has imported, if any; return what it runs on."""
    imported = sys.modules["keras"].config.backend() if "keras" in sys.modules else None
    return backend.start(imported, precision=precision, devices=devices)


class Run:
    """A trained run."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment

    @property
    def directory(self) -> Path:
        """Return where the run is kept."""
        return self.experiment.directory

    @property
    def options(self) -> Options:
        """Return the options that it was trained with, as attributes."""
        return self.experiment.options

    @property
    def scores(self) -> Scores:
        """Return its test scores, by name, NaN for one that is not finite; BadInput if it is not complete."""
        found = runs.read_scores(self.directory, runs.read_config(self.directory))["scores"]
        return {name: float(value) for name, value in found.items() if value is not None}

    @cached_property
    def _trained(self) -> "Trained":
        # First of all: the modules of a model import Keras, with whatever backend is set.
        start(self.options.precision)
        from harness.runs.trained import open_model

        return open_model(self.experiment)

    def predict(
        self,
        inputs: Sequence[Value],
        *,
        attention: bool = False,
        n_best: int | None = None,
        **decoding: OptionValue,
    ) -> "list[Prediction]":
        """Return one dictionary per input: "input", "output", and its "probability" where the model has one.

        inputs: texts, as they would be typed, or values of the input field: a tuple of tokens, say. decoding: options
        in place of the run's own, such as beam=5. attention: return "attention" too. n_best: and so many of the
        outputs of a beam search, as "n_best": see harness/predict.py.
        """
        if isinstance(inputs, str):
            raise BadInput("predict: expected a list of inputs, got one text; put it into a list")
        field = self.experiment.input_field
        asked = [
            Input(f"input {number}", field.parse(one) if isinstance(one, str) else one)
            for number, one in enumerate(inputs, 1)
        ]
        check_any(asked)
        # The run's own options have been checked, which takes a third as long as a short answer.
        experiment = override(self.experiment, decoding) if decoding else self.experiment
        check_count(experiment.options, n_best)
        trained = self._decoding(decoding)
        from harness.predict import predict

        return predict(trained, asked, attention=attention, n_best=n_best)

    def _decoding(self, changed: Mapping[str, OptionValue]) -> "Trained":
        if not changed:
            return self._trained
        # What cannot be is told before Keras starts.
        experiment = override(self.experiment, changed)
        start(self.options.precision)
        from harness.runs.trained import open_model

        return open_model(experiment)

    def stream(self, *, rate: int | None = None, **decoding: OptionValue) -> "ReadingStream | WritingStream":
        """Return the run as a stream, whose `push` answers one token after another; see harness/streaming/stream.py.

        rate: samples a second of the sound that will be pushed; None: as in the training data. decoding: options in
        place of the run's own. BadInput, with the reason, for a run that needs the whole input.
        """
        from harness.streaming.stream import check_streams, open_stream

        check_streams(override(self.experiment, decoding))
        return open_stream(self._decoding(decoding), rate)

    def suggester(self) -> "Suggester":
        """Return what reads a text word by word and suggests the next one: see harness/suggesting/suggester.py.

        Raises BadInput for a run that suggests no words.
        """
        trained = self._trained
        from harness.suggesting.suggester import Suggester

        return Suggester(trained)

    def inspect(
        self, value: Value, *, answer: Value = None, step: int | None = None, explain: bool = False
    ) -> "Inspection":
        """Return what is seen of the network at work on one input.

        value: a text, as it would be typed, or a value of the input field. answer: the right one, if it is known. step,
        explain: see harness/inspection/inspect.py.
        """
        field = self.experiment.input_field
        read = field.parse(value) if isinstance(value, str) else value
        # First of all: it chooses the backend.
        trained = self._trained
        from harness.inspection.inspect import inspect

        return inspect(trained, read, answer=answer, step=step, explain=explain)

    def evaluate(self, data: str | Path | None = None, *, split: str = "test", **options: OptionValue) -> Scores:
        """Return the scores on the run's own test, on another split, or on other data, by name.

        options: of how other data is read, such as label_column="verdict", and of decoding, such as beam=5.
        """
        from harness.selection import select

        reading = {name: value for name, value in options.items() if name in Reading.__dataclass_fields__}
        decoding = {name: value for name, value in options.items() if name not in reading}
        experiment = override(self.experiment, decoding)
        source = None if data is None else str(data)
        selected = select(experiment, source, split, reading=reading)
        start(self.options.precision)
        from harness.score import score

        return score(experiment, selected, source=source, keep=not decoding)["scores"]


def load(directory: str | Path) -> Run:
    """Return a trained run; BadInput if the directory is none."""
    return Run(read_run(expand_home(directory), start))


def make_options(task: Task, given: Mapping[str, OptionValue]) -> Options:
    """Return the options of a task with some of them given; BadInput for one that the task does not have."""
    for name in given:
        if name not in find_options(task):
            raise refuse(name, task)
    from harness.training.fine_tuning import choose_options

    return choose_options(
        task, {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    )


def train(
    task: str | Task,
    *,
    runs: str | Path = "runs",
    name: str | None = None,
    fresh: bool = False,
    tensorboard: bool = False,
    save_every: str = "10m",
    auto_batch: bool = False,
    devices: int = 1,
    **options: OptionValue,
) -> Run:
    """Train a task, or go on where the same call stopped; return the trained run.

    runs: folder of all runs. name: of this one's directory. fresh: start over. tensorboard: write its event files too.
    save_every: the time after which the state is kept within an epoch too. auto_batch: where memory does not suffice
    for a batch, compute it in parts. devices: of this machine, on which it is trained, with JAX; the first call of a
    program that computes says how many a CPU is. options: see `harness.list_options`.
    """
    from harness.training.begin import begin
    from harness.training.completion import read_complete
    from harness.training.devices import Devices, check_count
    from harness.training.request import settle
    from harness.training.save_every import read_duration
    from harness.training.tensorboard import check_installed

    seconds = read_duration(save_every)
    check_count(devices)
    if tensorboard:
        check_installed()
    found = registry.get(task) if isinstance(task, str) else task
    request = settle(found, make_options(found, options), expand_home(runs), name=name, fresh=fresh)
    if not read_complete(request):
        with begin(request) as training:
            where = start(request.options.precision, devices)
            from harness import learning_curve
            from harness.training.train import train_run

            train_run(
                training,
                where,
                tensorboard=tensorboard,
                save_every=seconds,
                auto_batch=auto_batch,
                devices=Devices(devices),
            )
            learning_curve.draw(request.directory, found.monitor)
    return load(request.directory)


def cross_validate(
    task: str | Task,
    *,
    folds: int = 5,
    runs: str | Path = "runs",
    name: str | None = None,
    fresh: bool = False,
    **options: OptionValue,
) -> "CrossValidation":
    """Train a run for each fold of the data, and return their scores and what they say together.

    The parameters are those of `train`; name: of the directories, before the number of the fold.
    """
    from harness import cross_validation

    found = registry.get(task) if isinstance(task, str) else task
    chosen = make_options(found, {**options, "folds": folds})
    each = cross_validation.list_requests(found, chosen, expand_home(runs), name=name, fresh=fresh)
    return cross_validation.cross_validate(each, lambda experiment: start(experiment.options.precision))


def compare(
    tasks: Sequence[str],
    *,
    cells: Sequence[str] = ("simple", "lstm", "gru"),
    seeds: int | None = None,
    match: str = "units",
    runs: str | Path = "runs",
    output: str | Path | None = None,
    workers: int = 1,
    fresh: bool = False,
    **options: OptionValue,
) -> "Report":
    """Train tasks by several RNN types and seeds; return what the report's results.json holds.

    The parameters are those of `run.py compare`; seeds: 5, or with folds=K one per fold. Workers are
    processes of their own: a program needs the usual
    `if __name__ == "__main__":`.
    """
    from harness.comparison.command import compare_and_report
    from harness.comparison.sweep import Sweep, count_seeds

    each = {name: make_options(registry.get(name), options) for name in tasks}
    sweep = Sweep(each, tuple(cells), seeds=count_seeds(seeds, each), match=match, folder=Path(runs), fresh=fresh)  # type: ignore[arg-type]
    return compare_and_report(sweep, start, output=Path(output) if output else None, workers=workers)[0]


def list_tasks() -> list[str]:
    """Return the names of all tasks."""
    return list(registry.find())


def list_options(task: str) -> dict[str, OptionValue]:
    """Return the options of a task with their defaults."""
    return defaults(registry.get(task)).as_dict()


def include(*files: str | Path) -> None:
    """Make the tasks and cells of Python files known; BadInput for one that cannot be run."""
    registry.include(map(Path, files))
