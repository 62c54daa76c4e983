"""The contract of a field: one side of an example as arrays, and back.

A task has two. The input field turns what a model is given into arrays; the output field turns the answer that is
expected into an array, and what the model computes into an answer:

    "a warm film" -> InputField.encode  -> {"words": [3, 5, 4]} -> model -> [0.1, 0.9] -> 1
    "positive"    -> OutputField.encode -> {"output": 1}                                  1 -> decode -> "positive"

The life of a field:

1. A task makes it from its options. `arrays` says what its arrays will look like.
2. `fit` learns what has to be learned, such as the words there are, from the training examples only.
3. `encode` is called for each example; pipeline/batches pads the arrays to batches.
4. `save` writes it to the run directory as JSON, and `restore` reads it for evaluate, predict and a run that goes on.
5. A run that starts from another one, on other data, `inherit`s what that has learned, and `extend`s it.

A field is a dataclass that names its protocol as a base class, and inherits the defaults of the members that it does
not define. Its parts are options, which `pipeline.option.option` declares; what a task gives it, with a plain default;
and what it learns, which has `metadata=LEARNED`:

    @dataclass
    class Category(InputField[str]):
        categories: list[str] = field(default_factory=list, metadata=LEARNED)

The fields are the only place that knows the padding value and the special symbols: models are told them by `Array` and
by the members below.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeGuard, TypeVar

import numpy as np

from pipeline import record
from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays

Value = TypeVar("Value")
# Marks the parts of a field that `fit` sets; all others are given, and must be the same when it is restored.
LEARNED: Mapping[str, bool] = {"learned": True}
# Fields and their parts by the names that earlier versions saved them under.
EARLIER_TYPES = {"Reading": "SourceText", "Writing": "TargetText"}
EARLIER_PARTS = {"Image": {"size": "image_size"}, "Transcript": {"frames": "downsample"}}


class Field(Protocol):
    """What both sides have in common: a field is a dataclass, whose parts JSON can hold.

    The members are what a field can tell of itself and of its values, for those who look at the data.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]

    def describe(self) -> str:
        """Return what a value is, in words that follow "in:" or "out:"; after `fit`, for the sizes depend on it."""
        return type(self).__name__

    def resample(self, values: Sequence[Any], seed: int, /) -> list[Arrays] | None:
        """Return the arrays of values for one epoch of training, where chance has a part in them; None where not.

        seed: the same gives the same arrays; two successive ones may be used by one field.
        """
        return None

    @property
    def counted(self) -> str:
        """Return what the length of a value is counted in, such as "word"."""
        return "step"

    @property
    def greatest_length(self) -> int | None:
        """Return the greatest length that is read, or written; None where there is no bound."""
        return None

    def measure(self, value: Any, /) -> int | None:
        """Return the length of a value before anything of it is cut; None of values that have none."""
        return len(self.divide(value)) or None

    def divide(self, value: Any, /) -> Sequence[str]:
        """Return the tokens of a value as the vocabulary spells them, before any is cut; none of what has no tokens."""
        return ()

    @property
    def known_tokens(self) -> Collection[str]:
        """Return the tokens that have an id of their own."""
        return ()

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        """Return what the ids of an array stand for, in their order, by the name of the array."""
        return {}

    @property
    def class_noun(self) -> str:
        """Return what `name_classes` names, such as "label"."""
        return "class"

    def name_classes(self, value: Any, /) -> Sequence[str]:
        """Return the labels, categories or spans of a value, to be counted; none of a value that has none."""
        return ()

    def find_flaws(self, value: Any, /) -> Iterator[str]:
        """Yield what is odd about a value, in a few words that are the same for all values of which it is true."""
        yield from ()

    def extend(self, values: Iterable[Any], /) -> Sequence[str]:
        """Learn what the training examples of other data have beside what is known; return that in a few words each.

        In place of `fit`, where trained weights are to be of use: what has an id keeps it, what is new comes after it,
        and measurements keep their scale. Raises BadInput for data that no model of this field can read.
        """
        return ()


