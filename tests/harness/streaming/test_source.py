import io
import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from harness.streaming import source
from harness.streaming.source import Text, open_recording, open_texts, read_prompts, read_tokens
from pipeline.errors import BadInput
from pipeline.fields import Text as TextField
from pipeline.fields import Tokens
from tests.pipeline.fields import RATE, tone, write

FIELD = Tokens(99, 99)


def read(content: bytes, field=FIELD, **how) -> list:
    return list(read_tokens(field, Text("x.txt", io.BytesIO(content)), **how))


def test_a_token_is_there_before_the_next_has_come() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb", buffering=0) as end:
        tokens = read_tokens(FIELD, Text("pipe", file))
        for word in ("Paris", "met", "Ford"):
            end.write(f"{word} ".encode())
            assert next(tokens) == word
        # The byte that ends a character may come late, and so does the end of a word.
        end.write("Kö".encode()[:2])
        end.write("Kö".encode()[2:] + b"ln\n")
        assert next(tokens) == "Köln"
        assert next(tokens) is None


@pytest.mark.parametrize(
    "ends, expected",
    [
        ("line", ["a", "b", None, "c", None, "d", None]),
        ("empty-line", ["a", "b", "c", None, "d", None]),
        ("never", ["a", "b", "c", "d", None]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sequence_ends_where_it_is_said(ends: str, expected: list, end: str) -> None:
    assert read(f"a b{end}c{end} {end}d".encode(), ends=ends) == expected


@pytest.mark.parametrize("size", [1, 2, 7])
def test_it_does_not_matter_how_the_bytes_come(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Der Zug, 3.5 km\nnach Köln \U0001f600 <br /> עברית\r\n\r\nx"
    monkeypatch.setattr(source, "CHUNK", size)
    for field in (FIELD, Tokens(99, 99, tokenizer="character"), TextField(), TextField(unit="character")):
        found = read(text.encode(), field)
        monkeypatch.undo()
        assert found == read(text.encode(), field)
        monkeypatch.setattr(source, "CHUNK", size)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_marks_and_encodings_are_known(encoding: str) -> None:
    assert read("Köln\n".encode(encoding), encoding="cp1252" if encoding == "cp1252" else "utf-8") == ["Köln", None]


@pytest.mark.parametrize(
    "content, how, message",
    [
        (b"a b\nc \xff\n", {}, r"^x.txt:2: not UTF-8: byte 0xff; say how it is written"),
        (b"a\nb\0c", {}, r"^x.txt: a binary file \(a zero byte at offset 3\)"),
        (b"a", {"encoding": "klingon"}, "^--encoding klingon: no encoding of that name"),
        (b"a\n" + b"x" * 200_000, {}, r"^x.txt:2: \d+,\d+ characters and no blank among them"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(content: bytes, how: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(content, **how)


def test_a_hundred_thousand_words_on_a_line_are_read_one_by_one() -> None:
    found = read(b"word " * 100_000)
    assert len(found) == 100_001 and found[-1] is None


def test_empty_lines_are_counted(capsys: pytest.CaptureFixture) -> None:
    assert read(b"\n\na\n\n") == ["a", None]
    assert "x.txt: 3 empty lines, which have no answer" in capsys.readouterr().err
    assert read(b"") == []


def test_prompts_are_lines() -> None:
    assert list(read_prompts(Text("x", io.BytesIO(b"female\n\nmale: Bo")))) == [("x:1", "female"), ("x:3", "male: Bo")]


def test_files_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, message in ((tmp_path, "a folder"), (tmp_path / "none.txt", "none.txt")):
        with pytest.raises(BadInput, match=message), open_texts([], str(wrong)):
            pass
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="standard input is closed"), open_texts([], None):
        pass


def listen(content: bytes, monkeypatch: pytest.MonkeyPatch) -> source.Recording:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    return open_recording("-")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_32"])
def test_a_recording_from_standard_input_is_that_of_the_file(
    subtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", np.stack([tone(), tone(hertz=300)], axis=1), subtype=subtype)
    heard, filed = listen(path.read_bytes(), monkeypatch), open_recording(str(path))
    assert heard.rate == filed.rate == RATE
    np.testing.assert_allclose(np.concatenate(list(heard.chunks)), np.concatenate(list(filed.chunks)), atol=1e-6)


def test_a_wav_that_does_not_tell_its_length_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, RATE, 0, "NONE", ""))
        written.writeframes(np.arange(3000, dtype="<i2").tobytes())
    content = bytearray(file.getvalue())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    assert sum(map(len, listen(bytes(content), monkeypatch).chunks)) == 3000


@pytest.mark.parametrize(
    "content, message", [(b"", "empty, or cut short"), (b"hello" * 20, "does not start with RIFF")]
)
def test_what_is_no_sound_is_refused(content: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=f"^standard input: not a WAV file of whole numbers .*{message}"):
        listen(content, monkeypatch)
    with pytest.raises(BadInput, match="there is no such file"):
        open_recording("none.wav")
