"""The report of each task, and of files with everything in them that should be told."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tasks
from harness.data_report.examples import ELIDED, show_examples
from harness.data_report.report import look, measure_quantiles, summarise
from harness.options import defaults
from pipeline import record
from pipeline.example import Example
from pipeline.fields import Label, SourceText, Tags, TargetText, Text, Tokens
from run import main
from tests.harness import ROOT, small_options, small_task
from tests.pipeline.fields import tone, write
from tests.test_run import refused

HOSTILE = "<script>alert(1)</script>\x1b[31m"


# Their default data takes seconds to read or to make.
SLOW = ("rating", "speech", "translation")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in tasks.find()]
)
def test_every_task_has_a_report_that_json_holds(name: str) -> None:
    task = small_task(name)
    found = json.loads(record.dump(summarise(look(task, small_options(task).replace(data="small")))))
    assert found["task"] == name and found["examples"] == {"train": 12, "validation": 6, "test": 6}
    assert len(found["shown"]) == 6 and found["input"]["is"] and found["output"]["is"]
    # Of sound data only its size is told, and what so few examples cannot know.
    told = [one["text"] for one in found["warnings"] if one["weight"] != "LOST"]
    assert told == []


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of reviews with a fault of each kind; the last words and labels are HTML and ANSI sequences."""
    folder = tmp_path / "reviews"
    folder.mkdir()
    good = [(f"a {word} film number {n}", "ab"[n % 2]) for n, word in enumerate(["warm", "cold", "dull"] * 10)]
    odd = [("FINE  film", "a"), ("fine film", "b"), ("!?", "a"), ("שלום \u202e עולם 😀", "b"), (f"odd {HOSTILE}", "a")]
    tables = {
        "train": [*good, *odd, ("word " * 500, "a")],
        "dev": [("fine film", "b"), ("a warm play", "a")],
        "test": [("a warm film number 0", "a"), ("Fine film", "b"), ("what else", HOSTILE)],
    }
    for split, rows in tables.items():
        lines = ["text\tlabel", *("\t".join(row) for row in rows)]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_faults_are_told_the_worst_first_with_the_place_of_one(hostile: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["data", "sentiment", "--data", str(hostile), "--json"]) == 0
    warnings = [one["text"] for one in json.loads(capsys.readouterr().out)["warnings"]]
    expected = [
        "test: 2 of 3 inputs are in the training data too, 1 of them but for case or blanks (test.tsv:2)",
        "validation: 1 of 2 inputs are in the training data too (dev.tsv:2)",
        "test: 1 of 3 examples have labels that are not in the training data",
        "train: 1 of 36 inputs are there again with another label (train.tsv:33)",
        "inputs with no letter and no digit: 1 of 36 (train) (train.tsv:34)",
        "inputs with HTML markup: 1 of 36 (train) (train.tsv:36)",
        "inputs with control characters: 1 of 36 (train) (train.tsv:36)",
        "test: 3 examples only",
        "inputs longer than 400 words, which lose a part: 1 of 36 (train); the longest has 500 (train.tsv:37)",
    ]
    for text in expected:
        assert any(one.startswith(text) for one in warnings), (text, warnings)
    order = [next(n for n, one in enumerate(warnings) if one.startswith(text)) for text in expected]
    assert order[:3] == [0, 1, 2] and max(order[3:7]) < min(order[7:])