Kind = TypeVar("Kind", bound=Field)


class Listener(Protocol):
    """What encodes a recording that comes bit by bit."""

    def hear(self, samples: np.ndarray, /) -> Arrays:
        """Return the arrays of the next samples, (time,) from -1 to 1, of as many time steps as are complete."""

    def finish(self) -> Arrays:
        """Return the arrays of what is left when the recording has ended."""


# Not Protocol[Value], which is short for the same: msgspec, which reads saved fields, does not know that.
class InputField(Field, Protocol, Generic[Value]):
    """The side that a model is given. Value: an example's input, such as a text or a tuple of tokens.

    categorical: whether the values are a few categories, all of which have to be known.
    fitted_whole: whether it learns from all the training data, however little of it is used, as output fields do.
    file: of which kind the file is that `parse` opens, by the path that is typed; None where it opens none. A server
        must open none for those who ask it.
    """

    categorical: ClassVar[bool] = False
    fitted_whole: ClassVar[bool] = False
    file: ClassVar[Literal["image", "recording"] | None] = None

    @property
    def unit(self) -> str | None:
        """Return what a text is divided into: word, character or subword; None where that cannot be chosen."""
        return None

    @property
    def tokenizer(self) -> str | None:
        """Return how `parse` divides a typed text into tokens; None where the values are no tokens."""
        return None

    @property
    def typed(self) -> str:
        """Return a value as a user may type it, for examples of commands."""
        return "TEXT"

    @property
    def agreement(self) -> float:
        """Return the share of the training sentences that the tokenizer divides as they are."""
        return 1.0

    @property
    def unread(self) -> str | None:
        """Return what the training inputs have that the arrays have not, in a few words; None where that is nothing."""
        return None

    @property
    def window(self) -> int | None:
        """Return how many steps are read at once, where a longer value can be read in windows; None where it cannot."""
        return None

    def encode_whole(self, value: Value, /) -> Arrays:
        """Return the arrays of a value that will be read in windows, however long it is; else as `encode`."""
        return self.encode(value)

    @property
    def truncated(self) -> int:
        """Return how many training texts were longer than the longest allowed, and lost a part."""
        return 0

    @property
    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return what each encoded array looks like, by name; after `fit`, for the sizes depend on it."""

    def read_outputs(self, outputs: Iterable[Any], /) -> None:
        """Take the outputs of the training examples, before `fit`: for what both sides learn together."""
        return

    def fit(self, values: Iterable[Value], /) -> None:
        """Learn from the inputs of the training examples.

        They may be on the disk: not to be listed, but read again where that is needed (`pipeline.on_disk.reread`).
        """
        return

    def tell(self, value: Value, /) -> Mapping[str, object]:
        """Return what is told of a value beside its answer, by name, as JSON can hold it."""
        return {}

    def refuse(self, value: Value, /) -> str | None:
        """Return why a value cannot be read, in a few words; None if it can. Such examples are left out."""
        return None

    @abstractmethod
    def encode(self, value: Value, /) -> Arrays:
        """Return the arrays of a value, each as `arrays` says. Raises BadInput for one that cannot be encoded."""

    @abstractmethod
    def parse(self, text: str, /) -> Value:
        """Return the value that one line of text, typed by a user, stands for; BadInput if it stands for none."""

    def cut(self, text: str, /, more: bool) -> tuple[list[str], str] | None:
        """Divide a text that comes bit by bit: return its pieces so far, and the rest, which may go on.

        Each piece is encoded alone, by `encode_piece`, and the arrays of the text are those of its pieces one after
        the other. None where that is not so. more: whether the text goes on; else nothing is left.
        """
        return None

    def encode_piece(self, piece: str, /) -> Arrays:
        """Return the arrays of a piece of a text, as `cut` divides it; mostly of one time step."""
        return self.encode(self.parse(piece))

    def open_pieces(self) -> Arrays | None:
        """Return the arrays of what stands before the first piece of a text, one time step; None where nothing does."""
        return None

    def listen(self, rate: int | None = None, /) -> "Listener | None":
        """Return what encodes a recording that comes bit by bit; None where that cannot be.

        rate: samples a second of the recording; None: those of the training data.
        """
        return None

    def list_steps(self, value: Value, arrays: Arrays, /) -> Sequence[str]:
        """Return what a reader knows each time step by, such as its word; none where there are no such names.

        arrays: the encoded value.
        """
        return ()

    def count_cut(self, value: Value, /) -> int:
        """Return how many steps of a value are left out of its arrays, as it is too long."""
        return 0

    def pretokenized(self) -> Self:
        """Return this field for typed texts that have blanks between their tokens; itself where it has no tokenizer."""
        return self

    def fingerprint(self, value: Value, /) -> tuple[int, ...]:
        """Return numbers that change with what a value stands for but does not hold, such as the content of a file."""
        return ()


class OutputField(Field, Protocol, Generic[Value]):
    """The side that a model answers. Value: an example's output, such as a label or a text.

    categorical: whether the values are made of a few categories, of which an answer is one, one per step, or several.
    autoregressive: whether the model writes it symbol by symbol; then the field is an `AutoregressiveField`.
    suggests: whether an answer is, for each step, several words of which one may come next.
    """

    categorical: ClassVar[bool] = False
    suggests: ClassVar[bool] = False
    autoregressive: ClassVar[bool] = False

    @property
    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return what each encoded array looks like, by name: "output", and "weight" if not every step is asked for."""

    def attach(self, input_field: InputField[Any], /) -> None:
        """Take the fitted input field, before anything else is asked: for an output that is said of its input."""
        return

    @abstractmethod
    def fit(self, values: Iterable[Value], /) -> None:
        """Learn from the outputs of the training examples; see `InputField.fit`."""

    @abstractmethod
    def encode(self, value: Value, /) -> Arrays:
        """Return the arrays of a value, each as `arrays` says; a category that is unknown is UNSEEN."""

    @abstractmethod
    def decode(self, output: np.ndarray, /) -> Value:
        """Return the value that the model's answer to one example is. output: as "output" of `arrays`, unpadded."""

    def compose(self, answer: Mapping[str, np.ndarray], /) -> Value:
        """Return the value that a whole answer is. answer: unpadded, "output" and what else the decoder gives."""
        return self.decode(answer["output"])

    def restate(self, value: Value, /) -> Mapping[str, str]:
        """Return what else is told of an answer, by name, such as the text that corrections make."""
        return {}

    def name_probabilities(self, output: np.ndarray, /) -> Mapping[str, float]:
        """Return how likely each category is, by name, where an answer may have several; else nothing."""
        return {}

    def decode_step(self, output: np.ndarray, /) -> object:
        """Return what the answer of one step adds: a tag, some letters; or the answer so far. output: see `decode`."""
        return self.decode(output)

    def parse(self, text: str, /) -> Value:
        """Return the value that one line of text, typed by a user, stands for; BadInput if it stands for none."""
        raise BadInput(f"no answer can be typed for the output field {type(self).__name__}: it has no `parse`")

    @property
    def categories(self) -> Sequence[str]:
        """Return the categories of the training data, by id; none of a field that is not categorical."""
        return ()

    @property
    def spans(self) -> bool:
        """Return whether the categories are BIO tags, which mark spans such as names."""
        return False

    def find_unseen(self, value: Value, /) -> set[str]:
        """Return the categories of a value that are not in the training data."""
        return set()

    def check_pair(self, inputs: Arrays, outputs: Arrays, /) -> None:
        """Raise BadInput where an encoded input cannot have this encoded output, as it is too short for it."""
        return


