"""Options: what can be set of a run. Each is declared once, as a field of the dataclass that uses it:

    @dataclass
    class Text:
        max_length: int = option(400, "Longest input, in tokens.", low=1)

The parts of a task (its fields, model family, sources and cell, the trainer, and the task itself) are such dataclasses,
or name one. The options of a task are those of its parts: its command line, its --help, the config.json of its runs and
the check of a resumed run follow from them.

Not pydantic: it and one such dataclass take 0.13 s, a third of what `--help` takes in all; this takes 0.02 s.
"""

import dataclasses
import keyword
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.errors import BadInput, shorten, unknown

# Under which heading an option stands in --help.
Group = Literal["data", "model", "training", "decoding", "run"]
Value = str | int | float | bool | None
KEY = "option"
# What the user allows a command to do. It is no part of what a run is: a run has no other name for it, may go on with
# or without it, and cannot allow it itself, for it may be a stranger's.
PERMISSIONS = frozenset(("allow_outside",))

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Option:
    """One option of a run.

    name: an identifier; on the command line with - for _. kind: int, float, bool, str or a Literal of these, or one of
    them or None. low, high: bounds of a number, both included. group: its heading; an option of decoding can be changed
    when a trained run answers. aliases: earlier names, which are accepted and not shown.
    rare: --help leaves it out, and --help-all has it.
    adjustable: an option of the model or of a field with which trained weights stay what they are: dropout, say. A run
    that starts from another one may have another value.
    """

    name: str
    kind: Any
    default: Value
    help: str
    group: Group
    low: float | None = None
    high: float | None = None
    aliases: tuple[str, ...] = ()
    rare: bool = False
    adjustable: bool = False

    @property
    def flag(self) -> str:
        """Return the option as it is typed."""
        return make_flag(self.name)

    @property
    def optional(self) -> bool:
        """Return whether None is one of its values."""
        return type(None) in get_args(self.kind)

    @property
    def plain(self) -> Any:
        """Return its kind without None."""
        if get_origin(self.kind) not in (Union, types.UnionType):
            return self.kind
        (kind,) = (one for one in get_args(self.kind) if one is not type(None))
        return kind

    @property
    def choices(self) -> tuple[Value, ...]:
        """Return the only values of a Literal, without None; none where any value of the kind will do."""
        return get_args(self.plain) if get_origin(self.plain) is Literal else ()

    @property
    def type(self) -> type:
        """Return int, float, bool or str."""
        return type(self.choices[0]) if self.choices else self.plain

    def parse(self, text: str) -> Value:
        """Return the value that is typed as `text`; BadInput with what was expected."""
        if self.optional and text.lower() == "none":
            return None
        try:
            value: Value = self.type(text)
        except ValueError:
            raise BadInput(f"{self.flag} {shorten(text)}: expected {self.describe()}") from None
        if self.choices and value not in self.choices and self.type is str:
            raise unknown(self.flag, text, map(str, self.choices))
        self.check(value)
        return value

    def check(self, value: Value) -> None:
        """Raise BadInput with what was expected for a value that is out of bounds, or none of the choices."""
        if value is None and self.optional:
            return
        good = value in self.choices if self.choices else self._fits(value)
        if not good:
            raise BadInput(f"{self.flag} {shorten(str(value))}: expected {self.describe()}")

    def _fits(self, value: Value) -> bool:
        if self.type in (str, bool):
            return isinstance(value, self.type)
        # A bool is an int in Python, and no number of an option.
        if isinstance(value, bool) or not isinstance(value, (int, float)[: 1 + (self.type is float)]):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def type_in(self, value: Value) -> list[str]:
        """Return the words of a command line that give the option a value."""
        if self.type is bool:
            return [self.flag if value else make_flag(f"no_{self.name}")]
        return [self.flag, str(value)]

    def describe(self) -> str:
        """Return in words which values it takes."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        noun = {int: "a whole number", float: "a number", str: "a text", bool: "True or False"}[self.type]
        if self.low is None and self.high is None:
            return noun
        if self.high is None:
            return f"{noun} of at least {self.low:g}"
        return f"{noun} between {self.low:g} and {self.high:g}"


def make_flag(name: str) -> str:
    """Return an option's name as it is typed; one that is a word of Python ends with _ in Python: from_, --from."""
    return "--" + name.rstrip("_").replace("_", "-")