def test_what_is_in_the_data_is_shown_and_neither_obeyed_nor_executed(
    hostile: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    page = tmp_path / "page.html"
    assert main(["data", "sentiment", "--data", str(hostile), "--output", str(page)]) == 0
    shown, text = capsys.readouterr(), page.read_text(encoding="utf-8")
    for printed in (shown.out, shown.err, text):
        assert "\x1b" not in printed and "\u202e" not in printed
    assert r"\x1b[31m" in shown.out and r"\x1b[31m" in text and "<script" not in text and "&lt;script&gt;" in text
    # Nothing from outside, and three pictures inside.
    assert not re.search('(src|href)=(?!"data:)', text) and text.count("data:image/png;base64,") == 3


def test_training_says_the_three_worst_and_how_many_more_there_are(hostile: Path) -> None:
    from harness import data

    said: list[str] = []
    task = tasks.get("sentiment")
    data.prepare(task, defaults(task).replace(data=str(hostile)), said.append)
    assert said[:2] == ["read: 41 examples, 36 (train), 2 (validation), 3 (test)", "2 labels: a 19, b 17"]
    assert [one.split(":")[0] for one in said[2:5]] == ["test", "validation", "test"]
    assert re.fullmatch(r"and [5-9] more warnings: run.py data sentiment, with the same options, shows all", said[5])
    assert len(said) == 6


def test_no_keras_is_imported(hostile: Path, tmp_path: Path) -> None:
    words = ["data", "sentiment", "--data", str(hostile), "--output", str(tmp_path / "a.png")]
    program = f"import sys, run; run.main({words}); print(sorted({{'keras', 'jax', 'tensorflow'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "data: expected a TASK; known: adding"),
        (["sentimnt"], "unknown task 'sentimnt'. Did you mean 'sentiment'?"),
        (["pos", "--data", "/nowhere"], "--data /nowhere: there is no such path"),
        (["pos", "--output", "a.pdf"], "--output a.pdf: expected a name that ends with .html or .png"),
        (["pos", "--output", "/nowhere/a.png"], "--output /nowhere/a.png: there is no folder /nowhere"),
        (["pos", "--pooling", "max"], "--pooling: the task 'pos' has no such option"),
        (["pos", "--limit", "0"], "--limit 0: expected a whole number of at least 1"),
        (["novel", "--data", "music"], "--data music: there is no such path"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert refused(capsys, "data", *arguments).startswith(message)


def test_data_that_no_model_can_learn_from_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "\n".join(f"film {n},5" for n in range(30)) + "\n")
    assert "one number only, 5" in refused(capsys, "data", "rating", "--data", path)
    assert "one label only" in refused(capsys, "data", "sentiment", "--data", path)


def test_recordings_that_are_silent_or_missing_are_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = ["audio,text"]
    for n in range(12):
        write(tmp_path / f"{n}.wav", tone(0.5, seed=n) if n else np.zeros(4000))
        rows.append(f"{n}.wav,word {n}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    assert main(["data", "speech", "--data", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert any(one["text"].startswith("inputs with silence only: 1 of ") for one in found["warnings"])
    assert found["input"]["lengths"]["train"]["median"] == 48
    (tmp_path / "3.wav").write_bytes(b"")
    assert main(["data", "speech", "--data", str(tmp_path), "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("1 of 12 rows left out: no recording that can be read (line 5)" in one for one in notes)
    assert "3.wav" in refused(capsys, "data", "speech", "--data", tmp_path, "--strict")


def test_a_task_of_ones_own_with_a_field_of_its_own_has_a_report(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["new", "mine", "--parts", "--folder", str(tmp_path)]) == 0
    words = ["data", "mine", "--include", str(tmp_path / "mine.py"), "--output", str(tmp_path / "a.html")]
    assert main(words) == 0
    assert "warning" in capsys.readouterr().out and (tmp_path / "a.html").exists()


def test_quantiles_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).integers(1, 99, 50)
    found = measure_quantiles(values)
    assert found["median"] == np.median(values) and found["95%"] == np.percentile(values, 95)
    assert (found["shortest"], found["longest"], found["mean"]) == (values.min(), values.max(), values.mean())


def test_a_picture_without_a_byte_and_one_of_a_single_colour_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = ["image,caption"]
    for n in range(30):
        pixels = np.random.default_rng(n).integers(256, size=(16, 16, 3)).astype("uint8")
        Image.fromarray(pixels if n else pixels * 0).save(tmp_path / f"{n}.png")
        rows.append(f"{n}.png,a picture of kind {n % 3}")
    (tmp_path / "captions.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "7.png").write_bytes(b"")
    assert main(["data", "caption", "--data", str(tmp_path), "--json"]) == 0
    warnings = " ".join(one["text"] for one in json.loads(capsys.readouterr().out)["warnings"])
    assert "inputs with one colour only: 1 of " in warnings and "(captions.csv:2)" in warnings
    assert "inputs with files that cannot be read, which training refuses: 1 of " in warnings
    assert "(captions.csv:9)" in warnings


def test_a_transcript_that_does_not_belong_to_its_recording_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = ["audio,text"]
    for n in range(9):
        write(tmp_path / f"{n}.wav", tone(0.3, seed=n))
        rows.append(f"{n}.wav,{'a very long transcript of a short recording ' if n == 4 else 'word '}{n}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    assert main(["data", "speech", "--data", str(tmp_path), "--train-file", "metadata.csv", "--json"]) == 0
    warnings = " ".join(one["text"] for one in json.loads(capsys.readouterr().out)["warnings"])
    assert "an example that training refuses: the transcript" in warnings and "(metadata.csv:6)" in warnings


# Examples as the model is given them.


def fit_and_show(examples: list[Example], input_field, output_field):
    input_field.fit(one.input for one in examples)
    output_field.fit(one.output for one in examples)
    shown, refused = show_examples(examples, input_field, output_field)
    assert not refused
    return shown


def test_an_example_is_shown_padded_with_its_tokens_numbers_and_mask() -> None:
    texts = [Example("A warm film", "pos", "f:1"), Example("a film , a play .", "neg", "f:2")]
    first, second = fit_and_show(texts, Text(5, 9), Label())
    (steps,) = first.steps
    assert steps.numbers == ["1", "2", "3", "4", "5", "6"]
    # Three words are known, the most frequent.
    assert steps.rows["words, spelled"] == ["a", "<unknown>", "film", "<padding>", "<padding>", "<padding>"]
    assert steps.rows["words"] == ["2", "1", "3", "0", "0", "0"]
    assert steps.rows["mask"] == ["1", "1", "1", "0", "0", "0"]
    assert first.arrays == ["input: 3 of 6 steps are real, the others are padding", "output: 1 (pos)"]
    assert second.steps[0].rows["mask"] == ["1"] * 6 and second.arrays[1] == "output: 0 (neg)"


def test_tags_stand_below_their_tokens_and_padding_has_none() -> None:
    rows = [Example(("a", "b"), ("O", "B-X")), Example(("c", "d", "e"), ("B-X", "I-X", "O"))]
    first, _ = fit_and_show(rows, Tokens(9, 9), Tags(spans=True))
    (steps,) = first.steps
    assert steps.rows["output, spelled"] == ["O", "B-X", ""] and steps.rows["mask"] == ["1", "1", "0"]
    assert "characters: (3, 16) of int32, 0 to 3, the first axis is time" in first.arrays


def test_an_output_of_another_length_has_a_table_of_its_own_and_long_ones_are_shortened() -> None:
    rows = [Example("abcdefghijklmnop", "xy"), Example("ab", "x")]
    first, _ = fit_and_show(rows, SourceText(), TargetText())
    given, written = first.steps
    assert given.numbers == [*"12345678", ELIDED, "14", "15", "16"]
    assert "".join(given.rows["words, spelled"]) == f"abcdefgh{ELIDED}nop"
    assert written.rows["output, spelled"] == ["x", "y", "<end>"]


def test_at_most_ten_examples_are_shown_evenly_spaced() -> None:
    rows = [Example(f"text {n}", "ab"[n % 2], f"f:{n}") for n in range(101)]
    assert [one.origin for one in fit_and_show(rows, Text(99, 9), Label())] == [f"f:{n}" for n in range(0, 101, 11)]
