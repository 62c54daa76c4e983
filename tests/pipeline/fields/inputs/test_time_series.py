import warnings
from typing import Literal

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Signal, TimeSeries, restore, save

TRAINING = [Signal.parse("1,10 3,30 ?,20"), Signal.parse("2,20 4,20")]


def fit(missing: Literal["forward", "mean", "linear", "decay"] = "forward", **given: int) -> TimeSeries:
    field = TimeSeries(missing=missing, **given)
    field.fit(TRAINING)
    return field


def test_channels_are_standardised_as_in_the_training_data() -> None:
    field = fit()
    # By NumPy, of what there is.
    together = np.concatenate([signal.values for signal in TRAINING])
    assert field.mean == pytest.approx(np.nanmean(together, axis=0)) and field.mean == [2.5, 20]
    assert field.deviation == pytest.approx(np.nanstd(together, axis=0))
    found = field.encode(Signal.parse("2.5,20 5,40"))["values"]
    assert found.dtype == "float32" and found == pytest.approx(np.array([[0, 0], [2.5, 20]]) / field.deviation)


def test_a_constant_channel_and_an_empty_one_stay_finite() -> None:
    field = TimeSeries()
    field.fit([Signal.parse("7,? 7,?")])
    assert field.encode(Signal.parse("7,? 8,1"))["values"].tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("forward", [0, 1, 1, 1, 3]), ("mean", [0, 1, 0, 0, 3]), ("linear", [1, 1, 1.5, 2, 3])],
)
def test_what_is_missing_is_filled_in(missing: Literal["forward", "mean", "linear"], expected: list[float]) -> None:
    field = TimeSeries(missing=missing)
    field.mean, field.deviation = [0.0], [1.0]
    # On a line, time counts and not the number of steps.
    found = field.encode(Signal.parse("0:? 1:1 2:? 3:? 5:3"))["values"]
    assert found[:, 0].tolist() == expected


def test_decay_is_given_what_was_measured_and_when() -> None:
    field = TimeSeries(missing="decay")
    field.fit([Signal.parse("100:0 110:2"), Signal.parse("5:0 15:2 45:?")])
    assert field.pace == 10
    found = field.encode(Signal.parse("1000:2 1005:? 1020:0"))
    assert {name: array[:, 0].tolist() for name, array in found.items()} == {
        "values": [1, 0, -1],
        "observed": [1, 0, 1],
        "time": [0, 0.5, 2],
    }
    assert {name: array.shape for name, array in field.arrays.items()} == {
        "values": (None, 1),
        "observed": (None, 1),
        "time": (None, 1),
    }


def test_a_series_that_is_too_long_is_cut_and_that_is_known() -> None:
    field = fit(max_length=2)
    assert field.encode(TRAINING[0])["values"].shape == (2, 2)
    assert field.count_cut(TRAINING[0]) == 1 and field.greatest_length == 2 and field.measure(TRAINING[0]) == 3


def test_a_stream_has_the_arrays_of_the_whole() -> None:
    text = "1,10 3,30 2,20"
    for field in (fit(), fit("mean")):
        pieces, rest = field.cut(text, False) or ([], "")
        together = np.concatenate([field.encode_piece(piece)["values"] for piece in pieces])
        assert not rest and together == pytest.approx(field.encode(field.parse(text))["values"])
    assert fit("decay").cut(text, False) is None
    with pytest.raises(BadInput, match="what is missing cannot be filled in by other steps in a stream"):
        fit().encode_piece("1,?")


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(BadInput, match="a step of this series has 1 number; expected 2, such as 0.5,0.5"):
        fit().encode(Signal.parse("1 2"))
    with pytest.raises(BadInput, match="the training data has series of 1 and of 2 channels"):
        TimeSeries().fit([*TRAINING, Signal.parse("1")])
    assert fit().refuse(Signal.parse("?,? ?,?")) == "there is no number in it"
    assert fit().refuse(TRAINING[0]) is None
    assert list(fit().find_flaws(Signal.parse("1,? 1,?"))) == ["a channel in which nothing was measured"]
    assert list(fit().find_flaws(Signal.parse("1,2 1,2"))) == ["the same numbers at every step"]
    assert list(fit().find_flaws(Signal.parse("1,2"))) == ["one step only"]


def test_time_that_is_not_read_is_said() -> None:
    uneven = [Signal.parse("0:1 1:2 5:3")]
    plain, decay = TimeSeries(), TimeSeries(missing="decay")
    for field in (plain, decay):
        field.fit(uneven)
    assert "--missing decay" in str(plain.unread) and decay.unread is None and fit().unread is None


def test_a_field_comes_back() -> None:
    assert restore(TimeSeries(missing="decay"), save(fit("decay"))) == fit("decay")


@pytest.mark.parametrize("missing", ["forward", "mean", "linear", "decay"])
def test_numbers_at_the_end_of_their_range_are_finite_to_a_model(missing: str) -> None:
    ends = np.array([[3e38, 0], [-3e38, 1e-3], [np.nan, 3e38]], "float32")
    field = TimeSeries(missing=missing)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        field.fit([Signal(np.array([[1.0, 2], [1.5, 2.5]], "float32"))])
        assert np.isfinite(field.encode(Signal(ends))["values"]).all()
        field.fit([Signal(ends)])
        assert np.isfinite(field.encode(Signal(ends))["values"]).all()
