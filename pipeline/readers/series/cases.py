"""Cases: from what a format holds of one series to an example, checked the same way for all of them."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import BadInput
from pipeline.example import Splits
from pipeline.fields.signal import Signal, check_times, read_numbers, read_times
from pipeline.readers.faults import BadRow
from pipeline.readers.tabular.values import short


def read_channel(written: str) -> np.ndarray:
    """Return the numbers of "0.5,?,1.2" as (time,) of float32, NaN where one is missing; BadRow for what is none."""
    cells = written.split(",")
    numbers = read_numbers([cells])
    if numbers is None:
        bad = next(cell for cell in cells if read_numbers([[cell]]) is None)
        raise BadRow(
            "what is no number in a series",
            f"{short(bad.strip())} in a series; expected a finite number, or ? for none",
        )
    return numbers[0]


def join_channels(channels: Sequence[np.ndarray]) -> Signal:
    """Return the signal of channels, each (time,); BadRow where they are not as long as each other."""
    lengths = sorted({len(channel) for channel in channels})
    if len(lengths) > 1:
        raise BadRow(
            "channels of several lengths",
            f"its channels have {lengths[0]} and {lengths[-1]} steps; expected as many in each, with ? for what is "
            "missing, or a time stamp at each",
        )
    return Signal(np.stack(channels, axis=1))


def join_timed(channels: Sequence[tuple[Sequence[str], np.ndarray]]) -> Signal:
    """Return the signal of channels with time stamps of their own: a step is a time at which one of them was measured.

    channels: the stamps, and the numbers, (time,), of each. BadRow for stamps that cannot be read, or are not rising.
    """
    try:
        stamps = [check_times(read_times(stamps)) for stamps, _ in channels]
    except BadInput as error:
        raise BadRow("bad time stamps", str(error)) from None
    times = np.unique(np.concatenate(stamps))
    values = np.full((len(times), len(channels)), np.nan, "float32")
    for number, (known, (_, numbers)) in enumerate(zip(stamps, channels, strict=True)):
        values[np.searchsorted(times, known), number] = numbers
    return Signal(values, times)


def trim(signal: Signal) -> Signal:
    """Return a signal without the steps at its end in which nothing was measured: shorter series are filled up so."""
    measured = np.flatnonzero(~np.isnan(signal.values).all(axis=1))
    return Signal(signal.values[: measured[-1] + 1]) if len(measured) else signal


def check_channels(splits: Splits) -> Splits:
    """Return the splits; BadInput, with its place, for a series that has not as many channels as the first."""
    examples = [one for found in splits.values() for one in found if one.input is not None]
    if not examples:
        raise BadInput("there is no series in these files; expected at least one")
    width = examples[0].input.channels
    for one in examples:
        if one.input.channels != width:
            raise BadInput(
                f"{one.origin}: a series of {one.input.channels} channels, and that of {examples[0].origin} has "
                f"{width}; expected as many in all"
            )
    return splits
