import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.inputs import Input, read_file, read_words, take_tokenized
from harness.predict import format_plainly
from harness.predict import predict as predict_inputs
from harness.runs.restored import read_run
from harness.runs.trained import open_model
from pipeline.errors import BadInput
from tests.harness import predict, small, train_small

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


def test_a_sentence_of_ten_thousand_tokens_is_read_in_windows(run: Path, capsys: pytest.CaptureFixture) -> None:
    long, short = predict(run, [("text 1", "bir iki " * 5_000), ("text 2", "bir")])
    assert len(long["input"]) == len(long["output"]) == 10_000
    assert len(short["output"]) == 1
    assert "1 of 2 sentences are longer than --max-length 1,000 and are read in 13 windows" in capsys.readouterr().err


def test_nothing_to_predict_is_a_mistake(run: Path) -> None:
    with pytest.raises(BadInput, match="nothing to predict: give TEXT"):
        predict(run, [])


def test_lines_come_with_their_numbers(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("\ufeffbir\r\niki üç\r\n".encode())
    assert read_file(read_run(run), str(path), {}) == [
        Input(f"{path}:1", ("bir",)),
        Input(f"{path}:2", ("iki", "üç")),
    ]


def test_what_is_empty_is_answered_by_nothing_in_its_place(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("bir\n \niki üç\n")
    stored = read_run(run)
    inputs = read_file(stored, str(path), {})
    assert [one.value for one in inputs] == [("bir",), None, ("iki", "üç")]
    assert "1 of 3 lines are empty" in capsys.readouterr().err
    trained = open_model(stored)
    whole = predict_inputs(trained, [inputs[0], inputs[2]])
    assert predict_inputs(trained, inputs) == [whole[0], {"input": None, "output": None}, whole[1]]
    with pytest.raises(BadInput, match=r"x.txt:2: the line is empty"):
        read_file(stored, str(path), {"strict": True})


def test_a_table_or_corpus_is_read_as_for_training(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.conllu"
    lines = ["# text = bir iki", *(f"{place}\t{word}" + 8 * "\t_" for place, word in ((1, "bir"), (2, "iki")))]
    path.write_text("\n".join([*lines, "", "1\tüç" + 8 * "\t_", ""]))
    inputs = read_file(read_run(run), str(path), {})
    assert [one.value for one in inputs] == [("bir", "iki"), ("üç",)]
    assert inputs[0].origin == f"{path}:2"


def test_texts_that_are_tokenized_are_divided_at_blanks_alone(run: Path) -> None:
    stored = read_run(run)
    assert stored.input_field.parse("iki, üç") == ("iki", ",", "üç")
    assert take_tokenized(stored).input_field.parse("iki, üç") == ("iki,", "üç")


def test_standard_input_is_read_whatever_it_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = read_run(run)
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        ours.sendall("bir\niki üç\n".encode())
        ours.shutdown(socket.SHUT_WR)
        assert read_file(stored, "-", {}) == [
            Input("standard input:1", ("bir",)),
            Input("standard input:2", ("iki", "üç")),
        ]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="--input -: standard input is closed"):
        read_file(stored, "-", {})


def test_texts_of_the_command_line_are_utf8_whatever_the_locale() -> None:
    # As Python reads them where the locale knows ASCII alone.
    assert read_words(["iki", "ü".encode().decode("ascii", "surrogateescape")]) == [("text 1", "iki"), ("text 2", "ü")]
    with pytest.raises(BadInput, match="text 2: not UTF-8: byte 0xe9"):
        read_words(["iki", os.fsdecode(b"caf\xe9")])


@pytest.mark.parametrize(("content", "message"), [(b"", "the file is empty"), (b"a\xff\n", "x.txt:1: not UTF-8")])
def test_a_file_that_is_no_text_is_refused(content: bytes, message: str, run: Path, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_file(read_run(run), str(tmp_path / "x.txt"), {})


def test_an_input_file_that_is_missing_is_named_with_its_option(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^--input .*/x.txt: there is no such file"):
        read_file(read_run(run), str(tmp_path / "x.txt"), {})


def test_the_plain_form_is_for_reading() -> None:
    tagged = {"input": ("a", "tree"), "output": ("DET", "NOUN")}
    assert format_plainly([tagged]) == "a     DET\ntree  NOUN\n"
    assert format_plainly([{"input": "good", "output": "positive", "probability": 0.75}]) == "positive  0.750  good"
    words = {"input": "k2 v7 k2.", "output": (".", ".", "v7", ".")}
    assert format_plainly([words], lambda text: text.replace(".", " .").split()) == "k2  .\nv7  .\nk2  v7\n.   .\n"
    assert format_plainly([{"input": "good", "output": 7.25}]) == "7.25  good"
