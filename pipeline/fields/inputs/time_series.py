"""TimeSeries: a measured series, each channel standardised."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.signal import Signal
from pipeline.fields.tokenizers import cut_at_blank
from pipeline.option import option

# In deviations.
MOST = 1e6


@dataclass
class TimeSeries(InputField[Signal]):
    """A signal -> {"values": (time, channels)}, each channel less its mean and divided by its standard deviation.

    Both are those of the training data, so that how large a series is as a whole is still to be seen.

    A missing number becomes the last one ("forward"), the mean, or what is on a line between its neighbours. With
    "decay" the model makes it up, and is given "observed", (time, channels): 1 where something was measured, else 0;
    and "time", (time, 1): since the first step, the median time between two steps of the training data being 1.

    mean, deviation: per channel. pace: the median time between two steps; 1 where there are no time stamps.
    uneven: whether it is not always the same.
    """

    max_length: int = option(2000, "Most steps of a series that are read; the rest is cut off.", low=1, adjustable=True)
    missing: Literal["forward", "mean", "linear", "decay"] = option(
        "forward", "What a missing number becomes: the last, the mean, on a line, or a learned decay (GRU-D)."
    )
    mean: list[float] = field(default_factory=list, metadata=LEARNED)
    deviation: list[float] = field(default_factory=list, metadata=LEARNED)
    pace: float = field(default=1.0, metadata=LEARNED)
    uneven: bool = field(default=False, metadata=LEARNED)
    truncated: int = field(default=0, init=False, repr=False, compare=False)

    def fit(self, signals: Iterable[Signal]) -> None:
        signals = list(signals)
        widths = sorted({signal.channels for signal in signals})
        if len(widths) > 1:
            raise BadInput(
                f"the training data has series of {widths[0]} and of {widths[-1]} channels; expected one kind"
            )
        self.truncated = sum(len(signal) > self.max_length for signal in signals)
        values = np.concatenate([signal.values for signal in signals]).astype("float64")
        there = ~np.isnan(values)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, values, 0).sum(axis=0) / count
        spread = np.sqrt((np.where(there, values - mean, 0) ** 2).sum(axis=0) / count)
        # A channel in which nothing ever changes must not become infinite.
        spread[spread <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1
        self.mean, self.deviation = (list(map(float, found.astype("float32"))) for found in (mean, spread))
        between = [np.diff(signal.times) for signal in signals if signal.times is not None and len(signal) > 1]
        self.pace = float(np.median(np.concatenate(between))) if between else 1.0
        self.uneven = any(signal.irregular for signal in signals)

    def refuse(self, signal: Signal) -> str | None:
        return "there is no number in it" if np.isnan(signal.values).all() else None

    def encode(self, signal: Signal) -> Arrays:
        if not isinstance(signal, Signal):
            raise BadInput(f"expected a Signal, got {signal!r:.60}")
        if signal.channels != len(self.mean):
            raise BadInput(
                f"a step of this series has {signal.channels} number{'s' * (signal.channels != 1)}; expected "
                f"{len(self.mean)}, such as {self._example}"
            )
        values = signal.values[: self.max_length]
        with np.errstate(over="ignore"):
            values = (values - np.array(self.mean, "float32")) / np.array(self.deviation, "float32")
        # So far from the mean, more says nothing, and would be infinite to a model.
        values = values.clip(-MOST, MOST)
        times = np.arange(len(values)) if signal.times is None else signal.times[: self.max_length]
        there = ~np.isnan(values)
        if self.missing == "decay":
            elapsed = (times - times[0])[:, None] / self.pace
            values = np.where(there, values, 0)
            return {"values": values, "observed": there.astype("float32"), "time": elapsed.astype("float32")}
        if there.all():
            return {"values": values}
        return {"values": self._fill(values, there, times).astype("float32")}

    def _fill(self, values: np.ndarray, there: np.ndarray, times: np.ndarray) -> np.ndarray:
        if self.missing == "mean":
            return np.where(there, values, 0)
        if self.missing == "linear":
            columns = zip(values.T, there.T, strict=True)
            known = [(times[seen], channel[seen]) if seen.any() else ([0], [0]) for channel, seen in columns]
            return np.stack([np.interp(times, *points) for points in known], axis=1)
        # The step of the last value; before the first there is the mean, in a row of its own.
        last = np.maximum.accumulate(np.where(there, np.arange(1, len(values) + 1)[:, None], 0), axis=0)
        padded = np.concatenate([np.zeros_like(values[:1]), np.where(there, values, 0)])
        return np.take_along_axis(padded, last, axis=0)

    @property
    def arrays(self) -> dict[str, Array]:
        values = Array((None, len(self.mean)), "float32")
        if self.missing != "decay":
            return {"values": values}
        return {"values": values, "observed": values, "time": Array((None, 1), "float32")}

    def parse(self, text: str) -> Signal:
        return Signal.parse(text, len(self.mean) or None, example=self.typed)

    @property
    def _example(self) -> str:
        return ",".join(["0.5"] * max(len(self.mean), 1))

    @property
    def typed(self) -> str:
        return f"{self._example} {self._example}"

    def list_steps(self, signal: Signal, arrays: Arrays) -> Sequence[str]:
        return str(signal).split()[: self.max_length]

    def count_cut(self, signal: Signal) -> int:
        return max(len(signal) - self.max_length, 0)

    def describe(self) -> str:
        count = len(self.mean)
        return f"a series of {count} channel{'s' * (count != 1)}, of at most {self.max_length:,} steps"

    @property
    def unread(self) -> str | None:
        uneven = self.uneven and self.missing != "decay"
        return (
            "the time between two steps is not always the same, which --missing decay alone reads" if uneven else None
        )

    @property
    def counted(self) -> str:
        return "step"

    @property
    def greatest_length(self) -> int:
        return self.max_length

    def measure(self, signal: Signal) -> int:
        return len(signal)

    def find_flaws(self, signal: Signal) -> Iterator[str]:
        if len(signal) == 1:
            yield "one step only"
        elif (signal.values == signal.values[0]).all():
            yield "the same numbers at every step"
        if np.isnan(signal.values).all(axis=0).any():
            yield "a channel in which nothing was measured"

    def cut(self, text: str, more: bool) -> tuple[list[str], str] | None:
        # The time between two steps is in neither of them.
        if self.missing == "decay":
            return None
        whole, rest = cut_at_blank(text, more)
        return whole.split(), rest

    def encode_piece(self, piece: str) -> Arrays:
        signal = self.parse(piece)
        if self.missing != "mean" and np.isnan(signal.values).any():
            raise BadInput(
                f"{piece!r:.60}: what is missing cannot be filled in by other steps in a stream; train with "
                "--missing mean"
            )
        return self.encode(signal)
