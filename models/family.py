"""The contract of a model family: what a module such as models/tagger.py has, and what it needs to know of fields.

    models/tagger.py             many to many, equal length: one tag per token
    models/classifier.py         many to one: one label, number or distribution per sequence
    models/series_classifier.py  many to one: likewise, of a measured series
    models/generator.py          one to many: a category in, a sequence out
    models/language_model.py     many to many, equal length: at each step the word that comes next
    models/captioner.py          one to many: an image in, a text out
    models/encoder_decoder.py    many to many, unequal length: a sequence in, another one out
    models/transcriber.py        many to many, unequal length, in the order of the input: sound in, a text out

Nothing here imports Keras, so that the command line can read it at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import keras
    import numpy as np

    from pipeline.ngrams import Automaton
    from pipeline.option import Options


class Array(Protocol):
    """What a model needs to know of one array of an encoded example.

    shape: without the batch axis; None stands for time.
    size: how many different values an array of integers has; None for measurements.
    timed: whether there is a time axis. per_step: whether each step of it is an answer of its own.
    padding: the value that stands for nothing. unknown: the value that stands for what was not in the training data;
        None: none does.
    weights: how much each of the different values counts in the loss; None: alike. Of an independent array first those
        of 0 for each of its numbers, then those of 1.
    ordered: of likelihoods, whether they are those of values in an order, of which an example has one.
    independent: whether each number is 0 or 1 for itself, and a model answers how likely it is 1: several labels.
    """

    @property
    def shape(self) -> tuple[int | None, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def timed(self) -> bool: ...
    @property
    def per_step(self) -> bool: ...
    @property
    def padding(self) -> int: ...
    @property
    def unknown(self) -> int | None: ...
    @property
    def weights(self) -> tuple[float, ...] | None: ...
    @property
    def ordered(self) -> bool: ...
    @property
    def independent(self) -> bool: ...


class InputField(Protocol):
    """What a model needs to know of the input: its arrays, by name, such as "words" or "image"."""

    @property
    def arrays(self) -> Mapping[str, Array]: ...


class OutputField(Protocol):
    """What a model needs to know of the output: its arrays, of which "output" holds the answers."""

    @property
    def arrays(self) -> Mapping[str, Array]: ...


class TagField(OutputField, Protocol):
    """An output of one tag per step.

    transitions: (1 + tags, tags) of bool, or None where any tag may follow any other. Row 0: the tags that may begin a
        sequence; row 1 + a: those that may follow tag a.
    outside: the number of the tag of steps in no span; None where the tags are not those of spans.
    """

    @property
    def transitions(self) -> "np.ndarray | None": ...
    @property
    def outside(self) -> int | None: ...


class NextWordField(OutputField, Protocol):
    """An output of one next word per step.

    symbols: the words by number, after so many `reserved` ones that are never suggested. end: the number of the symbol
    that ends a sentence. shown: how many suggestions there are, the likeliest first. counts: how often each symbol is
    told in training; empty in runs of earlier versions.
    """

    @property
    def symbols(self) -> Sequence[str]: ...
    @property
    def reserved(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def shown(self) -> int: ...
    @property
    def counts(self) -> Sequence[int]: ...


class AutoregressiveField(OutputField, Protocol):
    """An output that is written one symbol after another.

    start, end: the numbers of the symbols that begin and end a sequence. ends: whether a sequence ends with the end
    symbol; otherwise it is a passage of a text that goes on. longest: most symbols to write. symbols: by number.
    shared: whether the input has the same symbols, by the same numbers.
    """

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def ends(self) -> bool: ...
    @property
    def longest(self) -> int: ...
    @property
    def symbols(self) -> Sequence[str]: ...
    @property
    def shared(self) -> bool: ...


class ForecastField(OutputField, Protocol):
    """An output of numbers after each other. levels: the quantiles of each that are forecast; none: its mean."""

    @property
    def levels(self) -> Sequence[float]: ...


class TranscriptField(OutputField, Protocol):
    """An output whose symbols come at times that nobody knows.

    blank: the number that stands for no symbol. language_model: how likely symbols are after each other; None where
    that is not known. separators: the symbols between words; None where each symbol is a word.
    """

    @property
    def blank(self) -> int: ...
    @property
    def language_model(self) -> "Automaton | None": ...
    @property
    def separators(self) -> Sequence[int] | None: ...


# The name of weights that hold what decoding goes by: see `fits_decoding` in models/families.py.
FITTED = "fitted"
# A batch of encoded examples: its inputs, by name, the outputs and their weights.
Draw = tuple[Mapping[str, "np.ndarray"], "np.ndarray", "np.ndarray"]
# From such batches to what was fitted to them, by option; see likewise.
Fitter = Callable[[Iterable[Draw]], dict[str, float]]
In = TypeVar("In", bound=InputField, contravariant=True)
Out = TypeVar("Out", bound=OutputField, contravariant=True)


class Family(Protocol[In, Out]):
    """A model family: a module, or any value, with these three functions. In, Out: the fields that it can work with.

    A model takes arrays by name, padded on the right: those of the input field, (batch, ...) or (batch, time, ...); for
    those with a time axis a "mask", (batch, time) of bool, true where there is input; and, where it is autoregressive,
    "previous", (batch, time) of int32: the right output of the step before, the start symbol first (teacher forcing).

    options: has an attribute for each option of the task; a family reads those that it declares, and its cell's.
    """

    def build(self, input_field: In, output_field: Out, options: "Options") -> "keras.Model":
        """Return the model from the arrays of the input to logits, in float32; or to numbers, for a regressor.

        Logits are (batch, size), (batch, time, size), or for an input that is shortened (batch, steps, size); or a
        chain of probabilities, (batch, time, tags before, tags): see models/layers/conditional_random_field.py.
        Some layers are found by name, by decoding, by what measures how far gradients reach, and in saved files:

            CELL_0_forward, CELL_1_forward, ...    the recurrent layers, such as gru_0_forward
            block_entry, block_exit    in front of the first residual block, and behind the last
            logits     the last layer with weights, but for a conditional random field
            context    what the first hidden states of a decoder come from, (batch, features)
            memory     the encoder states that attention looks at, (batch, positions, features)
            decoder    the decoder: models/layers/decoder.py
            scale      the pixels of an image as numbers from -1 to 1, (batch, height, width, colours)
        """

    def loss(self, output_field: Out, options: "Options") -> "keras.losses.Loss":
        """Return the loss of logits and of the output field's "output", averaged over what has a weight above 0.

        Its reduction is "mean_with_sample_weight": padding has the weight 0.
        """

    def decode(self, model: "keras.Model", output_field: Out, options: "Options") -> "keras.Model":
        """Return a model from the arrays of the input, without "previous", to a dictionary of answers.

        "output"         the answers, each as the output field's `decode` takes it
        "probability"    (batch,), where the model can say how sure it is of the whole answer
        "attention"      (batch, steps, positions), where a decoder attends: the weights with which a symbol was written
        "hypotheses"     (batch, beam, steps), where a beam search has several: each as "output" is, the best first
        "log_probabilities"    (batch, beam), those of the hypotheses
        "scores"         (batch, beam), by which they are ranked, where that is not their probability alone

        Where the answers are computed from the model's own output in one pass, the returned model contains the layers
        of `model`; then the loss is found in the same pass: see models/decoding/with_loss.py. A search, which writes
        symbol by symbol, is a model of other layers.
        """


def count_values(array: Array) -> int:
    """Return how many different values an array of integers has; TypeError for an array of measurements."""
    if array.size is None:
        raise TypeError("expected an array of integers whose size is known, got one of measurements")
    return array.size
