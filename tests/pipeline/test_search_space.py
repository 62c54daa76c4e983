import pytest

import tasks
from harness.options import find_options
from pipeline.errors import BadInput
from pipeline.search_space import Choices, Span, parse

OPTIONS = find_options(tasks.get("sentiment"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("units=16,32,16", ("units", Choices((16, 32)))),
        ("--learning-rate=1e-4:1e-2", ("learning_rate", Span(1e-4, 1e-2))),
        ("units=16:64", ("units", Span(16, 64))),
        ("pooling=max, mean", ("pooling", Choices(("max", "mean")))),
        ("bidirectional=true,False", ("bidirectional", Choices((True, False)))),
    ],
)
def test_values_are_read_as_their_option_has_them(text: str, expected: object) -> None:
    assert parse(text, OPTIONS) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("units", "expected an option with its values"),
        ("units=", "expected an option with its values"),
        ("unitz=3", "there is no such option"),
        ("units=64:16", "the low end 64 has to be below the high end 16"),
        ("units=0,3", "--units 0: expected a whole number of at least 1"),
        ("pooling=last:max", "takes no numbers"),
        ("pooling=best", "best"),
        ("bidirectional=yes", "expected True or False, got 'yes'"),
    ],
)
def test_what_no_option_takes_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(text, OPTIONS)


def test_a_wide_span_is_searched_by_its_logarithm() -> None:
    assert Span(1e-4, 1e-2).logarithmic
    assert not Span(0.0, 0.6).logarithmic
    assert not Span(16, 64).logarithmic
