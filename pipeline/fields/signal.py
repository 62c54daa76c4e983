"""Signals: what was measured, in one or more channels, at steps that need not be even."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.errors import BadInput

# As the archives of time series write that nothing was measured.
MISSING = "?"


@dataclass(frozen=True, eq=False)
class Signal:
    """A measured series, known by its content: two that are equal are one, and never in two splits.

    values: (time, channels) of float32, NaN where nothing was measured.
    times: (time,) of float64, rising; None where the steps are even, or nobody knows.

    As text, spaces divide the steps and commas the channels, "?" stands for what is missing, and a time stamp has a
    colon after it: "0.5:1.2,? 2:0.7,3" is two steps of two channels, at 0.5 and at 2.
    """

    values: np.ndarray
    times: np.ndarray | None = None

    @classmethod
    def parse(cls, text: str, channels: int | None = None, example: str = "0.5 0.7") -> "Signal":
        """Return the signal that a text stands for; BadInput with the number of the first step that is none.

        channels: how many numbers a step has; None: as many as the first one. example: a text for the message.
        """
        steps = text.split()
        if not steps:
            raise BadInput(f"there is no step in {text!r:.60}; give at least one, such as {example}")
        stamped = [step.rpartition(":") for step in steps]
        width = channels or len(stamped[0][2].split(","))
        values = read_numbers([cells.split(",") for *_, cells in stamped])
        if values is None or values.shape[1] != width:
            number, step = next(
                (
                    (number, step)
                    for number, (step, (*_, cells)) in enumerate(zip(steps, stamped, strict=True), 1)
                    if len(cells.split(",")) != width or read_numbers([cells.split(",")]) is None
                ),
                (1, steps[0]),
            )
            raise BadInput(
                f"step {number} is {step!r:.60}; expected {width} number{'s' * (width != 1)} with commas between, such "
                f"as {example}"
            )
        if not any(colon for _, colon, _ in stamped):
            return cls(values)
        if not all(colon for _, colon, _ in stamped):
            raise BadInput(
                "some steps have a time stamp, such as 0.5:1.2, and some have none; give all of them or none"
            )
        return cls(values, check_times(read_times([time for time, *_ in stamped])))

    @cached_property
    def digest(self) -> str:
        """Return a hash of the content."""
        digest = hashlib.sha256(f"{self.values.shape}".encode() + np.ascontiguousarray(self.values).tobytes())
        if self.times is not None:
            digest.update(self.times.tobytes())
        return digest.hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signal) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Signal({self.digest})"

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        cells = np.where(np.isnan(self.values), MISSING, self.values.astype(str))
        steps = map(",".join, cells.tolist())
        if self.times is None:
            return " ".join(steps)
        return " ".join(f"{time:.15g}:{step}" for time, step in zip(self.times.tolist(), steps, strict=True))

    @property
    def channels(self) -> int:
        """Return how many numbers a step has."""
        return self.values.shape[1]

    @property
    def irregular(self) -> bool:
        """Return whether the time between two steps is not always the same."""
        if self.times is None or len(self) < 3:
            return False
        between = np.diff(self.times)
        return not np.allclose(between, between[0], rtol=1e-3)


def read_numbers(cells: Sequence[Sequence[str]]) -> np.ndarray | None:
    """Return (time, channels) of float32, NaN for "?" and for no text; None if one is no finite number.

    None, too, if the steps have not as many numbers each.
    """
    # What is too large for float32 becomes infinite.
    with np.errstate(over="ignore"):
        try:
            values = np.array(cells, "float32")
        except ValueError:
            filled = [["nan" if cell.strip() in (MISSING, "") else cell for cell in step] for step in cells]
            try:
                values = np.array(filled, "float32")
            except ValueError:
                return None
    return None if values.ndim != 2 or np.isinf(values).any() else values


def read_times(written: Sequence[str]) -> np.ndarray:
    """Return time stamps, (time,) of float64: numbers as they are, dates as seconds since 1970; BadInput if neither."""
    try:
        times = np.array(written, "float64")
    except ValueError:
        try:
            dates = np.array([stamp.strip().replace("/", "-").removesuffix("Z") for stamp in written], "datetime64[us]")
        except ValueError:
            bad = next((stamp for stamp in written if not _is_time(stamp)), written[0])
            raise BadInput(
                f"the time stamp {bad!r:.60} cannot be read; expected a number, or a date such as 2024-05-31T18:00:00"
            ) from None
        times = np.where(np.isnat(dates), np.nan, dates.astype("int64") / 1e6)
    if not np.isfinite(times).all():
        bad = written[int(np.flatnonzero(~np.isfinite(times))[0])]
        raise BadInput(f"the time stamp {bad!r:.60} is no time; mend it, or remove the step")
    return times


def _is_time(stamp: str) -> bool:
    number = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?"
    date = r"\d{4}[-/]\d\d[-/]\d\d([t ][\d:.]+)?z?"
    return re.fullmatch(f"{number}|{date}", stamp.strip().lower()) is not None


def check_times(times: np.ndarray) -> np.ndarray:
    """Return time stamps; BadInput where one does not come after the one before."""
    between = np.diff(times)
    if (between > 0).all():
        return times
    place = int(np.flatnonzero(between <= 0)[0])
    what = "doubled" if between[place] == 0 else "out of order"
    raise BadInput(
        f"the time stamps are {what}: step {place + 2} is at {times[place + 1]:.15g}, and the one before at "
        f"{times[place]:.15g}"
    )
