import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.evaluate import measure_loss
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.fields import Array
from tasks.task import Source
from tests.harness import evaluate, open_run, read_bytes, read_record, small, small_splits, train_small

NAME = "pos"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small(NAME) as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1)


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def test_a_split_is_scored_and_its_answers_are_written(run: Path) -> None:
    summary = evaluate(run, split="validation")
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert summary["scores"] == {"accuracy": last["validation_accuracy"], "loss": last["validation_loss"]}
    assert (summary["data"], summary["split"], summary["examples"]) == ("small", "validation", 6)
    lines = (run / "predictions" / "validation.jsonl").read_text().splitlines()
    assert [json.loads(line)["origin"] for line in lines] == [one.origin for one in small_splits(NAME)["validation"]]


def test_a_run_that_cannot_be_written_to_is_scored(run: Path, capsys: pytest.CaptureFixture) -> None:
    shutil.rmtree(run / "predictions")
    (run / "predictions").write_text("a file")
    assert 0 <= evaluate(run)["scores"]["accuracy"] <= 1
    assert f"{run / 'predictions' / 'test.jsonl'}: the answers cannot be written there: " in capsys.readouterr().err


def test_other_data_is_scored_and_the_run_is_kept(run: Path, tmp_path: Path) -> None:
    files = tmp_path / "data"
    files.mkdir()
    for split, examples in small_splits(NAME).items():
        sentences = ("\n".join(map("\t".join, zip(one.input, one.output, strict=True))) for one in examples)
        (files / f"{split}.tsv").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    before = read_bytes(run)
    summary, own = evaluate(run, str(files)), evaluate(run, "small")
    assert summary["scores"] == own["scores"]
    assert (summary["data"], summary["examples"]) == (str(files), 6)
    assert read_bytes(run) == before


def test_of_other_data_it_is_said_how_much_the_run_has_learned(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    own, path = small_splits(NAME), tmp_path / "other.tsv"
    for examples, said in (([*own["test"], *own["train"][:2]], True), (own["test"], False)):
        sentences = ("\n".join(map("\t".join, zip(one.input, one.output, strict=True))) for one in examples)
        path.write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
        capsys.readouterr()
        evaluate(run, str(path))
        told = f"all: the run has learned 2 of {len(examples)} inputs; what it scores on them says nothing of others"
        assert (told in capsys.readouterr().err) == said


def test_data_that_changed_since_training_is_not_taken_for_the_same(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    task = open_run(run).experiment.task
    changed = {**small_splits(NAME), "train": small_splits(NAME)["test"]}
    other = dataclasses.replace(task, sources={"small": Source("", "", lambda _: changed)})
    monkeypatch.setattr("tasks.get", lambda *_: other)
    with pytest.raises(BadInput, match="data small has changed since training.*--data small"):
        evaluate(run)
    assert evaluate(run, "small")["examples"] == 6
    assert "test: the run may have learned some of this; its own data is not there as it was" in capsys.readouterr().err


def test_a_source_of_the_task_does_not_take_the_columns_of_the_runs_own_file(run: Path) -> None:
    config = read_record(run / "config.json")
    config["options"] |= {"text_column": "1", "label_column": "2"}
    (run / "config.json").write_text(json.dumps(config))
    assert evaluate(run, "small")["examples"] == 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("best.keras", None, "no trained model yet"),
        ("best.keras", b"PK\x03\x04 cut short", "best.keras: the model cannot be loaded"),
        ("best.keras", b"", "best.keras: the model cannot be loaded"),
        ("config.json", None, "no config.json there"),
        ("config.json", b"{", "config.json:1: the file is damaged"),
        ("fields/input.json", None, "input.json: the file is missing"),
        ("fields/input.json", b'{"type": "Tokens"', "input.json:1: the file is damaged"),
        ("fields/output.json", b"\xff\xfe", "output.json: the file is damaged"),
    ],
)
def test_a_damaged_or_missing_file_is_named(name: str, content: bytes | None, message: str, run: Path) -> None:
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content)
    before = read_bytes(run)
    with pytest.raises(BadInput, match=message) as caught:
        evaluate(run)
    assert str(run) in str(caught.value)
    assert read_bytes(run) == before


@pytest.mark.parametrize("change", [{"units": "8"}, {"batch": 0}, {"colour": 1}, {"precision": 7}])
def test_damaged_options_are_refused(change: dict, run: Path) -> None:
    config = read_record(run / "config.json")
    config["options"] |= change
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match=r"config.json: .*(option|--batch-size)"):
        open_run(run)


def test_a_task_file_that_moved_is_asked_for(run: Path) -> None:
    config = read_record(run / "config.json")
    config["include"] = {"/nowhere/mine.py": None}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="its task file /nowhere/mine.py is not there; say with --include FILE"):
        open_run(run)


def test_the_loss_does_not_depend_on_the_batches(run: Path) -> None:
    opened = open_run(run)
    batches = opened.experiment.encode(small_splits(NAME)["test"])
    inputs, outputs, arrays = batches.inputs, batches.outputs, batches.input_arrays
    # Independent of Keras' losses: minus the logarithm of the right tag's softmax, averaged over all tokens.
    total = []
    for given, wanted in zip(inputs, outputs, strict=True):
        one = Batches([given], arrays, 1)
        logits = np.asarray(opened.model.predict_on_batch(one.draw(*one.plan()[0])[0]))[0].astype("float64")
        tags = wanted["output"]
        chosen = logits[np.arange(len(tags)), tags]
        total += list(np.log(np.exp(logits[: len(tags)]).sum(axis=1)) - chosen)
    for size in (4, 5):
        sized = Batches(inputs, arrays, size, outputs, batches.output_arrays)
        assert measure_loss(opened.model, sized) == pytest.approx(np.mean(total), abs=1e-5)


def test_tokens_are_counted_without_padding() -> None:
    arrays = {"words": Array((None,), "int32", 9)}
    inputs = [{"words": np.ones(length, "int32")} for length in (3, 5, 2)]
    assert Batches(inputs, arrays, 2).count_tokens() == 10
