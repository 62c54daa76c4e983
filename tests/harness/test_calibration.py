"""Calibration of a run: what its validation split says, wherever a probability is given."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from harness.calibration import read_temperature
from harness.ensemble import combine
from harness.runs import model_file
from pipeline.calibration import expected_calibration_error, fit_temperature
from pipeline.errors import BadInput
from run import main
from tests.harness import open_run, read_record, small, small_splits, train_small


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small("sentiment") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"))


def compute_logits(directory: Path, split: str, *, raw: bool) -> np.ndarray:
    """Return a run's logits of a split. raw: those of the model as it was trained."""
    trained = open_run(directory)
    model = model_file.load(directory / "best.keras") if raw else trained.model
    batches = trained.experiment.encode(small_splits("sentiment")[split])
    found = {}
    for length, members, real in batches.plan():
        inputs, *_ = batches.draw(length, members, real)
        found |= zip(members[:real].tolist(), np.asarray(model.predict_on_batch(inputs)), strict=False)
    return np.stack([found[number] for number in range(len(found))])


def list_labels(directory: Path, split: str) -> np.ndarray:
    field = open_run(directory).experiment.output_field
    return np.array([field.encode(one.output)["output"] for one in small_splits("sentiment")[split]])


def test_the_temperature_is_that_of_the_validation_split(run: Path) -> None:
    expected = fit_temperature(compute_logits(run, "validation", raw=True), list_labels(run, "validation"))
    assert read_temperature(run) == pytest.approx(expected, rel=1e-3)
    assert read_temperature(run) != 1


def test_the_opened_model_gives_its_logits_divided_by_it(run: Path) -> None:
    raw, calibrated = (compute_logits(run, "test", raw=raw) for raw in (True, False))
    np.testing.assert_allclose(calibrated, raw / read_temperature(run), rtol=1e-4, atol=1e-6)


def test_training_evaluate_and_predict_give_the_same_calibrated_probabilities(
    run: Path, capsys: pytest.CaptureFixture
) -> None:
    likely = softmax(compute_logits(run, "test", raw=True) / read_temperature(run), axis=1)
    lines = [json.loads(line) for line in (run / "predictions" / "test.jsonl").read_text().splitlines()]
    np.testing.assert_allclose([line["probability"] for line in lines], likely.max(axis=1), atol=1e-5)
    expected = expected_calibration_error(likely.argmax(axis=1) == list_labels(run, "test"), likely.max(axis=1))
    scores = json.loads((run / "scores.json").read_text())["scores"]
    assert scores["calibration_error"] == pytest.approx(expected, abs=1e-5)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == pytest.approx(scores, abs=1e-5)
    text = small_splits("sentiment")["test"][0].input
    assert main(["predict", str(run), text, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["predictions"][0]
    assert answer["probability"] == pytest.approx(likely[0].max(), abs=1e-5)


def test_an_ensemble_averages_calibrated_probabilities(run: Path) -> None:
    members = [open_run(run), open_run(run)]
    together = combine(members)
    examples = small_splits("sentiment")["test"]
    found = together.scorer.measure(examples, members[0].experiment.encode(examples))
    likely = softmax(compute_logits(run, "test", raw=False), axis=1).max(axis=1)
    np.testing.assert_allclose([one.details["probability"] for one in found.answers], likely, atol=1e-5)
    assert "calibration_error" in found.scores


def test_a_run_whose_temperature_is_gone_is_refused(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "calibration.json").unlink()
    with pytest.raises(BadInput, match=r"calibration.json: the file is missing, and the run was calibrated; restore"):
        open_run(copy)


def test_a_run_without_a_temperature_answers_as_it_was_trained(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "calibration.json").unlink()
    # As that of a run of an earlier version.
    scores = read_record(copy / "scores.json")
    assert scores.pop("calibrated")
    (copy / "scores.json").write_text(json.dumps(scores))
    raw = compute_logits(copy, "test", raw=True)
    np.testing.assert_array_equal(compute_logits(copy, "test", raw=False), raw)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"temperature": 0, "examples": 6}', "expected a temperature between 0.05 and 20, got 0"),
        ('{"temperature": "warm", "examples": 6}', "temperature"),
        ("{", "calibration.json"),
    ],
)
def test_a_damaged_temperature_is_refused(run: Path, tmp_path: Path, content: str, message: str) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "calibration.json").write_text(content)
    with pytest.raises(BadInput, match=message):
        open_run(copy)
