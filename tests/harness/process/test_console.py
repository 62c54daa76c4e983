"""What the user sees."""

import pytest

from harness.process.console import format_time


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.7, "1:00"), (245, "4:05"), (3599.6, "1:00:00"), (3845, "1:04:05"), (90_000, "25:00:00")],
)
def test_a_time_is_shown_in_minutes_and_seconds_and_from_an_hour_on_in_hours(seconds: float, shown: str) -> None:
    assert format_time(seconds) == shown
