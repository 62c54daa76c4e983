import warnings

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Signal
from pipeline.fields.signal import read_numbers


def test_a_text_is_the_signal_that_it_is_written_from() -> None:
    values = np.array([[0.1, np.nan], [-3e2, 1e-7], [2, 3]], "float32")
    for times in (None, np.array([0, 0.5, 1.7e9 + 0.25])):
        signal = Signal(values, times)
        again = Signal.parse(str(signal))
        assert again == signal and hash(again) == hash(signal) and repr(again) == repr(signal)
        assert np.array_equal(again.values, values, equal_nan=True)
    assert str(Signal(values)) == "0.1,? -300.0,1e-07 2.0,3.0"
    assert str(Signal(values[2:], np.array([0.5]))) == "0.5:2.0,3.0"


def test_what_differs_in_a_number_or_a_time_is_another_signal() -> None:
    signal = Signal.parse("0:1,2 1:3,4")
    assert signal != Signal.parse("0:1,2 1:3,5") and signal != Signal.parse("0:1,2 2:3,4")
    assert signal != Signal.parse("1,2 3,4") and Signal.parse("1,2 3,4") != Signal.parse("1 2 3 4")


def test_dates_are_seconds() -> None:
    times = Signal.parse("2024-05-31T18:00:00:1 2024-05-31T18:01:30Z:2").times
    assert times is not None and np.diff(times).tolist() == [90]


@pytest.mark.parametrize(("text", "uneven"), [("1 2 3", False), ("1:1 3:2 5:3", False), ("1:1 3:2 6:3", True)])
def test_uneven_time_stamps_are_known(text: str, uneven: bool) -> None:
    assert Signal.parse(text).irregular is uneven


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ", "there is no step in ' '; give at least one, such as 0.5 0.7"),
        ("1,2 3", "step 2 is '3'; expected 2 numbers with commas between"),
        ("1 x", "step 2 is 'x'; expected 1 number "),
        ("1 inf", "step 2 is 'inf'"),
        ("1:1 2", "some steps have a time stamp, such as 0.5:1.2, and some have none"),
        ("1:1 1:2", "the time stamps are doubled: step 2 is at 1, and the one before at 1"),
        ("2:1 1:2", "the time stamps are out of order: step 2 is at 1, and the one before at 2"),
        ("monday:1 2:2", "the time stamp 'monday' cannot be read; expected a number, or a date such as"),
        ("nan:1 2:2", "the time stamp 'nan' is no time"),
    ],
)
def test_what_is_no_signal_is_refused_with_the_step(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Signal.parse(text)


@pytest.mark.parametrize("number", ["1e39", "-1e300", "1e999", "9" * 400])
def test_a_number_beyond_float32_is_none_and_nothing_else_is_said_of_it(number: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_numbers([["1.5", number]]) is None and read_numbers([["?", number]]) is None
