"""History: the last values of a time series, to forecast the next ones from."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import CONTINUES, Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.forecasting.grid import CYCLES, NUMBERED, Grid, make_time, read_grid
from pipeline.forecasting.naive import difference, repeat_season
from pipeline.forecasting.window import LARGEST, TimeSeries, Window
from pipeline.option import option

# Seasonal differences that are told at each step of the horizon: those of so many seasons before, and of the steps
# beside them, whose noise is another.
LAGS, BESIDE = 6, (-1, 0, 1)
# Steps from which the drift is measured, at least.
LEVEL = 24
# Per season: how fast the newest difference, which is a matter of minutes or of days, fades.
FADING = 4.0
# Scaled numbers beyond these are cut off: one wild value is not to drown the others.
WILDEST = 20.0
# Below this share of what is usual, differences count as none.
FLOOR = 0.01


@dataclass
class History(InputField[Window]):
    """The values of a window -> what a network forecasts from; each window is scaled by itself, so by its past alone.

    "values": (time, channels): at each step from the second season on the value, less the mean of the window and
        divided by its deviation; its difference to the season before, less the drift, in spreads; whether it is known;
        sine and cosine of the calendar; and covariates, less the mean of the training and divided by its deviation.
    "future": (horizon, features): for each step that is forecast the last seasonal differences of its place in the
        season and of those beside it; their means over whole seasons; the newest of all, as it is and fading with the
        distance; how far ahead the step is; the calendar; and the covariates known ahead.
    "anchor": (horizon,), the seasonal naive forecast and the drift, in the units of the series.
    "spread": (), the mean size of the differences between a seasonal difference and the one a season before: what is
        left when level, season and trend are taken out, so that it is as wide where a series rises as where it rests.
    "continues": (), where states are carried on in training: 1 where a window follows another, 0 where it begins anew.

    The network gives the difference of its forecast to the anchor, in spreads. To it, a series of another size or
    level, or with another trend, looks the same.

    horizon, season, unit, count: of the training's windows. carried: whether their states are carried on.
    cycles: those of the calendar that are of use. floor: the least spread.
    means, deviations: of the covariates, the last `known` of which are known ahead.
    """

    calendar: bool = option(False, "Tell the network the hour, the weekday and the time of the year.")
    max_length: int = option(
        400, "Most steps that a cell with a bound, such as dnn, is built for.", low=1, adjustable=True
    )
    horizon: int = field(default=1, metadata=LEARNED)
    season: int = field(default=1, metadata=LEARNED)
    unit: str = field(default=NUMBERED, metadata=LEARNED)
    count: int = field(default=1, metadata=LEARNED)
    cycles: list[str] = field(default_factory=list, metadata=LEARNED)
    floor: float = field(default=0.0, metadata=LEARNED)
    known: int = field(default=0, metadata=LEARNED)
    carried: bool = field(default=False, metadata=LEARNED)
    means: list[float] = field(default_factory=list, metadata=LEARNED)
    deviations: list[float] = field(default_factory=list, metadata=LEARNED)

    def fit(self, windows: Iterable[Window]) -> None:
        every = list(windows)
        one = every[0]
        self.carried = any(window.follows for window in every)
        grid = one.series.grid
        self.horizon, self.season, self.unit, self.count = one.horizon, one.season, grid.unit, grid.count
        first = {id(window.series): min(window.start, 10**12) for window in reversed(every)}
        last = {id(window.series): window.stop for window in every}
        longest = max(last[series] - first[series] for series in last)
        self.cycles = self.choose_cycles(grid, longest) if self.calendar else []
        spreads = [spread for one in every if (spread := measure_spread(one.values, self.season)) > 0]
        self.floor = FLOOR * float(np.median(spreads)) if spreads else 1.0
        # A part of the windows is enough, and each has hundreds of steps.
        told = np.concatenate([window.covariates for window in every[:: -(-len(every) // 500)]])
        self.known = one.series.known.shape[1]
        self.means, self.deviations = [], []
        for column in told.T:
            numbers = column[np.isfinite(column)]
            self.means.append(float(numbers.mean()) if len(numbers) else 0.0)
            self.deviations.append((float(numbers.std()) if len(numbers) else 0.0) or 1.0)

    def extend(self, windows: Iterable[Window]) -> Sequence[str]:
        every = list(windows)
        one = every[0]
        self._check(one)
        if (one.horizon, one.season) != (self.horizon, self.season):
            raise BadInput(
                f"--horizon {one.horizon} --season {one.season}: the run that is started from has a horizon of "
                f"{self.horizon} and a season of {self.season}; give --horizon {self.horizon} --season {self.season}"
            )
        if any(window.follows for window in every) != self.carried:
            raise BadInput("--carry: the run that is started from carries states on, or does not; give its --carry")
        # Windows are scaled by themselves, and covariates as they were.
        return ()

    @staticmethod
    def choose_cycles(grid: Grid, steps: int) -> list[str]:
        """Return the cycles of the calendar that are longer than a step and pass at least twice in so many steps."""
        seconds = grid.seconds
        if seconds is None:
            return []
        return [cycle for cycle, length in CYCLES.items() if seconds < length and steps * seconds >= 2 * length]

    def refuse(self, window: Window) -> str | None:
        if window.stop - window.start <= self.season:
            count = window.stop - window.start
            return f"{count} value{'s' * (count != 1)}: expected more than one season of {self.season}"
        return None if np.isfinite(window.values).any() else "none of its values is known"

    def encode(self, window: Window) -> Arrays:
        if reason := self.refuse(window):
            raise BadInput(reason)
        self._check(window)
        values, season, horizon, steps = window.values, self.season, self.horizon, window.stop - window.start
        apart = difference(values, season)
        known = np.isfinite(values)
        mean = average(values)
        deviation = max(math.sqrt(average((values - mean) ** 2)), self.floor)
        spread = max(measure_spread(values, season), self.floor)
        grid = window.series.grid
        drift = measure_drift(apart, season)
        apart = apart - drift
        columns = np.column_stack([(values - mean) / deviation, apart / spread, known])
        covariates = (window.covariates - self.means) / self.deviations
        past = [columns, grid.list_phases(window.start, window.stop, self.cycles), covariates]
        steps_ahead, places, inside, distance, fading = arrange(steps, horizon, season)
        lags = np.where(inside, apart[places], np.nan) / spread
        # Reshaped from the end: the last season first.
        whole = apart[steps - season * (steps // season) :].reshape(-1, season)[::-1][:LAGS]
        seasons = np.full(LAGS, np.nan)
        # A season without a known difference has no mean.
        with np.errstate(invalid="ignore"):
            seasons[: len(whole)] = average(whole) / spread
        last = (0.0 if math.isnan(apart[-1]) else apart[-1]) / spread
        recent = np.column_stack([np.tile(seasons, (horizon, 1)), np.full(horizon, last), last * fading])
        told = len(self.means) - self.known
        ahead = (window.ahead - self.means[told:]) / self.deviations[told:]
        phases = grid.list_phases(window.stop, window.stop + horizon, self.cycles)
        return {
            "values": clean(np.concatenate(past, axis=1)[season:]),
            "future": clean(np.concatenate([lags, recent, distance, phases, ahead], axis=1)),
            "anchor": (repeat_season(values, horizon, season) + drift * (steps_ahead // season + 1)).astype("float32"),
            "spread": np.array(spread, "float32"),
            **({CONTINUES: np.array(window.follows, "int32")} if self.carried else {}),
        }

    def _check(self, window: Window) -> None:
        grid = window.series.grid
        if (grid.unit, grid.count) != (self.unit, self.count):
            trained = Grid("0" if self.unit == NUMBERED else "2000", self.unit, self.count).step
            raise BadInput(f"the series has a value per {grid.step}, and this run is trained on one per {trained}")
        found = window.series.covariates.shape[1], window.series.known.shape[1]
        expected = len(self.means) - self.known, self.known
        if found != expected:
            raise BadInput(
                f"it has {found[0]} covariates and {found[1]} known ahead, and this run is trained with "
                f"{expected[0]} and "
                f"{expected[1]}"
            )
        if self.known and not np.isfinite(window.ahead).any():
            raise BadInput(
                "its covariates that are known ahead end with the series; add their values at the steps to forecast, "
                "without the value of the series"
            )

    @property
    def arrays(self) -> dict[str, Array]:
        phases = 2 * len(self.cycles)
        return {
            "values": Array((None, 3 + phases + len(self.means)), "float32"),
            "future": Array((self.horizon, LAGS * (len(BESIDE) + 1) + 3 + phases + self.known), "float32"),
            "anchor": Array((self.horizon,), "float32"),
            "spread": Array((), "float32"),
            **({CONTINUES: Array((), "int32", 2)} if self.carried else {}),
        }

    def parse(self, text: str) -> Window:
        """Return the window that is typed: "@2026-11-29T18:00 5.1 4.9 ? 4.2", "?" for a value that is missing.

        The time is that of the first value, and may be left out where the run has no use for the calendar. Covariates
        follow a value after commas; those that are known ahead come again after a bar, a word for each step to
        forecast.
        """
        past, _, ahead = text.partition("|")
        words = past.split()
        start = "0" if self.unit == NUMBERED else "2000"
        if words and words[0].startswith("@"):
            start = words.pop(0)[1:]
        elif self.cycles:
            raise BadInput(
                f"begin with the time of the first value, such as {self.typed.split()[0]}: {text.strip():.60}"
            )
        grid = read_grid(start, self.unit, self.count)
        given = self._read(words, 1 + len(self.means), "value")
        future = self._read(ahead.split() if self.known else [], self.known, "step after the bar")
        cut = 1 + len(self.means) - self.known
        known = np.concatenate([given[:, cut:], future])
        series = TimeSeries("", grid, given[:, 0].copy(), given[:, 1:cut], known, origin="the text")
        window = Window(series, 0, len(given), self.horizon, self.season)
        if reason := self.refuse(window):
            raise BadInput(reason)
        return window

    def _read(self, words: list[str], width: int, noun: str) -> np.ndarray:
        found = np.full((len(words), width), np.nan)
        for place, word in enumerate(words):
            parts = word.split(",")
            try:
                numbers = [math.nan if part == "?" else float(part) for part in parts]
            except ValueError:
                numbers = []
            if len(numbers) != width or any(abs(number) > LARGEST for number in numbers):
                example = ",".join(["0.5"] * width)
                raise BadInput(
                    f"{noun} {place + 1} is {word!r:.40}; expected such as {example}, or ? for a missing number"
                )
            found[place] = numbers
        return found

    def tell(self, window: Window) -> Mapping[str, object]:
        named = {"series": window.series.name} if window.series.name else {}
        return {**named, "times": window.times}

    def describe(self) -> str:
        grid = Grid("0" if self.unit == NUMBERED else "2000", self.unit, self.count)
        return f"a time series with a value per {grid.step}, season {self.season}, such as {self.typed!r}"

    @property
    def typed(self) -> str:
        start = "@0 " if self.unit == NUMBERED else f"@{make_time('2026-11-29', self.unit)} "
        return start + "0.5 0.7 ?"

    def measure(self, window: Window) -> int:
        return window.stop - window.start


def measure_drift(apart: np.ndarray, season: int) -> float:
    """Return the mean seasonal difference of the newest whole seasons, of LEVEL steps or more; 0 where none is known.

    apart: (steps,), the seasonal differences.
    """
    newest = apart[-season * -(-LEVEL // season) :]
    return float(average(newest)) if np.isfinite(newest).any() else 0.0


def measure_spread(values: np.ndarray, season: int) -> float:
    """Return the mean size of what is left of values, (steps,), when level, season and trend are taken out.

    Of a window of less than two seasons, or with gaps everywhere: when less is.
    """
    apart = difference(values, season)
    for find in (lambda: difference(apart, season), lambda: apart, lambda: values - average(values)):
        left = find()
        if np.isfinite(left).any():
            return float(average(np.abs(left)))
    return 0.0


def average(numbers: np.ndarray) -> np.ndarray:
    """Return the mean of the known numbers along the last axis, as np.nanmean does, in a third of its time."""
    missing = np.isnan(numbers)
    return np.where(missing, 0.0, numbers).sum(-1) / (numbers.shape[-1] - missing.sum(-1))


@lru_cache(maxsize=64)
def arrange(steps: int, horizon: int, season: int) -> tuple[np.ndarray, ...]:
    """Return what the windows of one length have in common, for each step of the horizon.

    How many steps are before it; which seasonal differences are told, and whether each is inside of the window,
    (horizon, LAGS x BESIDE); how far ahead it is, (horizon, 1); and how much of the newest difference is left.
    """
    before = np.arange(horizon)
    newest = steps + before - season * (before // season + 1)
    places = (newest[:, None, None] - season * np.arange(LAGS)[:, None] + np.array(BESIDE)).reshape(horizon, -1)
    inside = (places >= 0) & (places < steps)
    distance = (np.arange(1, horizon + 1) / horizon)[:, None]
    return before, np.where(inside, places, 0), inside, distance, np.exp(-FADING * before / season)


def clean(numbers: np.ndarray) -> np.ndarray:
    """Return scaled numbers as a network takes them: 0 for what is missing, none beyond WILDEST."""
    return np.clip(np.where(np.isnan(numbers), 0.0, numbers), -WILDEST, WILDEST).astype("float32")
