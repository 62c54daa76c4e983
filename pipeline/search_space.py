"""Search space: between which values a search for good options looks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.errors import BadInput
from pipeline.option import Option, Value

# A span of as many times its low end, or more, is searched by its logarithm.
WIDE = 20


@dataclass(frozen=True)
class Span:
    """Numbers from low to high, both included. logarithmic: as many below the geometric mean as above it."""

    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        return self.low > 0 and self.low * WIDE <= self.high

    def describe(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (logarithmic)' if self.logarithmic else ''}"


@dataclass(frozen=True)
class Choices:
    """One of some values."""

    values: tuple[Value, ...]

    def describe(self) -> str:
        return ", ".join(map(str, self.values))


Space = Mapping[str, Span | Choices]

# What tasks are searched by unless they say otherwise, as far as they have these options.
USUAL: Space = MappingProxyType(
    {
        "learning_rate": Span(5e-4, 2e-2),
        "units": Choices((32, 64, 128, 256)),
        "dropout": Span(0.0, 0.6),
        "batch_size": Choices((16, 32, 64)),
    }
)


def parse(text: str, options: Mapping[str, Option]) -> tuple[str, Span | Choices]:
    """Return the option and the values that "learning-rate=1e-4:1e-2" or "units=64,128" names; BadInput for neither.

    options: those that there are, by name.
    """
    expected = "expected an option with its values, such as units=64,128,256 or learning-rate=5e-4:2e-2"
    name, found, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not found or not values.strip():
        raise BadInput(f"--search {text}: {expected}")
    if name not in options:
        raise BadInput(f"--search {text}: there is no such option; {expected}")
    one = options[name]
    if span := re.fullmatch(r"([^:,]+):([^:,]+)", values):
        low, high = (one.parse(end.strip()) for end in span.groups())
        if one.type not in (int, float) or low is None or high is None:
            raise BadInput(f"--search {text}: {one.flag} takes no numbers; name its values, with commas between them")
        if not float(low) < float(high):
            raise BadInput(f"--search {text}: the low end {low} has to be below the high end {high}")
        return name, Span(low, high)  # type: ignore[arg-type]
    words = tuple(word.strip() for word in values.split(","))
    if one.type is bool:
        known: dict[str, Value] = {"true": True, "false": False}
        if bad := [word for word in words if word.lower() not in known]:
            raise BadInput(f"--search {text}: expected True or False, got {bad[0]!r:.40}")
        return name, Choices(tuple(dict.fromkeys(known[word.lower()] for word in words)))
    return name, Choices(tuple(dict.fromkeys(one.parse(word) for word in words)))
