"""The contract: what a task is. A task says what is learned from which data; models/ and harness/ say how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.example import Example, Splits
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular.columns import Columns
from pipeline.readers.tabular.records import SUFFIXES

SHAPES = ("one-to-many", "many-to-one", "many-to-many", "many-to-many-unequal")


@dataclass(frozen=True)
class Source:
    """A named place that examples come from.

    summary: what it holds and how it is divided. licence: of the data. load: returns its splits, given the options.
    """

    summary: str
    licence: str
    load: Callable[[Any], Splits]


@dataclass(frozen=True)
class Reader:
    """How the data of others is read.

    files: (request, say) -> splits, from the user's own files; it says what it guesses and leaves out. formats: what
    these may be, in words.
    dataset: the kind of TensorFlow dataset that fits: see pipeline/readers/tfds.py; None: none does. examples: names
    of some that do.
    inputs: endings of files that predict reads as training does; any other has one input per line.
    arrange: splits as either of them read them -> splits of the task's own examples.
    apart: the side of an example that two splits never share, where the data comes without splits.
    """

    files: Callable[[Request, Say], Splits]
    formats: str
    dataset: str | None = None
    examples: tuple[str, ...] = ()
    inputs: tuple[str, ...] = SUFFIXES
    arrange: Callable[[Splits], Splits] = lambda splits: splits
    apart: Literal["input", "output"] = "input"


@dataclass(frozen=True)
class Task:
    """One task, complete.

    name: as on the command line. summary: one line. shape: one of SHAPES.
    sources: by name; the first is the default and works offline.
    reader, columns: how files and TensorFlow datasets are read, and which columns hold input and output.
    input, output: make the two fields (pipeline/fields/__init__.py) from the options.
    model: the module of the model family, with `build`, `loss` and `decode` (see models/tagger.py).
    metrics: (references, predictions) -> named scores (pipeline/metrics.py). monitor: picks the best epoch.
    signature: how exactly the metrics compute, in one line that is kept with the scores.
    lower_is_better: of the monitored score. options: defaults of this task that differ from harness/options.py.
    further: (training examples, predictions, loss) -> scores that need no reference, such as perplexity and novelty.
    baselines: by name, (options, splits, contexts) -> scores of answers that no network gives, printed beside the
        test's; computed once. contexts: from a split's name to what a model that writes makes of each input.
    samples: how many of the test's answers training shows when it ends.
    """

    name: str
    summary: str
    shape: str
    sources: Mapping[str, Source]
    input: Callable[[Any], Any]
    output: Callable[[Any], Any]
    model: str
    metrics: Callable[[list, list], dict[str, float]]
    monitor: str
    lower_is_better: bool = False
    signature: Callable[[], str] | None = None
    reader: Reader | None = None
    columns: Columns = field(default_factory=lambda: Columns((), ()))
    options: Mapping[str, Any] = field(default_factory=dict)
    further: Callable[[Sequence[Example], list, float], dict[str, float]] | None = None
    baselines: Mapping[str, Callable[[Any, Splits, Callable[[str], Any]], dict[str, float]]] = field(
        default_factory=dict
    )
    samples: int = 0
