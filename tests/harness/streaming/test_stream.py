import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

import harness
from harness.streaming.stream import ReadingStream, WritingStream, check_streams
from pipeline.errors import BadInput
from tests.harness import predict, small, train_small

READING = {
    "ner": {},
    "sentiment": {"pooling": "max+mean"},
    "rating": {"cell": "lstm"},
    "adding": {"cell": "lru", "layers": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def train(name: str, folder: Path, **changed: object) -> Path:
    with small(name) as task:
        return train_small(task, folder, epochs=1, **changed)


@pytest.fixture(scope="module")
def speech(folder: Path) -> Path:
    return train("speech", folder, bidirectional=False, feature_mean="running", beam=1)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Path:
    return train("ner", folder, bidirectional=False)


def read_inputs(run: Path) -> list:
    lines = (run / "predictions" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["input"] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
def test_each_token_is_answered_as_the_input_that_ends_there(name: str, tmp_path: Path) -> None:
    run = train(name, tmp_path, **{"bidirectional": False, **READING[name]})
    stream = harness.load(run).stream()
    assert isinstance(stream, ReadingStream)
    value = read_inputs(run)[0]
    tokens, rest = stream.field.cut(value if isinstance(value, str) else " ".join(value), False)
    assert rest == "" and len(tokens) >= 3
    blank = "" if stream.field.unit == "character" else " "
    answers = predict(run, [("x", blank.join(tokens[:last])) for last in range(1, len(tokens) + 1)])
    with stream:
        for token, whole in zip(tokens, answers, strict=True):
            found = stream.push(token)
            wanted = whole["output"][-1] if isinstance(whole["output"], tuple) else whole["output"]
            assert found["output"] == (pytest.approx(wanted, abs=1e-5) if isinstance(wanted, float) else wanted)
            assert found.get("probability") == pytest.approx(whole.get("probability"), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", [37, 800, 100_000])
def test_a_recording_that_comes_bit_by_bit_is_transcribed_as_the_whole(speech: Path, size: int) -> None:
    stream = harness.load(speech).stream()
    paths = read_inputs(speech)
    for path, whole in zip(paths, predict(speech, [(path, path) for path in paths]), strict=True):
        samples, rate = soundfile.read(path, dtype="float32")
        stream.reset(rate)
        found = [stream.push(samples[first : first + size]) for first in range(0, len(samples), size)]
        found.append(stream.finish())
        assert "".join(one["output"] for one in found).strip() == whole["output"]
    assert any(one["output"] for one in predict(speech, [(path, path) for path in paths]))


@pytest.mark.slow
@pytest.mark.parametrize("decoding", [{}, {"temperature": 1.0, "sampling_seed": 3}])
def test_a_generator_writes_symbol_by_symbol_what_it_writes_at_once(decoding: dict, tmp_path: Path) -> None:
    run = train("novel", tmp_path)
    stream = harness.load(run).stream(**decoding)
    assert isinstance(stream, WritingStream)
    prompts = read_inputs(run)[:3]
    whole = predict(run, [(one, one) for one in prompts], **decoding)
    for _ in range(2):
        with stream:
            found = ["".join(one["output"] for one in stream.push(prompt)) for prompt in prompts]
        assert found == [one["output"] for one in whole]
    with pytest.raises(BadInput, match="category"):
        stream.push("no such category")


def test_a_reset_and_the_end_of_the_block_forget(tagger: Path) -> None:
    stream = harness.load(tagger).stream()
    words = ("Paris", "met", "Mr", "Ford")
    first = [stream.push(word) for word in words]
    stream.reset()
    assert [stream.push(word) for word in words] == first
    with stream:
        stream.push("Ford")
    with stream:
        assert [stream.push(word) for word in words] == first
    assert stream.finish() is None


def test_tokens_are_any_text_and_no_memory_is_kept_of_them(tagger: Path) -> None:
    stream = harness.load(tagger).stream()
    for strange in ("\U0001f600", "שלום", "<script>", "\x1b[31m", "a" * 10_000):
        assert stream.push(strange)["output"] in stream.output_field.categories
    for wrong in (3, None, ("Paris",), np.zeros(3)):
        with pytest.raises(BadInput, match="expected the next token, a text"):
            stream.push(wrong)
    words = ("Paris", "met", "Mr", "Ford")
    for _ in range(200):
        stream.push("Paris")
    tracemalloc.start()
    for number in range(1000):
        stream.push(words[number % 4])
    before, _ = tracemalloc.get_traced_memory()
    for number in range(4000):
        stream.push(words[number % 4])
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000


@pytest.mark.slow
def test_samples_that_are_none_are_refused(speech: Path) -> None:
    stream = harness.load(speech).stream()
    for wrong in ("a.wav", np.zeros((3, 2)), np.array([np.nan]), np.array([3, -3], "int16")):
        with pytest.raises(BadInput, match="expected the next samples"):
            stream.push(wrong)
    # A recording of nothing has one frame of silence, as `predict` has it.
    assert stream.finish() is not None


CHANGES = [
    ("ner", {"bidirectional": True}, "in both directions; train with --no-bidirectional"),
    ("ner", {"bidirectional": False, "cell": "dnn"}, "the cell dnn has no state .* such as --cell gru"),
    (
        "ner",
        {"bidirectional": False, "tokenizer": "treebank"},
        "--tokenizer treebank divides whole sentences; give --tok",
    ),
    ("speech", {"bidirectional": False}, "the mean of the whole recording; train with --feature-mean running"),
    ("speech", {"bidirectional": False, "feature_mean": "running", "beam": 4}, "beam search .* give --beam 1"),
    (
        "speech",
        {"bidirectional": False, "feature_mean": "running", "language_model_weight": 0.5},
        "a beam search .* give --language-model-weight 0$",
    ),
    ("translation", {}, "a model of the task 'translation' reads all of its input first"),
    ("caption", {}, "a model of the task 'caption' reads all of its input first"),
]


@pytest.mark.parametrize("name, changes, message", CHANGES)
def test_a_run_that_needs_the_whole_input_is_refused_with_the_reason(name: str, changes: dict, message: str) -> None:
    import tasks
    from harness.experiment import Experiment
    from harness.options import defaults

    task = tasks.get(name)
    options = defaults(task).replace(**changes)
    run = Experiment(task, options, Path("runs/x"), task.input(options), task.output(options), fingerprint="")
    with pytest.raises(BadInput, match=f"^--stream: runs/x cannot answer before its input has ended: .*{message}"):
        check_streams(run)


def test_a_run_without_a_model_yet_is_refused(tagger: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(tagger, tmp_path / "copy"))
    (copy / "best.keras").unlink()
    with pytest.raises(BadInput, match="no trained model yet"):
        harness.load(copy).stream()
