"""Grid: the regular times of a series: when it begins, and how long a step is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.errors import BadInput, shorten

# Units of numpy's datetime64, and their seconds; a month and a year have none.
SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400}
DAY, WEEK, YEAR = 86_400, 7 * 86_400, 365.25 * 86_400
# The unit of a grid that has no times: its steps are numbered.
NUMBERED = ""
# Repetitions that a calendar knows, with their seconds.
CYCLES = {"day": DAY, "week": WEEK, "year": YEAR}
# Days between two time stamps that are a month, a quarter or a year apart.
MONTHS = {1: (28, 31), 3: (89, 92), 12: (365, 366)}
WRITTEN = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")


@dataclass(frozen=True)
class Grid:
    """Regular times.

    start: the first, as numpy writes a datetime64, such as "2010-01-01T00"; of a numbered grid an integer.
    unit: of numpy's datetime64: s, m, h, D, M or Y; NUMBERED. count: units per step.
    """

    start: str
    unit: str
    count: int

    @cached_property
    def first(self) -> np.datetime64 | int:
        """The first time."""
        return make_time(self.start, self.unit) if self.unit else int(self.start)

    @property
    def seconds(self) -> float | None:
        """Return about how long a step is; None of a numbered grid."""
        if not self.unit:
            return None
        return self.count * {**SECONDS, "M": YEAR / 12, "Y": YEAR}[self.unit]

    @property
    def step(self) -> str:
        """Return how long a step is, in words."""
        if not self.unit:
            return "step"
        noun = {"s": "second", "m": "minute", "h": "hour", "D": "day", "M": "month", "Y": "year"}[self.unit]
        return noun if self.count == 1 else f"{self.count} {noun}s"

    def list_times(self, start: int, stop: int) -> np.ndarray:
        """Return the times of the steps from start to stop, (stop - start,) of datetime64, or of integers."""
        return np.asarray(self.first + np.arange(start, stop) * self.count)

    def write(self, start: int, stop: int) -> tuple[str, ...]:
        """Return these times as texts."""
        return tuple(map(str, self.list_times(start, stop)))

    def move(self, steps: int) -> "Grid":
        """Return the grid that begins so many steps later."""
        return Grid(self.write(steps, steps + 1)[0], self.unit, self.count)

    def find_season(self) -> int:
        """Return the steps after which a series of such steps often repeats: those of a day, a week or a year.

        1 where nothing is known: then the seasonal naive forecast is the last value.
        """
        seconds = self.seconds
        if self.unit == "M":
            return 12 // self.count if 12 % self.count == 0 else 1
        if seconds is None or self.unit == "Y":
            return 1
        if seconds < DAY:
            return round(DAY / seconds) if DAY % seconds == 0 else 1
        return {DAY: 7, WEEK: 52}.get(int(seconds), 1)

    def list_phases(self, start: int, stop: int, cycles: Sequence[str]) -> np.ndarray:
        """Return sine and cosine of where the steps are in each cycle, (stop - start, 2 cycles) of float32."""
        if not cycles:
            return np.zeros((stop - start, 0), "float32")
        times = self.list_times(start, stop)
        days = times.astype("datetime64[D]")
        phases = {
            "day": (times.astype("datetime64[s]") - days).astype(float) / DAY,
            "week": ((days.astype(int) + 3) % 7) / 7,
            "year": (days - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) / 366,
        }
        turns = 2 * np.pi * np.stack([phases[cycle] for cycle in cycles], axis=1)
        return np.concatenate([np.sin(turns), np.cos(turns)], axis=1).astype("float32")


def make_time(text: str, unit: str) -> np.datetime64:
    """Return a time in a unit of numpy's datetime64, cut off where it is more exact; ValueError for what is none."""
    found: np.datetime64 = np.datetime64(text).astype(f"datetime64[{unit}]")
    return found


def read_grid(start: str, unit: str, count: int) -> Grid:
    """Return a grid that begins at a time that a user has typed; BadInput for one that is no time."""
    if unit == NUMBERED:
        if not re.fullmatch(r"-?\d{1,15}", start):
            raise BadInput(f"@{shorten(start)}: expected the number of the first step, such as @120")
        return Grid(start, unit, count)
    try:
        if not WRITTEN.fullmatch(start):
            raise ValueError
        return Grid(str(make_time(start, unit)), unit, count)
    except ValueError:
        raise BadInput(f"@{shorten(start)}: expected the time of the first value, such as @2026-11-29T18:00") from None


def fit_grid(times: np.ndarray) -> tuple[Grid, np.ndarray]:
    """Return the grid of sorted, different times, and the step that each is at, (times,); BadInput if none fits.

    times: (at least 2,) of datetime64[s]. The step is the commonest distance; times may be missing.
    """
    apart = np.diff(times).astype(int)
    found, counts = np.unique(apart, return_counts=True)
    commonest = int(found[counts.argmax()])
    for months, (least, most) in MONTHS.items():
        if least * DAY <= np.median(apart) <= most * DAY:
            unit = "Y" if months == 12 else "M"
            count = 1 if months == 12 else months
            places = times.astype(f"datetime64[{unit}]").astype(int)
            break
    else:
        unit = next(unit for unit in ("D", "h", "m", "s") if commonest % SECONDS[unit] == 0)
        # The first time may be between two whole hours.
        if (times[0].astype(int)) % SECONDS[unit]:
            unit = next(unit for unit in ("h", "m", "s") if times[0].astype(int) % SECONDS[unit] == 0)
        count = commonest // SECONDS[unit]
        places = times.astype(int)
        off = (places - places[0]) % commonest
        if off.any():
            number = int(np.flatnonzero(off)[0])
            raise BadInput(
                f"the time stamps are not regular: most are {_say(commonest)} apart, but {times[number]} is "
                "not a whole "
                "number of such steps after the first; resample the series to one step first (pandas: resample)"
            )
        places, count_of = places // SECONDS[unit], count
        positions = (places - places[0]) // count_of
        return Grid(str(times[0].astype(f"datetime64[{unit}]")), unit, count), positions
    positions, rest = np.divmod(places - places[0], count)
    if rest.any() or (np.diff(positions) == 0).any():
        number = int(np.flatnonzero(rest)[0]) if rest.any() else int(np.flatnonzero(np.diff(positions) == 0)[0]) + 1
        raise BadInput(
            f"the time stamps are not regular: most are {count} {'year' if unit == 'Y' else 'month'} apart, but "
            f"{times[number]} is not; resample the series to one step first (pandas: resample)"
        )
    return Grid(str(times[0].astype(f"datetime64[{unit}]")), unit, count), positions


def _say(seconds: int) -> str:
    unit, noun = next(
        (unit, noun)
        for unit, noun in (("D", "day"), ("h", "hour"), ("m", "minute"), ("s", "second"))
        if seconds % SECONDS[unit] == 0
    )
    count = seconds // SECONDS[unit]
    return f"{count} {noun}{'s' * (count != 1)}"
