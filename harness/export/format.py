"""The contract of a format: how a model is written in it, and how what was written is run again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.errors import BadInput
from pipeline.option import Value

Arrays = dict[str, np.ndarray]


class Runner(Protocol):
    """What answers batches: a Keras model, or a file that was exported, in the runtime of its format."""

    @property
    def input(self) -> Mapping[str, object]:
        """The arrays that it takes, by name."""

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name; see models/family.py."""


@dataclass(frozen=True)
class Subject:
    """What is exported, so that another process can open it.

    directory: of the run. decoding: options in place of its own. include: Python files of the user's own.
    length: the only number of time steps that the model shall take; None: any.
    """

    directory: Path
    decoding: Mapping[str, Value]
    include: tuple[Path, ...] = ()
    length: int | None = None


@dataclass(frozen=True)
class Format:
    """One format.

    name: of --format. title: for a reader's eye. file: what the model is called in the folder.
    packages: what writes and runs it, as they are imported.
    write: writes the model to a path. open: returns what runs the file. BadInput where the format cannot hold it.
    quantize: makes the file at the first path one of 8-bit weights at the second; None where there is no such way.
    answers: whether the model decodes its answers; else it gives logits.
    fixed: whether a model can be given a fixed length.
    run: Python source of a function `run(inputs)`, which predict.py answers with; None: there is no predict.py.
    """

    name: str
    title: str
    file: str
    packages: tuple[str, ...]
    write: Callable[[Subject, Path], None]
    open: Callable[[Path, Subject], Runner]
    quantize: Callable[[Subject, Path, Path], None] | None = None
    answers: bool = True
    fixed: bool = False
    run: str | None = None


def refuse(name: str, reason: object, advice: str = "") -> BadInput:
    """Return the error for a model that a format cannot hold, or that its runtime cannot open: in one line."""
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
    shown = f"{lines[0] if lines else type(reason).__name__:.300}"
    return BadInput(f"--format {name}: it cannot hold this run's model: {shown}{advice and '; ' + advice}")
