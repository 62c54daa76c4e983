"""The contract: what a task is. A task says what is learned from which data; models/ and harness/ say how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from models.families import LazyFamily
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import InputField, OutputField
from pipeline.option import Configured, Options, Value
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular.columns import Columns
from pipeline.readers.tabular.records import SUFFIXES
from pipeline.search_space import USUAL, Space

SHAPES = ("one-to-many", "many-to-one", "many-to-many", "many-to-many-unequal")

Scores = dict[str, float]
Contexts = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Source:
    """A named place that examples come from.

    summary: what it holds and how it is divided. licence: of the data. load: returns its splits, given the options.
    options: a dataclass of those that only this source reads; see pipeline/option.py.
    """

    summary: str
    licence: str
    load: Callable[[Options], Splits]
    options: type | None = None


@dataclass(frozen=True)
class Reader:
    """How the data of others is read.

    files: (request, say) -> splits, from the user's own files; it says what it guesses and leaves out. Of large files
        it may gather the examples on the disk; see pipeline/on_disk.py. formats: what these may be, in words.
    dataset: the kind of TensorFlow dataset that fits: see pipeline/readers/tfds.py; None: none does. datasets: names
    of some that do.
    inputs: endings of files that predict reads as training does; any other has one input per line.
    preprocess: splits as either of them read them -> splits of the task's own examples.
    split_key: the side of an example that two splits never share, where the data comes without splits.
    options: a dataclass of those that only this reader reads, from `Request.options`; see pipeline/option.py.
    """

    files: Callable[[Request, Say], Splits]
    formats: str
    dataset: str | None = None
    datasets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = SUFFIXES
    preprocess: Callable[[Splits], Splits] = lambda splits: splits
    split_key: Literal["input", "output"] = "input"
    options: type | None = None


@dataclass(frozen=True)
class Task:
    """One task, complete.

    name: as on the command line. summary: one line. shape: one of SHAPES.
    sources: by name; the first is the default and works offline.
    reader, columns: how files and TensorFlow datasets are read, and which columns hold input and output.
    input, output: the two fields (pipeline/fields/), as the options configure them.
    family: the model family (models/families.py; one of one's own: models/family.py).
    metrics: (references, predictions) -> named scores (pipeline/metrics.py). monitor: picks the best epoch.
    signature: how exactly the metrics compute, in one line that is kept with the scores.
    lower_is_better: of the monitored score.
    own: a dataclass of options that only this task has; see pipeline/option.py.
    options: defaults of this task that differ from those of its parts.
    best: options that are otherwise with --budget best, where training may take long; the RNN type is never among them.
    extra_metrics: (training examples, predictions, loss) -> scores without reference, such as perplexity.
    measured_metrics: (references, means over all answers, by name) -> scores; the means are of the "loss" and of what
        the family measures beside it, which may be left out.
    baselines: by name, (options, splits) -> scores of answers that no network gives, printed beside the test's.
    context_baselines: likewise, (splits, contexts) -> scores; contexts: a split's name -> what a model that writes
        makes of each of its inputs, (examples, features).
    modulus: options -> modulo which number a state has to be counted, which not every cell can; 1: none has.
    samples: how many of the test's answers training shows when it ends.
    tuned: between which values `tune` searches which options.
    latest: the run's own data -> examples without outputs, which predict answers where it is given no input.
    ordered: its examples follow each other, in time or in a text: they are never divided at random.
    """

    name: str
    summary: str
    shape: str
    sources: Mapping[str, Source]
    input: Configured[InputField]
    output: Configured[OutputField]
    family: LazyFamily
    metrics: Callable[[list, list], Scores]
    monitor: str
    lower_is_better: bool = False
    signature: Callable[[], str] | None = None
    reader: Reader | None = None
    columns: Columns = field(default_factory=lambda: Columns((), ()))
    own: type | None = None
    options: Mapping[str, Value] = field(default_factory=dict)
    best: Mapping[str, Value] = field(default_factory=dict)
    extra_metrics: Callable[[Sequence[Example], list, float], Scores] | None = None
    measured_metrics: Callable[[list, Mapping[str, float]], Scores] | None = None
    baselines: Mapping[str, Callable[[Options, Splits], Scores]] = field(default_factory=dict)
    context_baselines: Mapping[str, Callable[[Splits, Contexts], Scores]] = field(default_factory=dict)
    modulus: Callable[[Options], int] = lambda options: 1
    samples: int = 0
    tuned: Space = field(default_factory=lambda: USUAL)
    latest: Callable[[Splits], list[Example]] | None = None
    ordered: bool = False

    def __post_init__(self) -> None:
        """Raise BadInput for a field or family that is of another kind: nobody could say which options it has."""
        for side, given in (("input", self.input), ("output", self.output)):
            if not isinstance(given, Configured):
                raise BadInput(f"{side}: expected Configured(FIELD), such as Configured(Text), got {given!r:.60}")
        if not isinstance(self.family, LazyFamily):
            raise BadInput(f"family: expected one of models/families.py, or LazyFamily(...), got {self.family!r:.60}")
