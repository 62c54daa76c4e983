import dataclasses
import json
import math
from typing import Any, NotRequired, TypedDict

import numpy as np
import pytest

from pipeline import record
from pipeline.errors import BadInput


@dataclasses.dataclass
class Part:
    count: int
    share: float = 0.5
    names: list[str] = dataclasses.field(default_factory=list)


class Whole(TypedDict):
    part: Part
    note: NotRequired[str | None]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_written_as_null_at_any_depth(value: float) -> None:
    text = record.dump({"a": [value, {"b": (1, value)}], "c": 0.1})
    assert json.loads(text) == {"a": [None, {"b": [1, None]}], "c": 0.1}


@pytest.mark.parametrize("text", ["ünï\U0001f600", "\udc80", "\\\udc80", "\ud83d", "\\udc80", '"\n\x00\u2028'])
def test_every_text_comes_back_from_utf_8_and_is_readable(text: str) -> None:
    written = record.dump({text: text}).encode("utf-8")
    assert json.loads(written) == record.load(written) == {text: text}
    assert "ü" not in text or "ü".encode() in written


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_read_as_null(text: str) -> None:
    assert record.load(f"[{text}]") == [None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":7: the file is damaged (Expecting value)"),
        (b'{"part": {},\n "no', ":8: the file is damaged (Unterminated string"),
        (b"\xff", ":7: the file is damaged ('utf-8' codec can't decode byte 0xff"),
        (b"[" * 1_000_000, ":7: the file is damaged (it nests more than 50 deep)"),
        (b"[" * 51 + b"]" * 51, ":7: the file is damaged (it nests more than 50 deep)"),
        (b"1" * 5000, ":7: the file is damaged (expected no integer of more than 19 digits, got one of 5,000)"),
        (b'{"part": {"count": 1}, "part": {"count": 1}}', "(the key 'part' stands there twice)"),
        (b'{"part": {"count": 1}, "parts": 2}', "(the key 'parts' is unknown)"),
        (b'{"part": {}}', "(part: object missing required field count)"),
        (b'{"part": {"count": true}}', "(part.count: expected int, got bool)"),
        (b'{"part": {"count": 1.5}}', "(part.count: expected int, got float)"),
        (b'{"part": {"count": 1, "share": NaN}}', "(part.share: expected float, got null)"),
        (b'{"part": {"count": 1, "names": ["a", 2]}}', "(part.names[1]: expected str, got int)"),
        (b'{"part": {"count": 1, "\\udc80": 2}}', "("),
        (b'[{"part": 1}]', "(expected object, got array)"),
    ],
)
def test_what_is_damaged_is_refused_with_its_place_and_what_to_do(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as caught, record.reading("x.json", "restore it", 7):
        record.convert(record.load(content), Whole)
    assert str(caught.value).startswith("x.json:7: the file is damaged (") or ":8:" in message
    assert message in str(caught.value) and str(caught.value).endswith("; restore it")


def test_a_missing_part_has_its_default_and_an_integer_may_stand_for_a_float() -> None:
    found = record.convert(record.load('{"part": {"count": 1, "share": 2}}'), Whole)
    assert found == {"part": Part(1, 2.0, [])} and isinstance(found["part"].share, float)


def test_whatever_byte_is_changed_reading_gives_a_record_or_one_message() -> None:
    whole = record.dump({"part": {"count": 12, "share": 0.25, "names": ["a", "ü"]}, "note": None}).encode()
    random = np.random.default_rng(0)
    kept = 0
    for _ in range(3000):
        content = bytearray(whole)
        for place in random.integers(len(whole), size=random.integers(1, 4)):
            content[place] = random.integers(256)
        try:
            with record.reading("x.json", "restore it"):
                found: Any = record.convert(record.load(bytes(content)), Whole)
        except BadInput as error:
            assert str(error).startswith("x.json") and str(error).endswith("restore it")
        else:
            kept += 1
            assert isinstance(found["part"].count, int) and all(isinstance(name, str) for name in found["part"].names)
    assert 0 < kept < 1500