def read_flag(flag: str) -> str:
    """Return the name of an option that is typed so; of what takes the value of a flag back, too."""
    name = flag.removeprefix("--").removeprefix("no-").replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def option(
    default: Value,
    help: str,
    *,
    group: Group | None = None,
    low: float | None = None,
    high: float | None = None,
    aliases: tuple[str, ...] = (),
    rare: bool = False,
    adjustable: bool = False,
) -> Any:
    """Return the field of a dataclass that is an option; see `Option`. group: None is that of the part."""
    declaration = {
        "help": help,
        "group": group,
        "low": low,
        "high": high,
        "aliases": aliases,
        "rare": rare,
        "adjustable": adjustable,
    }
    return dataclasses.field(default=default, metadata={KEY: declaration})


@cache
def declared(part: type, group: Group) -> dict[str, Option]:
    """Return the options that a dataclass declares, by name; not to be changed. group: of those that do not say theirs.

    Raises BadInput for one without help, with a default that it does not take, or of a kind that cannot be typed.
    """
    if not dataclasses.is_dataclass(part):
        return {}
    kinds = get_type_hints(part)
    found = {}
    for field in dataclasses.fields(part):
        if KEY not in field.metadata:
            continue
        known = dict(field.metadata[KEY])
        known["group"] = known["group"] or group
        one = Option(field.name, kinds[field.name], field.default, **known)  # type: ignore[arg-type]
        where = f"the option {field.name!r} of {part.__module__}.{part.__qualname__}"
        if not one.help.strip():
            raise BadInput(f"{where} has no help; say in one line what it does")
        try:
            if one.type not in (int, float, bool, str):
                raise TypeError
        except (TypeError, ValueError):
            raise BadInput(
                f"{where} is of the type {one.kind}; expected int, float, bool, str, a Literal, or one of them or None"
            ) from None
        try:
            one.check(one.default)
        except BadInput as error:
            raise BadInput(f"{where} has a default that it does not take: {error}") from None
        found[field.name] = one
    return found


class Options:
    """The options of a run: an attribute for each. A subclass for each task is made by `make_options`."""

    task: str
    declarations: tuple[Option, ...]

    def __getattr__(self, name: str) -> Any:
        """Raise BadInput: a part reads an option that no part of the task declares."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise BadInput(f"the task {self.task!r} has no option {name!r}; the part that reads it has to declare it")

    def __reduce__(self) -> Any:
        return rebuild, (self.task, self.declarations, self.as_dict())

    def as_dict(self) -> dict[str, Value]:
        """Return the values by name."""
        return {one.name: getattr(self, one.name) for one in self.declarations}

    def replace(self, **changed: Value) -> "Options":
        """Return a copy with some values changed."""
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]


@cache
def make_options(task: str, declarations: tuple[Option, ...]) -> type[Options]:
    """Return the frozen dataclass of a task's options, with their defaults; the same for the same arguments."""
    made: type[Options] = dataclasses.make_dataclass(
        "Options",
        [(one.name, one.kind, one.default) for one in declarations],
        bases=(Options,),
        frozen=True,
        kw_only=True,
    )
    made.task, made.declarations, made.__module__ = task, declarations, __name__
    return made


def rebuild(task: str, declarations: tuple[Option, ...], values: Mapping[str, Value]) -> Options:
    """Return options as they were pickled."""
    return make_options(task, declarations)(**values)


class Configured(Generic[Kind]):
    """A dataclass that is made from the options of a run: those that it declares, but for what is fixed here.

    Configured(Tokens)                 # reads --vocabulary, --max-length, ...
    Configured(Text, unit="character") # has no --unit
    """

    def __init__(self, kind: type[Kind], **fixed: Value):
        self.kind, self.fixed = kind, fixed

    def declared(self, group: Group) -> dict[str, Option]:
        """Return the options that are left to set, by name."""
        known = declared(self.kind, group)  # type: ignore[arg-type]
        return {name: one for name, one in known.items() if name not in self.fixed}

    def __call__(self, options: Options) -> Kind:
        """Return one as the options have it."""
        left = self.declared("data")
        return self.kind(**self.fixed, **{name: getattr(options, name) for name in left})


def merge(parts: Iterable[tuple[str, Mapping[str, Option]]]) -> dict[str, Option]:
    """Return the options of several parts, each with its name for messages; the same option may be of several.

    Raises BadInput for two different ones of one name.
    """
    found: dict[str, Option] = {}
    origin: dict[str, str] = {}
    for title, options in parts:
        for name, one in options.items():
            if found.setdefault(name, one) != one:
                raise BadInput(
                    f"the option {name!r} of {title} is another one than that of {origin[name]}; give it another name"
                )
            origin.setdefault(name, title)
    return found
