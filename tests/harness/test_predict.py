import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import inputs
from harness import predict as predictions
from harness.evaluate import Answers, answer
from harness.inputs import Input, read_file, read_words, take_tokenized
from harness.predict import format_plainly
from harness.predict import predict as predict_inputs
from harness.runs.restored import read_run
from harness.runs.trained import open_model
from pipeline.errors import BadInput
from pipeline.readers.tabular import tables
from pipeline.record import dump
from run import main
from tests.harness import ROOT, linux, predict, small, train_small

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


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more than a few bytes are read line by line, and three inputs at a time."""
    monkeypatch.setattr(inputs, "PART", 3)
    monkeypatch.setattr(inputs, "LARGE_TO_ANSWER", 8)
    monkeypatch.setattr(tables, "LARGE_TO_ANSWER", 8)


TEXTS = ["bir iki üç", "bir", "", "üç iki dört bir", "iki", "dört dört", "bir bir bir bir bir", "", "", "üç"]


def write_texts(folder: Path, kind: str) -> Path:
    path = folder / f"texts.{kind}"
    if kind == "jsonl":
        rows = [{"tokens": text.split(), "tags": ["NOUN"] * len(text.split())} for text in TEXTS if text]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        path.write_text("".join(f"{text}\n" for text in TEXTS))
    return path


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
@pytest.mark.parametrize("output", ["answers.txt", "answers.json", "answers.jsonl", "answers.csv"])
def test_inputs_that_are_read_in_parts_have_the_same_answers(
    kind: str, output: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path, written = write_texts(tmp_path, kind), []
    for _ in range(2):
        arguments = ["predict", str(run), "--input", str(path), "--output", str(tmp_path / output)]
        assert main([*arguments, *["--json"] * output.endswith("json")]) == 0
        written.append((tmp_path / output).read_text())
        request.getfixturevalue("parts")
    if output.endswith("txt"):
        assert written[0] == written[1]
    else:
        # Numbers of other batches may differ in their last digits.
        assert re.sub(r"\d\.\d+", "", written[0]) == re.sub(r"\d\.\d+", "", written[1])
    count = len(TEXTS) if kind == "txt" else len([text for text in TEXTS if text])
    if output.endswith("json"):
        content = json.loads(written[1])
        assert written[0] == dump(json.loads(written[0]), indent=1) + "\n"
        assert content["run"] == str(run) and len(content["predictions"]) == count
    elif output.endswith("jsonl"):
        assert [json.loads(line)["input"] for line in written[1].splitlines()] == [
            text.split() or None for text in TEXTS if text or kind == "txt"
        ]
    elif output.endswith("csv"):
        rows = list(csv.DictReader(io.StringIO(written[1])))
        assert [row["input"] for row in rows] == [text for text in TEXTS if text or kind == "txt"]
        assert [len(row["output"].split()) for row in rows] == [len(row["input"].split()) for row in rows]


def test_standard_input_is_read_in_parts_too(
    run: Path, parts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(TEXTS).encode())))
    found = list(inputs.read_parts(read_run(run), "-", {}))
    assert [len(part) for part in found] == [3, 3, 3, 1]
    assert [one.value for part in found for one in part] == [tuple(text.split()) or None for text in TEXTS]
    assert found[1][0].origin == "standard input:4"


@pytest.mark.parametrize(
    ("content", "reading", "message"),
    [
        (b"bir\n\xff\nbir\n", {}, r"texts.txt:2: not UTF-8"),
        (b"bir\n\niki uc\n", {"strict": True}, r"texts.txt:2: the line is empty"),
        (b"bir\rbir\niki uc\n", {}, r"texts.txt:1: a carriage return inside the line"),
    ],
)
def test_what_is_wrong_with_a_large_file_is_told_with_its_line(
    content: bytes, reading: dict, message: str, run: Path, parts: None, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        list(inputs.read_parts(read_run(run), str(tmp_path / "texts.txt"), reading))


def test_a_failed_prediction_leaves_no_file(
    run: Path, parts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts.txt").write_text("bir\n" * 7)
    calls = []

    def fail_later(*arguments: Any, **named: Any) -> Answers:
        calls.append(arguments)
        if len(calls) == 2:
            raise BadInput("the second part")
        return answer(*arguments, **named)

    monkeypatch.setattr(predictions, "answer", fail_later)
    assert main(["predict", str(run), "--input", str(tmp_path / "texts.txt"), "--output", str(tmp_path / "o.txt")]) == 2
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]


MANY = """
import sys
sys.path.insert(0, ".")
from run import main
from harness.process.cost import peak_ram_megabytes
code = main(sys.argv[1:])
print(code, peak_ram_megabytes())
"""


@linux
@pytest.mark.slow
def test_ten_times_the_lines_take_no_more_memory(run: Path, tmp_path: Path) -> None:
    peaks = []
    for count in (30_000, 300_000):
        path = tmp_path / f"{count}.txt"
        path.write_text("bir iki\nüç\n" * (count // 2))
        command = [sys.executable, "-c", MANY, "predict", str(run), "--input", str(path), "--output", f"{path}.jsonl"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        code, peak = map(int, done.stdout.split()[-2:])
        assert code == 0, done.stderr
        assert Path(f"{path}.jsonl").read_bytes().count(b"\n") == count
        peaks.append(peak)
    # In memory, 270,000 answers would take 200 MB and more.
    assert peaks[1] < peaks[0] + 60
