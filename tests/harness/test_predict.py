import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.predict import format_plainly, predict, read_lines, read_words
from pipeline.errors import BadInput
from tests.harness import small, train_small

NAME = "pos"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small(NAME) as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1)


def test_answers_come_in_the_order_of_the_inputs(run: Path) -> None:
    texts = ["bir iki üç dört", "bir", "üç iki"]
    found = predict(run, [(f"text {number}", text) for number, text in enumerate(texts)])
    assert [one["input"] for one in found] == [tuple(text.split()) for text in texts]
    assert [len(one["output"]) for one in found] == [4, 1, 2]


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_an_input_with_nothing_in_it_is_named(text: str, run: Path) -> None:
    with pytest.raises(BadInput, match=r"^x.txt:2: .*no token"):
        predict(run, [("x.txt:1", "bir"), ("x.txt:2", text)])


def test_a_sentence_of_ten_thousand_tokens_is_refused(run: Path) -> None:
    with pytest.raises(BadInput, match=r"^text 1: .*has 10000 tokens, and at most 1000 are allowed"):
        predict(run, [("text 1", "bir " * 10_000)])


def test_nothing_to_predict_is_a_mistake(run: Path) -> None:
    with pytest.raises(BadInput, match="nothing to predict: give TEXT"):
        predict(run, [])


def test_lines_come_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("\ufeffbir\r\niki üç\r\n".encode())
    assert read_lines(str(path)) == [(f"{path}:1", "bir"), (f"{path}:2", "iki üç")]


def test_an_empty_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("bir\n \niki\n")
    with pytest.raises(BadInput, match=r"x.txt:2: the line is empty"):
        read_lines(str(path))


def test_standard_input_is_read_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        ours.sendall("bir\niki üç\n".encode())
        ours.shutdown(socket.SHUT_WR)
        assert read_lines("-") == [("standard input:1", "bir"), ("standard input:2", "iki üç")]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="--input -: standard input is closed"):
        read_lines("-")


def test_texts_of_the_command_line_are_utf8_whatever_the_locale() -> None:
    # As Python reads them where the locale knows ASCII alone.
    assert read_words(["iki", "ü".encode().decode("ascii", "surrogateescape")]) == [("text 1", "iki"), ("text 2", "ü")]
    with pytest.raises(BadInput, match="text 2: not UTF-8: byte 0xe9"):
        read_words(["iki", os.fsdecode(b"caf\xe9")])


@pytest.mark.parametrize(("content", "message"), [(b"", "the file is empty"), (b"a\xff\n", "x.txt:1: not UTF-8")])
def test_a_file_that_is_no_text_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_lines(str(tmp_path / "x.txt"))


def test_an_input_file_that_is_missing_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^--input .*/x.txt: there is no such file"):
        read_lines(str(tmp_path / "x.txt"))


def test_the_plain_form_is_for_reading() -> None:
    tagged = {"input": ("a", "tree"), "output": ("DET", "NOUN")}
    assert format_plainly([tagged]) == "a     DET\ntree  NOUN\n"
    assert format_plainly([{"input": "good", "output": "positive", "probability": 0.75}]) == "positive  0.750  good"
    assert format_plainly([{"input": "good", "output": 7.25}]) == "7.25  good"