class TagField(OutputField[Value], Protocol, Generic[Value]):
    """One tag per step of the input."""

    @property
    @abstractmethod
    def transitions(self) -> np.ndarray | None:
        """Return which tag may follow which, (1 + tags, tags) of bool; None: any.

        Row 0 has the tags that may come first, row 1 + a those that may follow tag a.
        """

    @property
    def outside(self) -> int | None:
        """Return the id of the tag of steps that are in no span; None where the tags are not those of spans."""
        return None


class AlignedField(OutputField[Value], Protocol, Generic[Value]):
    """Symbols in the order of the input, but at times that nobody knows: CTC, Graves et al. 2006.

    blank: the id of the symbol that a model gives at a step where it gives no other. symbols: by id.
    downsample: time steps of the input per step of the model.
    """

    blank: ClassVar[int]
    symbols: list[str]
    downsample: int


class AutoregressiveField(OutputField[Value], Protocol, Generic[Value]):
    """Symbols that are written one after the other, each in view of those before it.

    start: the id of the symbol that stands before the first. end: of the one that is written last.
    symbols: by id. longest: most symbols that a model may write, the end symbol included.
    """

    autoregressive: ClassVar[bool] = True
    start: ClassVar[int]
    end: ClassVar[int]
    symbols: list[str]
    longest: int

    @property
    def ends(self) -> bool:
        """Return whether a text ends with the end symbol; else it goes on for ever, and is cut."""
        return True

    @property
    def shared(self) -> bool:
        """Return whether the input has the same symbols, by the same ids."""
        return False


