"""What is seen of a network at work on one input: plain numbers and texts, which page.py and pictures.py draw."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass

import numpy as np

Plain = str | int | float | bool | None | list | dict


@dataclass(frozen=True)
class Shown:
    """The input. text: as it was given. steps: what stands at each time step, (time,) of texts; () of an image.

    known: whether each step is in the vocabulary; () where there is none. image: (height, width, 3) of uint8, or None.
    frames: of sound, (frames, bands), or None. factor: frames per time step of the recurrent layers.
    """

    text: str
    steps: tuple[str, ...] = ()
    known: tuple[bool, ...] = ()
    image: np.ndarray | None = None
    frames: np.ndarray | None = None
    factor: int = 1


@dataclass(frozen=True)
class States:
    """The hidden states of one recurrent layer in one direction.

    title: such as "layer 1, forward". reads: whether its time steps are those of the input; else those of what is
    written. states: (time, units). order: of the units, so that like ones stand together, (units,).
    gates, constants: by name, (time, units) and (units,). inner: likewise, (time, size), of what is handed from step to
    step and is not the hidden state. meanings: what each of them does.
    exact: the largest difference between the states by these gates and those of the layer; None without gates.
    """

    title: str
    reads: bool
    states: np.ndarray
    order: np.ndarray
    gates: Mapping[str, np.ndarray] = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    inner: Mapping[str, np.ndarray] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    exact: float | None = None


@dataclass(frozen=True)
class Choice:
    """What is answered at one step. probability: None of a number. others: the likeliest other answers."""

    answer: str
    probability: float | None = None
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Course:
    """The prediction at every step.

    steps: the number of each step, from 1: of the input, or of what is written, where reads is false.
    choices: one per step. names: of the lines of a picture, and values, (steps, lines): the probability of each answer
    that occurs, or the number that is answered. apart: whether each step has an answer of its own; else they are one
    answer on its way.
    """

    reads: bool
    apart: bool
    steps: tuple[int, ...]
    choices: tuple[Choice, ...]
    names: tuple[str, ...]
    values: np.ndarray
    sentence: str


@dataclass(frozen=True)
class Contributions:
    """How much each earlier step contributed to what is answered: integrated gradients.

    targets: what is explained, one text each. read: (targets, time) of the input, (targets, height, width) of an image,
    or (targets,) of a category. written: (targets, time), of what was written before; None where nothing is written.
    scores, baselines: (targets,). differences: what all contributions add up to, less score minus baseline.
    points: gradients summed up per target. unit: of the score.
    """

    targets: tuple[str, ...]
    read: np.ndarray
    written: np.ndarray | None
    scores: np.ndarray
    baselines: np.ndarray
    differences: np.ndarray
    points: np.ndarray
    unit: str


@dataclass(frozen=True)
class Attention:
    """What a decoder looked at. weights: (written, positions). grid: rows and columns of the positions of an image."""

    weights: np.ndarray
    grid: tuple[int, int] | None = None


@dataclass(frozen=True)
class Loss:
    """The loss, and how far its gradient reaches back through time.

    loss: of the whole answer. steps: of each step, (time,), or None where the answer has one loss. right: whether
    against the right answer; else against the model's own. reads: whether the time steps of the gradients are those of
    the input. at: the step whose loss is followed back, from 1. norms: of the gradient with respect to what enters the
    first layer, forward, at each step up to that one, (at,). note: what else has to be known.
    """

    loss: float
    steps: np.ndarray | None
    right: bool
    reads: bool
    at: int
    norms: np.ndarray
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the arithmetic for one unit. product: whether it multiplies a vector with a column of a matrix.

    formula: with names. numbers: with numbers in their place. result: what comes out. All are as Python reads them.
    """

    name: str
    formula: str
    numbers: str
    result: str
    product: bool = False


@dataclass(frozen=True)
class Explanation:
    """The arithmetic of one step of one layer, for a few units.

    at: the step, from 1. names: what each name stands for, with its shape. formulas: the lines with names.
    units: by their number, the lines with numbers.
    """

    title: str
    at: int
    token: str
    formulas: tuple[str, ...]
    names: Mapping[str, str]
    units: Mapping[int, tuple[Line, ...]]


@dataclass(frozen=True)
class Inspection:
    """A network unrolled over one input.

    answer: what is answered. probability: of the whole answer, where the model gives it. written: the symbols that
    are written, of a model that writes. notes: what else has to be known, such as what was cut.
    """

    task: str
    run: str
    cell: str
    shown: Shown
    answer: str
    probability: float | None
    written: tuple[str, ...]
    layers: tuple[States, ...]
    course: Course
    contributions: Contributions
    attention: Attention | None
    loss: Loss
    explanation: Explanation | None
    notes: tuple[str, ...]


def to_plain(value: object) -> Plain:
    """Return an inspection, or a part of it, as what JSON can hold; numbers with six digits."""
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: to_plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}")
    assert value is None or isinstance(value, str | int)
    return value
