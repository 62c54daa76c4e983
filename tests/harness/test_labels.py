"""Runs with several labels per text: what each command makes of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from harness.calibration import read_temperature
from harness.ensemble import combine
from harness.runs import model_file
from pipeline.calibration import expected_calibration_error, fit_temperature
from run import main
from tests.harness import evaluate, open_run, small, small_options, small_splits, train_small
from tests.harness import train as train_run

CHANGED = {"epochs": 2, "ngrams": 1, "ngram_buckets": 500, "class_weights": "balanced", "focal": 1.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small("labels") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), **CHANGED)


@pytest.fixture(scope="module")
def logits(run: Path) -> dict[str, np.ndarray]:
    """Those of the model as it was trained, (examples, labels), of validation and test."""
    experiment, model = open_run(run).experiment, model_file.load(run / "best.keras")
    found = {}
    for split in ("validation", "test"):
        batches = experiment.encode(small_splits("labels")[split])
        rows = {}
        for length, members, real in batches.plan():
            inputs, *_ = batches.draw(length, members, real)
            rows |= zip(members[:real].tolist(), np.asarray(model.predict_on_batch(inputs)), strict=False)
        found[split] = np.stack([rows[number] for number in range(len(rows))])
    return found


def list_truths(run: Path, split: str) -> np.ndarray:
    field = open_run(run).experiment.output_field
    return np.stack([field.encode(one.output)["output"] for one in small_splits("labels")[split]])


def test_one_temperature_is_fitted_to_all_choices_of_a_label(run: Path, logits: dict[str, np.ndarray]) -> None:
    each = logits["validation"].reshape(-1)
    expected = fit_temperature(np.stack([0 * each, each], axis=1), list_truths(run, "validation").reshape(-1))
    assert read_temperature(run) == pytest.approx(expected, rel=1e-3)


def test_answers_are_what_is_likely_enough_and_the_scores_say_it(run: Path, logits: dict[str, np.ndarray]) -> None:
    likely, truths = expit(logits["test"] / read_temperature(run)), list_truths(run, "test")
    names = open_run(run).experiment.output_field.categories
    lines = [json.loads(line) for line in (run / "predictions" / "test.jsonl").read_text().splitlines()]
    for line, row in zip(lines, likely, strict=True):
        assert line["prediction"] == [name for name, share in zip(names, row, strict=True) if share >= 0.5]
    found = evaluate(run)["scores"]
    error = expected_calibration_error(truths.reshape(-1), likely.reshape(-1))
    assert found["calibration_error"] == pytest.approx(error, abs=1e-4)
    low = evaluate(run, threshold=0.0001)["scores"]
    hits = truths.sum()
    assert low["micro_f1"] == pytest.approx(2 * hits / (hits + truths.size))


def test_predict_shows_the_probability_of_each_label(
    run: Path, logits: dict[str, np.ndarray], capsys: pytest.CaptureFixture
) -> None:
    text = small_splits("labels")["test"][0].input
    expected = expit(logits["test"][0] / read_temperature(run))
    assert main(["predict", str(run), text, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["predictions"][0]
    assert list(answer["probabilities"].values()) == pytest.approx(expected, abs=1e-4)
    assert main(["predict", str(run), text, "--threshold", "0.9999"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"(none)  {text}" and f"{expected.max():.3f}" in second
    assert main(["predict", str(run), text, "--threshold", "1"]) == 2
    assert "--threshold 1.0: expected a number between 0.0001 and 0.9999" in capsys.readouterr().err


def test_an_ensemble_averages_the_probabilities_of_each_label(run: Path, tmp_path: Path) -> None:
    with small("labels") as task:
        other = Path(train_run(task, small_options(task, **CHANGED, seed=1), tmp_path)["run"])
    members = [open_run(run), open_run(other)]
    batches = members[0].experiment.encode(small_splits("labels")["test"])
    inputs, *_ = batches.draw(*batches.plan()[0])
    alone = [expit(np.asarray(member.model.predict_on_batch(inputs))) for member in members]
    together = combine(members)
    assert expit(np.asarray(together.model.predict_on_batch(inputs))) == pytest.approx(np.mean(alone, axis=0), abs=1e-5)
    assert np.asarray(together.decoder.predict_on_batch(inputs)["output"]) == pytest.approx(
        np.mean(alone, axis=0), abs=1e-5
    )


def test_its_labels_are_inspected_each_by_its_logit(run: Path, capsys: pytest.CaptureFixture) -> None:
    text, page = small_splits("labels")["test"][0].input, run.parent / "inspection.html"
    assert main(["inspect", str(run), text, "--answer", "date, person", "--output", str(page), "--json"]) == 0
    capsys.readouterr()
    assert page.exists()
    assert main(["inspect", str(run), text, "--answer", "dates", "--output", str(page)]) == 2
    assert "'dates': not in the training data" in capsys.readouterr().err


def test_a_stream_gives_the_labels_so_far_and_at_the_end_those_of_predict(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with small("labels") as task:
        run = train_small(task, tmp_path, epochs=1, bidirectional=False, pooling="mean")
    text = small_splits("labels")["test"][0].input
    words = open_run(run).experiment.input_field.divide(text)
    assert main(["predict", str(run), text, "--stream", "--threshold", "0.4"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert main(["predict", str(run), text, "--threshold", "0.4"]) == 0
    whole = capsys.readouterr().out.splitlines()[0].removesuffix(f"  {text}")
    assert len(lines) == len(words) and lines[-1].split("  ")[0] == whole
