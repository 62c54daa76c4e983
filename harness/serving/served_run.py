"""Served run: one trained run, as a server asks it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import data, runs
from harness.cells import check_lengths
from harness.experiment import Experiment, pointing_at
from harness.inputs import Input
from harness.runs.schema import Scores
from harness.serving.limits import Limits
from harness.serving.programs import Programs, Shape, choose_shapes
from pipeline.batches.padding import measure, pad
from pipeline.errors import BadInput, TooLong
from pipeline.example import Value
from pipeline.fields import Array, Arrays

if TYPE_CHECKING:
    from harness.evaluate import Answer
    from harness.runs.trained import Trained

# How often each program is timed; the least counts.
TIMED = 2
# As many examples have random numbers of their own: see models/decoding/sampling.py.
POSITIONS = 2**18


@dataclass(frozen=True)
class Question:
    """One input, encoded.

    shown: the input as its answer repeats it. arrays: see pipeline/fields. steps: time steps, 1 without a time axis.
    position: chooses the random numbers, where the run samples. told: what is told beside the answer.
    """

    shown: Value
    arrays: Arrays
    steps: int
    position: int
    told: Mapping[str, object]


class ServedRun:
    """A trained run behind the path /v1/TASK/NAME, where NAME is that of its directory.

    `open` and `answer` call Keras; `samples` and `attends` are known once it is open. scores: None while it trains.
    """

    def __init__(self, experiment: Experiment, limits: Limits):
        self.experiment, self.limits = experiment, limits
        self.name = f"{experiment.task.name}/{experiment.directory.absolute().name}"
        self.shapes = choose_shapes(experiment, limits.max_batch)
        self.longest = max(length for _, length in self.shapes)
        self.scores = read_scores(experiment.directory)
        self._trained: Trained | None = None
        self._programs: Programs | None = None

    @property
    def path(self) -> str:
        """Return where it is asked, without what must be escaped in an address."""
        return f"/v1/{self.name}"

    @property
    def trained(self) -> "Trained":
        """Return the run with its model, once it is open."""
        if self._trained is None:
            raise RuntimeError(f"{self.name} is not open")
        return self._trained

    @property
    def samples(self) -> bool:
        """Return whether its answers are drawn by chance."""
        return "position" in self.trained.decoder.input

    @property
    def attends(self) -> bool:
        """Return whether its answers can tell what each written symbol looked at."""
        return "attention" in self.trained.decoder.output

    def encode(self, inputs: Sequence[Input], *, shown: Sequence[Value] = (), seed: int = 0) -> list[Question]:
        """Return the questions that inputs are; those without a value are left out.

        shown: what is repeated in place of each input. seed: another one gives other random numbers.
        Raises BadInput with the origin of an input that cannot be read, TooLong for one that is too long.
        """
        field = self.experiment.input_field
        found: list[Question] = []
        for number, one in enumerate(inputs):
            if one.value is None:
                continue
            with pointing_at(one.origin):
                check_characters(one.value, self.limits.max_characters)
                arrays = field.encode(one.value)
                steps = measure(arrays, field.arrays)
                if steps > self.longest:
                    raise TooLong(f"it has {steps:,} time steps, and at most {self.longest:,} are answered; divide it")
            check_lengths(self.experiment.options, [one.origin], [arrays], arrays=field.arrays)
            repeated = shown[number] if shown else data.to_plain(one.value)
            position = (seed * self.limits.max_inputs + len(found)) % POSITIONS
            found.append(Question(repeated, arrays, steps, position, field.tell(one.value)))
        return found

    def open(self, tell: Callable[[int], None], going: Callable[[], bool]) -> None:
        """Load the model, and compile and time each of its programs.

        tell: takes how many of `shapes` are compiled. going: whether to go on with the next.
        Raises BadInput if there is no model, or a damaged one.
        """
        from harness.runs.trained import open_model

        self._trained = open_model(self.experiment)
        seconds: dict[Shape, float] = {}
        for rows, length in self.shapes:
            if not going():
                return
            blank = make_blank(self.experiment.input_field.arrays, rows, length)
            # The first time, it is compiled.
            self._compute(blank)
            seconds[rows, length] = min(self._measure(blank) for _ in range(TIMED))
            tell(len(seconds))
        self._programs = Programs(seconds, self.limits.max_batch)

    def _compute(self, drawn: Arrays) -> Arrays:
        from harness.evaluate import compute

        return compute(self.trained.decoder, drawn)

    def _measure(self, drawn: Arrays) -> float:
        started = time.perf_counter()
        self._compute(drawn)
        return time.perf_counter() - started

    def answer(self, questions: Sequence[Question]) -> "list[Answer]":
        """Return the answers to at most `max_batch` questions, in their order."""
        from harness.evaluate import read_answer

        if self._programs is None:
            raise RuntimeError(f"{self.name} is not open")
        field, masked = self.experiment.input_field, "mask" in self.trained.decoder.input
        answers: dict[int, Answer] = {}
        for part in self._programs.divide([one.steps for one in questions]):
            # As everywhere, a batch is filled up by repetition: no row of it is empty.
            filled = [questions[member] for member in np.resize(part.members, part.rows)]
            drawn = pad([one.arrays for one in filled], field.arrays, part.length)
            drawn["position"] = np.array([one.position for one in filled], "int32")
            found = self._compute(drawn)
            for row, member in enumerate(part.members):
                steps = questions[member].steps
                answers[member] = read_answer(self.experiment.output_field, found, row, steps=steps, masked=masked)
        return [answers[member] for member in range(len(questions))]

    def describe(self) -> dict[str, Any]:
        """Return what someone who asks the run has to know, as JSON can hold it."""
        task, field = self.experiment.task, self.experiment.input_field
        options = self.experiment.options.as_dict()
        # Where this machine keeps its files is nobody's business.
        for name in ("data", "train_file", "validation_file", "test_file"):
            if isinstance(value := options.get(name), str) and value not in task.sources:
                options[name] = Path(value).name
        return {
            "run": self.name,
            "task": task.name,
            "summary": task.summary,
            "shape": task.shape,
            "input": {
                "kind": field.file or ("tokens" if field.tokenizer else "text"),
                "columns": list(task.columns.input),
                "unit": field.unit,
                "tokenizer": field.tokenizer,
                "longest": self.longest if any(array.timed for array in field.arrays.values()) else None,
            },
            "labels": list(self.experiment.output_field.categories) or None,
            "options": options,
            "scores": self.scores,
            "limits": {
                "inputs": self.limits.max_inputs,
                "characters": self.limits.max_characters,
                "bytes": self.limits.body_bytes,
                "waiting": self.limits.max_queue,
            },
        }


def read_scores(directory: Path) -> Scores | None:
    """Return the test scores of a run; None while its training is not complete: they are written last."""
    if not (directory / "scores.json").exists():
        return None
    return runs.read_scores(directory, runs.read_config(directory))["scores"]


def check_characters(value: Value, most: int) -> None:
    """Raise TooLong for a text, or tokens, of more characters than are allowed."""
    parts = (value,) if isinstance(value, str) else value if isinstance(value, tuple | list) else ()
    count = sum(len(part) for part in parts if isinstance(part, str))
    if count > most:
        raise TooLong(f"the text has {count:,} characters, and at most {most:,} are allowed; divide it")


def make_blank(arrays: dict[str, Array], rows: int, length: int) -> Arrays:
    """Return a batch of zeros, every step of which counts, to compile a program with."""
    one = {
        name: np.zeros([length if size is None else size for size in array.shape], array.dtype)
        for name, array in arrays.items()
    }
    return pad([one] * rows, arrays, length) | {"position": np.zeros(rows, "int32")}


def name_runs(experiments: Sequence[Experiment], limits: Limits) -> dict[str, ServedRun]:
    """Return the runs by their names; one that is given twice is served once.

    Raises BadInput for two runs of one name, for a name that no path can have, and for a run without a model.
    """
    served: dict[str, ServedRun] = {}
    for experiment in experiments:
        directory = experiment.directory
        one = ServedRun(experiment, limits)
        other = served.get(one.name)
        if other and other.experiment.directory.resolve() == directory.resolve():
            continue
        if other:
            raise BadInput(
                f"{other.experiment.directory} and {directory}: both would be asked at {one.path}; rename the "
                "directory of one, or give a link to it that has another name"
            )
        if {"{", "}"} & set(one.name):
            raise BadInput(f"{directory}: the name of a directory that is served has no braces; rename it")
        if not (directory / "best.keras").exists():
            raise BadInput(
                f"{directory}: no trained model yet (best.keras is missing); let its training finish an epoch, or "
                "run the same train command again"
            )
        served[one.name] = one
    return served
