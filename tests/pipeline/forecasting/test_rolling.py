"""Rolling origin: what is forecast lies in one split alone, in the order of time."""

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.forecasting.rolling import divide, find_latest
from tests.pipeline.forecasting import make_options, make_series, wave

SMALL = {"window": 30, "horizon": 5, "season": 6}


def test_the_horizons_of_the_splits_follow_each_other_and_do_not_overlap() -> None:
    series = make_series(wave(200, 6))
    splits = divide([series], make_options(**SMALL), print)
    ends = {split: [example.input.stop for example in examples] for split, examples in splits.items()}
    # Training: at every step. 70% of 200 steps, then 15% each, in horizons of 5.
    assert ends["train"] == list(range(30, 140 - 5 + 1))
    assert ends["validation"] == list(range(140, 170, 5))
    assert ends["test"] == list(range(170, 200, 5))
    for example in splits["test"]:
        np.testing.assert_array_equal(example.output.values, series.values[example.input.stop : example.input.stop + 5])
        assert len(example.input.values) == 30


def test_what_comes_later_changes_neither_windows_nor_scales_of_the_training() -> None:
    values = wave(200, 6)
    other = values.copy()
    other[140:] = 1000 * np.random.default_rng(1).normal(size=60)
    one, two = (divide([make_series(found)], make_options(**SMALL), print)["train"] for found in (values, other))
    assert [(example.input, example.output) for example in one] == [(example.input, example.output) for example in two]
    assert one[0].output.scale == pytest.approx(np.abs(values[6:140] - values[:134]).mean())


def test_training_windows_are_further_apart_where_there_would_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.forecasting.rolling.MOST", 50)
    splits = divide([make_series(wave(200, 6))], make_options(**SMALL), print)
    assert [example.input.stop for example in splits["train"]] == list(range(30, 136, 3))


def test_windows_through_which_a_state_is_carried_follow_each_other() -> None:
    splits = divide([make_series(wave(300, 6))], make_options(**SMALL, carry=3, stride=10), print)
    chains = np.array([(one.input.start, one.input.stop, one.input.follows) for one in splits["train"]]).reshape(
        -1, 3, 3
    )
    assert (chains[:, :, 2] == [0, 1, 1]).all()
    # A network reads the steps of a window from its second season on: each begins where the one before has ended.
    assert (chains[:, 1:, 0] + 6 == chains[:, :-1, 1]).all()
    assert {len(one.input.values) for one in splits["test"]} == {30 + 2 * 24}


def test_windows_with_nothing_known_after_them_are_gaps() -> None:
    values = wave(200, 6)
    values[60:80] = np.nan
    splits = divide([make_series(values)], make_options(**SMALL), print)
    stops = [example.input.stop for example in splits["train"]]
    assert 60 not in stops and 75 not in stops and {56, 76} <= set(stops)
    assert splits["train"][stops.index(58)].output.values[2:] == (None, None, None)


def test_a_series_that_cannot_be_used_is_left_out_and_said() -> None:
    said: list[str] = []
    good, short = make_series(wave(200, 6)), make_series(wave(30, 6), name="south")
    splits = divide([good, short], make_options(**SMALL), said.append)
    assert {example.input.series.name for example in splits["test"]} == {"north"}
    assert (
        len(said) == 1
        and "1 of 2 series left out: file.csv:9: the series 'south': its 30 values are too few" in said[0]
    )


@pytest.mark.parametrize(
    ("values", "changed", "message"),
    [
        (wave(40, 6), {}, "its 40 values are too few: --window 30 and --horizon 5 need 35"),
        (np.full(200, 5.0), {}, "it is constant: every value is 5"),
        (np.tile(np.arange(6.0), 40), {}, "each season of 6 steps repeats the one before exactly"),
        (np.r_[np.full(150, np.nan), wave(50, 6)], {}, "no value of the part that is trained on is known"),
        (wave(200, 6), {"window": 6}, "--window 6: expected more than one season"),
        (wave(200, 6), {"carry": 2, "limit": 9}, "--carry: the windows of a series follow each other"),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused(values: np.ndarray, changed: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        divide([make_series(values)], make_options(**SMALL | changed), print)


def test_the_latest_window_ends_with_the_series() -> None:
    splits = divide([make_series(wave(203, 6)), make_series(wave(200, 6), name="south")], make_options(**SMALL), print)
    latest = find_latest(splits)
    assert [(one.input.start, one.input.stop, one.output) for one in latest] == [(173, 203, None), (170, 200, None)]