def is_autoregressive(field: OutputField[Value]) -> TypeGuard[AutoregressiveField[Value]]:
    """Return whether a model writes this output symbol by symbol."""
    return field.autoregressive


def is_aligned(field: OutputField[Value]) -> TypeGuard[AlignedField[Value]]:
    """Return whether the symbols of this output come at times that nobody knows, though in the order of the input."""
    array = field.arrays["output"]
    return array.timed and not array.per_step


def save(fitted: Field) -> dict[str, object]:
    """Return a field as a JSON object: its type, what it was given, and what it learned from the training data."""
    return {"type": type(fitted).__name__, **{part.name: getattr(fitted, part.name) for part in _list_parts(fitted)}}


def restore(empty: Kind, saved: Mapping[str, object]) -> Kind:
    """Return `empty`, a field as its task makes it, with what `save` wrote; BadInput for what it cannot have written.

    What the options or the task give must be the same. A part may be missing, for it came later, if it has a plain
    default that is what was given. Earlier names of fields and of parts are accepted.
    """
    values, kind = dict(saved), type(empty)
    name = values.pop("type", None)
    if EARLIER_TYPES.get(str(name), name) != kind.__name__:
        raise BadInput(f"the saved field is a {name!r:.60}, and the task uses a {kind.__name__!r}")
    for earlier, part_name in EARLIER_PARTS.get(kind.__name__, {}).items():
        if earlier in values and part_name not in values:
            values[part_name] = values.pop(earlier)
    for part in _list_parts(empty):
        learned = part.metadata.get("learned", False)
        usual = part.default is not dataclasses.MISSING and (learned or part.default == getattr(empty, part.name))
        if part.name not in values and not usual:
            raise BadInput(f"{part.name} is missing")
    restored = record.convert(values, kind)
    for part in _list_parts(empty):
        found, given = getattr(restored, part.name), getattr(empty, part.name)
        if not part.metadata.get("learned", False) and found != given:
            raise BadInput(f"{part.name} is {found!r:.60}, and by the options {given!r:.60}")
    return restored


def inherit(empty: Kind, earlier: Field) -> Kind:
    """Return `empty`, a field as its task makes it, with what another one of its kind has learned; see `extend`."""
    learned = [part.name for part in _list_parts(empty) if part.metadata.get("learned", False)]
    return dataclasses.replace(empty, **{name: getattr(earlier, name) for name in learned})


def reconfigure(field: Kind, changed: Mapping[str, object]) -> Kind:
    """Return a fitted field with other values of those of its options, by name, that it has; see `Experiment`."""
    own = {part.name for part in _list_parts(field)} & changed.keys()
    return dataclasses.replace(field, **{name: changed[name] for name in own}) if own else field


def _list_parts(field: Field) -> list[dataclasses.Field[object]]:
    """Return the parts that are saved: those that the class can be made with."""
    return [part for part in dataclasses.fields(field) if part.init]
