"""What the user sees."""

import pytest

from harness.process.console import format_time, print_table, say


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.7, "1:00"), (245, "4:05"), (3599.6, "1:00:00"), (3845, "1:04:05"), (90_000, "25:00:00")],
)
def test_a_time_is_shown_in_minutes_and_seconds_and_from_an_hour_on_in_hours(seconds: float, shown: str) -> None:
    assert format_time(seconds) == shown


def test_no_terminal_sequence_of_data_is_obeyed(capsys: pytest.CaptureFixture) -> None:
    print_table([{"text": "\x1b[31mred\x07 [bold]"}])
    say("\x1b]0;title\x07 \u202etxt")
    shown = capsys.readouterr()
    assert r"\x1b[31mred\x07 [bold]" in shown.out and "\x1b" not in shown.out
    assert shown.err == "\\x1b]0;title\\x07 \\u202etxt\n"
