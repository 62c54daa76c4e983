"""Stream: a trained run that is given one token after another, and answers each.

    with open_stream(trained) as stream:
        for word in ("not", "a", "bad", "film"):
            stream.push(word)                    # {"output": "positive", "probability": 0.61}

What is answered is what the run answers to the sequence that ends there. Nothing of it is kept but the hidden states.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from harness.experiment import Experiment
from models.cells import CELLS
from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.fields import Arrays
from pipeline.option import make_flag

if TYPE_CHECKING:
    from harness.runs.trained import Trained

Answer = dict[str, Any]
# A token as the task divides a text, or samples of sound, (time,) from -1 to 1.
Token = str | np.ndarray


def check_streams(experiment: Experiment) -> None:
    """Raise BadInput, with the reason, for a run that cannot answer before its input has ended. It needs no Keras."""
    task = experiment.task
    options: dict[str, Any] = experiment.options.as_dict()
    head = f"--stream: {experiment.directory} cannot answer before its input has ended: "
    if task.family.streams == "writing":
        return
    if task.family.streams is None:
        raise BadInput(f"{head}a model of the task {task.name!r} reads all of its input first; leave the option out")
    if options.get("bidirectional"):
        raise BadInput(f"{head}it reads each sequence in both directions; train with --no-bidirectional")
    if not CELLS[options["cell"]].writes:
        raise BadInput(
            f"{head}the cell {options['cell']} has no state to hand from step to step; train with another, such as "
            "--cell gru"
        )
    usual = {"beam": 1, "language_model_weight": 0.0, "word_bonus": 0.0}
    if searching := [name for name, value in usual.items() if (options.get(name) or value) != value]:
        cure = " ".join(f"{make_flag(name)} {usual[name]:g}" for name in searching)
        raise BadInput(f"{head}a beam search may change what it has written; give {cure}")
    if "feature_mean" in options and options["feature_mean"] != "running":
        raise BadInput(
            f"{head}its features are measured against the mean of the whole recording; train with --feature-mean "
            "running"
        )
    field = experiment.input_field
    if field.cut("", False) is None and field.listen() is None:
        reason = "its input cannot be encoded piece by piece"
        if field.tokenizer:
            reason = f"--tokenizer {field.tokenizer} divides whole sentences; give --tokenized"
        raise BadInput(head + reason)


class ReadingStream:
    """A run that answers each token that it is given."""

    def __init__(self, trained: "Trained", rate: int | None = None):
        from models.streaming import NotCausalError, Step

        experiment = trained.experiment
        check_streams(experiment)
        self.field, self.output_field, self.rate = experiment.input_field, experiment.output_field, rate
        try:
            self.step = Step(trained.decoder)
        except NotCausalError as error:
            raise BadInput(
                f"--stream: {experiment.directory} cannot answer before its input has ended: {error}"
            ) from None
        answer = self.output_field.arrays["output"]
        # An answer that has a time axis of its own grows from step to step.
        self.grows = answer.timed and not answer.per_step
        self._forget()

    def _forget(self) -> None:
        self.listener = self.field.listen(self.rate)
        self.held: Arrays = {}
        if (opening := self.field.open_pieces()) is not None:
            self._take(opening)

    def push(self, token: Token) -> Answer:
        """Return the answer to the sequence that ends with this token: its "output", and the "probability" of a label.

        The output is the tag of the token, or the label or number of the sequence so far; of a recording, the text that
        these samples add, often "". token: a piece of a text as the task divides it, such as one word; or the next
        samples of a recording, (time,) from -1 to 1. Raises BadInput for a token that has nothing in it.
        """
        if self.listener is None:
            if not isinstance(token, str):
                raise BadInput(f"expected the next token, a text, got {token!r:.60}")
            return self._take(self.field.encode_piece(token))
        if not _is_sound(token):
            raise BadInput(f"expected the next samples, an array (time,) of numbers from -1 to 1, got {token!r:.60}")
        return self._take(self.listener.hear(np.asarray(token)))

    def finish(self) -> Answer | None:
        """Return what the end of the sequence adds, and reset; None where all has been answered."""
        found = None
        if self.listener is not None:
            found = self._take(self.listener.finish(), last=True)
        self.reset()
        return found

    def reset(self, rate: int | None = None) -> None:
        """Forget all that was pushed: another sequence begins. rate: its samples a second; None: as before."""
        self.rate = rate or self.rate
        self.step.reset()
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.reset()

    def _take(self, arrays: Arrays, last: bool = False) -> Answer:
        """Return the answer after some time steps. Those that do not fill a step of the model are held back."""
        width = self.step.width
        if self.held:
            arrays = {name: np.concatenate([self.held[name], array]) for name, array in arrays.items()}
        steps = measure(arrays, self.field.arrays)
        whole = steps if last else steps - steps % width
        self.held = {name: array[whole:] for name, array in arrays.items()} if whole < steps else {}
        outputs: list[Any] = []
        details: dict[str, float] = {}
        for first in range(0, whole, width):
            found = self.step(self._pad(arrays, first, min(width, whole - first)))
            outputs.append(self.output_field.decode_step(found.pop("output")[0]))
            details = {name: float(array[0]) for name, array in found.items()}
        if self.grows:
            return {"output": "".join(outputs), **details}
        # None: these samples do not make a step yet.
        return {"output": outputs[-1] if outputs else None, **details}

    def _pad(self, arrays: Arrays, first: int, steps: int) -> Arrays:
        """Return some time steps as a batch of one, with its mask."""
        missing = self.step.width - steps
        timed = self.field.arrays
        padded = {
            name: array[None, first : first + steps] if timed[name].timed else array[None]
            for name, array in arrays.items()
        }
        if missing:
            padded = {
                name: np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2))
                for name, array in padded.items()
            }
        return {**padded, "mask": np.arange(self.step.width)[None] < steps}


def _is_sound(token: Token) -> bool:
    """Return whether these are samples; whole numbers are not from -1 to 1."""
    return (
        isinstance(token, np.ndarray) and token.ndim == 1 and token.dtype.kind == "f" and bool(np.isfinite(token).all())
    )


class WritingStream:
    """A generator, whose answer to a prompt is written symbol by symbol."""

    def __init__(self, trained: "Trained"):
        from models.writing import Writer

        experiment = trained.experiment
        self.field, self.output_field = experiment.input_field, experiment.output_field
        self.writer = Writer(trained.model, trained.decoder)
        self.reset()

    def push(self, prompt: str) -> Iterator[Answer]:
        """Yield what is written, symbol by symbol: {"output": "A"}; BadInput for a prompt that cannot be read."""
        arrays = self.field.encode(self.field.parse(prompt))
        self.position += 1
        return self._write(arrays, self.position - 1)

    def _write(self, arrays: Arrays, position: int) -> Iterator[Answer]:
        for symbol in self.writer.write(arrays, position):
            yield {"output": self.output_field.decode(np.array([symbol]))}

    def reset(self) -> None:
        """Begin with the random numbers of the first prompt again."""
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.reset()


def open_stream(trained: "Trained", rate: int | None = None) -> ReadingStream | WritingStream:
    """Return a trained run as a stream; BadInput, with the reason, for one that cannot be one.

    rate: samples a second of the sound that will be pushed; None: as in the training data.
    """
    check_streams(trained.experiment)
    if trained.experiment.task.family.streams == "writing":
        return WritingStream(trained)
    return ReadingStream(trained, rate)
