"""A run goes out as a folder, and the program in it answers as `predict` does."""

import json
import subprocess
import sys

import numpy as np
import pytest

from harness.export import formats
from harness.export.export import export
from harness.export.request import Request
from harness.inputs import parse
from harness.options import override
from harness.predict import predict as predict_inputs
from harness.runs.restored import read_run
from harness.runs.trained import open_model
from harness.selection import select
from pipeline.errors import BadInput
from tests.harness import as_typed, read_bytes, small, train_small

ONNX = [pytest.mark.needs(package) for package in ("tf2onnx", "onnxruntime")]


def write(run, output, name="onnx", decoding=None, **asked):
    """Export a run; return the summary and the experiment. The data is that of `small`."""
    experiment = override(read_run(run), decoding or {})
    examples = select(experiment, None, "validation").examples
    return export(experiment, examples, Request(formats.get(name), output, **asked), decoding or {}), experiment


def ask_program(folder, texts):
    """Return what predict.py prints for typed texts."""
    done = subprocess.run(
        [sys.executable, folder / "predict.py", *texts], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask_run(experiment, texts):
    """Return what `run.py predict` answers, as JSON has it."""
    asked = parse(experiment, [(f"text {number}", text) for number, text in enumerate(texts, 1)])
    answers = predict_inputs(open_model(experiment), asked)
    return [{name: one[name] for name in one if name in ("output", "probability")} for one in answers]


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, json.loads(json.dumps(wanted)), strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            assert one[name] == (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value)


@pytest.mark.slow
@pytest.mark.needs("tf2onnx")
@pytest.mark.needs("onnxruntime")
@pytest.mark.parametrize(
    "name, trained, decoding",
    [
        ("sentiment", {"cell": "lstm"}, {}),
        ("ner", {"cell": "gru", "decoder": "crf", "word_features": True, "character_ngrams": 3}, {}),
        ("rating", {"cell": "mingru", "pooling": "last"}, {}),
        ("adding", {"cell": "lru"}, {}),
        ("translation", {"cell": "gru", "attention": "bahdanau", "unit": "word"}, {}),
        ("caption", {"cell": "simple"}, {"beam": 2}),
        ("novel", {"cell": "simple", "temperature": None}, {}),
        ("novel", {"cell": "lstm"}, {"temperature": 0.7, "top_k": 5}),
        ("speech", {"cell": "lstm"}, {}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_exported_run_answers_typed_texts_as_predict_does(name, trained, decoding, tmp_path):
    with small(name) as task:
        run = train_small(task, tmp_path / "runs", epochs=2, **trained)
        (run / "README.md").write_text("# A model card\n", encoding="utf-8")
        summary, experiment = write(run, tmp_path / "out", decoding=decoding)
        texts = [as_typed(one.input, tmp_path) for one in select(experiment, None, "validation").examples[:4]]
        wanted = ask_run(experiment, texts)
    folder = tmp_path / "out"
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.onnx", "predict.py", "vocabulary.json", "README.md", "MODEL_CARD.md"}
    assert summary["largest_difference"] < 1e-4
    timed = any(array.timed for array in experiment.input_field.arrays.values())
    lengths = summary["checked_lengths"]
    assert len(lengths) >= min(5, lengths[-1]) if timed else lengths == []
    assert_same(ask_program(folder, texts), wanted)


@pytest.fixture(scope="module")
def pos(tmp_path_factory):
    with small("pos") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), cell="gru", epochs=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, asked",
    [
        pytest.param("litert", {}, marks=pytest.mark.needs("ai_edge_litert")),
        pytest.param("litert", {"length": 40, "int8": True}, marks=pytest.mark.needs("ai_edge_litert")),
        ("saved_model", {}),
        pytest.param("openvino", {}, marks=pytest.mark.needs("openvino")),
        pytest.param("onnx", {"int8": True}, marks=ONNX),
    ],
)
def test_every_format_answers_as_the_run_does(name, asked, pos, tmp_path):
    summary, experiment = write(pos, tmp_path / "out", name, **asked)
    assert ask_program(tmp_path / "out", [" "]) == [{"output": None}]
    texts = ["bir iki üç", "dört", "<b>İstanbul'da</b> \U0001f600 שלום"]
    if not asked.get("int8"):
        assert_same(ask_program(tmp_path / "out", texts), ask_run(experiment, texts))
    else:
        lengths = [len(experiment.input_field.parse(text)) for text in texts]
        assert [len(one["output"]) for one in ask_program(tmp_path / "out", texts)] == lengths
        quantized = summary["quantized"]
        assert summary["megabytes"] < 0.6 * quantized["megabytes_before"]
        assert quantized["scores"].keys() == quantized["before"].keys() == {"accuracy"}
    assert summary["largest_difference"] < 1e-4


@pytest.mark.slow
def test_a_keras_file_gives_the_logits_of_the_run(pos, tmp_path):
    import keras

    _, experiment = write(pos, tmp_path / "out", "keras")
    saved = keras.models.load_model(tmp_path / "out" / "model.keras")
    encoded = experiment.input_field.encode(("bir", "iki"))
    given = {name: array[None] for name, array in encoded.items()} | {"mask": np.ones((1, 2), bool)}
    wanted = open_model(experiment).model.predict_on_batch(given)
    np.testing.assert_allclose(saved.predict_on_batch(given), wanted, atol=1e-6)
    assert not (tmp_path / "out" / "predict.py").exists()


def test_a_model_that_answers_otherwise_is_not_written(pos, tmp_path, monkeypatch):
    import dataclasses

    from harness.export import keras_file

    class Off(keras_file.Logits):
        def predict_on_batch(self, inputs):
            found = super().predict_on_batch(inputs)
            return {"logits": np.asarray(found["logits"]) + 2e-4}

    wrong = dataclasses.replace(
        keras_file.FORMAT, open=lambda path, subject: Off(keras_file.open_file(path, subject).model)
    )
    monkeypatch.setitem(formats.FORMATS, "keras", wrong)
    before = read_bytes(pos)
    with pytest.raises(BadInput, match=r"not answer as the run does: .*steps, .*: logits\[0, 0\] is .*nothing was"):
        write(pos, tmp_path / "out", "keras")
    assert not (tmp_path / "out").exists() and not any(tmp_path.iterdir())
    assert read_bytes(pos) == before


def test_a_run_without_a_model_is_one_message(pos, tmp_path):
    import shutil

    copied = tmp_path / "pos" / "copied"
    shutil.copytree(pos, copied)
    (copied / "best.keras").unlink()
    with pytest.raises(BadInput, match="no trained model yet"):
        write(copied, tmp_path / "out", "keras")
    assert not (tmp_path / "out").exists()


def test_a_length_that_no_input_has_is_refused(pos, tmp_path):
    with pytest.raises(BadInput, match=r"--length 1: all inputs of the validation split are longer"):
        write(pos, tmp_path / "out", "keras", length=1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], r"expected --format \(onnx, litert, saved_model, keras, openvino\) and --output"),
        (["--format", "keras"], "expected --format"),
        (["--format", "onxx", "--output", "OUT"], r"'onxx'.*onnx"),
        (
            ["--format", "keras", "--output", "OUT", "--quantize", "int8"],
            "--quantize int8: for --format onnx",
        ),
        (["--format", "keras", "--output", "OUT", "--length", "9"], "--length 9: Keras takes inputs of any length"),
        (["--format", "keras", "--output", "FULL"], "there is something in that folder"),
        (["--format", "keras", "--output", "FILE"], "there is a file of that name"),
        (["--format", "keras", "--output", "OUT", "--quantize", "int4"], "int4"),
        (["--format", "keras", "--output", "OUT", "--cell", "gru"], "--cell: the run was trained with its own"),
        (["--format", "keras", "--output", "OUT", "--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_is_wrong_is_said_before_keras_starts(arguments, message, pos, tmp_path, capsys):
    import run

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "file").touch()
    places = {"OUT": tmp_path / "out", "FULL": tmp_path / "full", "FILE": tmp_path / "file"}
    words = [str(places.get(word, word)) for word in arguments]
    assert run.main(["export", str(pos), *words]) == 2
    import re

    found = capsys.readouterr().err
    assert re.search(message, found) and "Traceback" not in found
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda package: None)
    with pytest.raises(BadInput, match=r"onnx, tf2onnx, onnxruntime .*pip install -r requirements-export.txt"):
        formats.get("onnx")
