"""What messages say of names: on one line, and not too much."""

import pytest

from pipeline.errors import LONGEST, MESSAGE, BadInput, list_names, shorten, unknown


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a", "a"),
        ("", ""),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
        ("a\nb\rc", "a b c"),
    ],
)
def test_a_name_is_cut_where_it_is_long_and_on_one_line(text: str, expected: str) -> None:
    assert shorten(text) == expected


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    assert list_names(["a", "b"]) == "a, b" and list_names([]) == ""
    assert list_names(range(1, 2000), 3) == "1, 2, 3, and 1,996 more"
    assert list_names(["a", "b"], between=" and ") == "a and b"


def test_an_unknown_name_is_told_with_the_closest_however_many_there_are() -> None:
    assert str(unknown("label", "poz", ["neg", "pos"])) == "unknown label 'poz'. Did you mean 'pos'? Known: neg, pos."
    message = str(unknown("column", "x" * 5000, [f"column {number}" for number in range(100_000)]))
    assert len(message) < 2000 and message.endswith(", and 99,900 more.")


def test_a_long_message_keeps_where_it_is_and_what_to_do() -> None:
    message = str(BadInput(f"a.csv:7: {'x' * 100_000}; name the column"))
    assert len(message) < MESSAGE and message.startswith("a.csv:7: xxx") and message.endswith("xxx; name the column")
    assert str(BadInput("x" * MESSAGE)) == "x" * MESSAGE
