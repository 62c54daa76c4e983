"""Rolling origin: time series as windows, divided by time, never shuffled (Tashman 2000).

    |------------------ train ------------------|--- validation ---|------ test ------|
    [ window  ][ horizon ]                       [horizon][horizon]  [horizon][horizon]
      [ window  ][ horizon ]

A window may reach back into the split before; what is forecast lies in one split alone. In validation and test the
horizons follow each other; in training they begin at every step, or at every --stride.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.forecasting.naive import measure_scale
from pipeline.forecasting.window import Future, TimeSeries, Window
from pipeline.option import Options, option
from pipeline.readers.request import Say

# Training windows that are made where --stride is left out.
MOST = 20_000
# Seasons of a window where --window is left out, and the fewest steps of it and of the horizon.
SEASONS, SHORTEST, NEAREST = 7, 48, 8


@dataclass(frozen=True)
class Windows:
    """Options: how series are cut into examples."""

    horizon: int | None = option(None, "Values to forecast; none: a season, at least 8.", low=1, high=10_000)
    window: int | None = option(
        None, "Values that a forecast is made from; none: seven seasons, at least 48.", low=2, high=100_000
    )
    season: int | None = option(
        None, "Steps after which a series repeats; none: by the time stamps, such as 24 of hours.", low=1, high=10_000
    )
    stride: int | None = option(
        None, "Steps between the windows of the training; none: 1, more where there would be over 20,000.", low=1
    )
    carry: int = option(
        1,
        "Windows through which the hidden state is carried on in training, which follow each "
        "other: back-propagation is "
        "truncated at each. A forecast then reads as many as one sequence.",
        low=1,
        high=1000,
    )
    validation_share: float = option(
        0.15, "Share of each series, before the test's, to validate on.", low=0.01, high=0.45
    )
    test_share: float = option(0.15, "Share of each series, its end, to test on.", low=0.01, high=0.45)


@dataclass(frozen=True)
class Cut:
    """How the series of one step are cut: see `Windows`; all but the last are steps."""

    window: int
    horizon: int
    season: int
    carry: int = 1

    @property
    def fresh(self) -> int:
        """Return the steps of a window that a network reads, and the next window goes on after: the first season is for
        differences alone.
        """
        return self.window - self.season

    @property
    def whole(self) -> int:
        """Return the steps of the windows through which a state is carried, together."""
        return self.window + (self.carry - 1) * self.fresh


def choose_cut(series: TimeSeries, options: Options) -> Cut:
    """Return how a series is cut: as the options say, and where they are left out by its season."""
    season = options.season or series.grid.find_season()
    horizon = options.horizon or season * -(-NEAREST // season)
    window = options.window or (SEASONS * season if season * SEASONS >= SHORTEST else season * -(-SHORTEST // season))
    if window <= season:
        raise BadInput(
            f"--window {window}: expected more than one season, which has {season} steps; give a longer --window or "
            "another --season"
        )
    if options.carry > 1 and options.limit:
        raise BadInput(
            "--carry: the windows of a series follow each other, and --limit would draw some of them; leave it out"
        )
    return Cut(window, horizon, season, options.carry)


def divide(every: Sequence[TimeSeries], options: Options, say: Say) -> Splits:
    """Return the windows of series with what came after them; see above.

    A series that is too short for a window in each split, constant, or of another step than the first, is left out and
    said; BadInput if none is left.
    """
    cut = choose_cut(every[0], options)
    parts, refused = [], []
    for series in every:
        reason = find_fault(series, every[0], cut=cut, options=options)
        if reason:
            refused.append(f"{name(series)}: {reason}")
        else:
            parts.append(series)
    if not parts:
        raise BadInput(refused[0] + (f" (and so for {len(refused) - 1} more series)" if len(refused) > 1 else ""))
    if refused:
        say(f"{len(refused)} of {len(every)} series left out: {refused[0]}" + ", ..." * (len(refused) > 1))
    room = sum(limits(series, options)[0] - cut.whole - cut.horizon + 1 for series in parts)
    stride = options.stride or -(-room * cut.carry // MOST)
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for series in parts:
        first, second, end = limits(series, options)
        scale = measure_scale(series.values[:first], cut.season)
        for origin in range(cut.whole, first - cut.horizon + 1, stride):
            splits["train"] += make_chain(series, origin, cut=cut, scale=scale)
        for split, bounds in (("validation", (first, second)), ("test", (second, end))):
            for origin in range(bounds[0], bounds[1] - cut.horizon + 1, cut.horizon):
                splits[split] += make_chain(series, origin, cut=Cut(cut.whole, cut.horizon, cut.season), scale=scale)
    if not all(splits.values()):
        empty = ", ".join(split for split, examples in splits.items() if not examples)
        raise BadInput(f"{name(parts[0])}: too many values are missing: no window of {empty} has enough of them")
    return {**splits}


def name(series: TimeSeries) -> str:
    """Return what a series is called in messages."""
    return f"{series.origin}: the series {series.name!r}" if series.name else f"{series.origin}: the series"


def limits(series: TimeSeries, options: Options) -> tuple[int, int, int]:
    """Return where the training ends, where the validation does, and where the series does."""
    steps = len(series.values)
    test = round(steps * options.test_share)
    return steps - test - round(steps * options.validation_share), steps - test, steps


def find_fault(series: TimeSeries, like: TimeSeries, *, cut: Cut, options: Options) -> str | None:
    """Return why a series cannot be trained on, in a few words; None if it can."""
    grid, values = series.grid, series.values
    if (grid.unit, grid.count) != (like.grid.unit, like.grid.count):
        return f"it has a value per {grid.step}, and {like.name!r} one per {like.grid.step}; bring them to one step"
    first, second, end = limits(series, options)
    fewest = cut.whole + cut.horizon
    if first < fewest or min(second - first, end - second) < cut.horizon:
        return (
            f"its {end:,} values are too few: --window {cut.window} and --horizon {cut.horizon} need {fewest:,} for "
            f"training, and {cut.horizon} each for validation and test, which are {options.validation_share:g} and "
            f"{options.test_share:g} of it; give a shorter --window or --horizon"
        )
    if not np.isfinite(values[:first]).any():
        return "no value of the part that is trained on is known"
    scale = measure_scale(values[:first], cut.season)
    if np.nanmin(values) == np.nanmax(values):
        return f"it is constant: every value is {np.nanmin(values):g}; there is nothing to forecast"
    if not scale > 0:
        return f"each season of {cut.season} steps repeats the one before exactly; give another --season"
    return None


def make_chain(series: TimeSeries, origin: int, *, cut: Cut, scale: float) -> list[Example]:
    """Return the windows through which a state is carried, the last of which ends at `origin`, in their order.

    None where too little is known before or after one of them: there are gaps.
    """
    found = []
    for number in range(cut.carry):
        stop = origin - (cut.carry - 1 - number) * cut.fresh
        after = series.values[stop : stop + cut.horizon]
        window = Window(series, stop - cut.window, stop, cut.horizon, cut.season, follows=number > 0)
        if not np.isfinite(after).any() or not has_values(window):
            return []
        known = tuple(None if np.isnan(value) else value for value in after.tolist())
        where = series.grid.write(stop, stop + 1)[0]
        found.append(Example(window, Future(known, scale), f"{series.name or series.origin}@{where}"))
    return found


def has_values(window: Window) -> bool:
    """Return whether at least a quarter of a window's values are known, two of them at least."""
    known = int(np.isfinite(window.values).sum())
    return known >= max(2, len(window.values) // 4)


def find_latest(splits: Splits) -> list[Example]:
    """Return for each series the window at its end: what comes next nobody knows yet."""
    # A window of the test is as long as a forecast may read.
    last = {id(example.input.series): example.input for example in splits["test"]}
    return [
        make_latest(window.series, Cut(window.stop - window.start, window.horizon, window.season))
        for window in last.values()
    ]


def make_latest(series: TimeSeries, cut: Cut) -> Example:
    """Return the window at the end of a series; what comes next nobody knows."""
    stop = len(series.values)
    window = Window(series, max(0, stop - cut.whole), stop, cut.horizon, cut.season)
    return Example(window, None, series.origin)
