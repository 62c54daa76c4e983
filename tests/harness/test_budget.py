"""How long a run is trained: by steps, by passes over little data, and until the score stops rising."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness import runs
from harness.evaluate import Scored, Scorer
from harness.options import choose, defaults
from harness.training.learning_rate import make_rate
from harness.training.optimizer import make_optimizer
from harness.training.schedule import keeps_last, plan_epochs
from tasks import get
from tests.harness import assert_same_run, read_metrics, small, small_options, train

PLAIN = defaults(get("pos")).replace(steps=2000)


@pytest.mark.parametrize(
    ("steps", "options", "epochs", "passes"),
    [
        # As many epochs as make up the steps, two at least.
        (100, {}, 20, 1),
        (5000, {}, 2, 1),
        # Little data: no more epochs, but longer ones.
        (1, {}, 30, 67),
        (20, {}, 25, 4),
        (1, {"passes": 1}, 30, 1),
        (1, {"steps": 20}, 20, 1),
        # What is asked for is done.
        (1, {"epochs": 7}, 7, 1),
        (1, {"epochs": 7, "passes": 3}, 7, 3),
        (1, {"epochs": 7, "budget": "best"}, 7, 1),
        (100, {"budget": "best"}, 200, 1),
        (1, {"budget": "best"}, 299, 67),
        (5000, {"budget": "best"}, 6, 1),
    ],
)
def test_steps_are_made_up_by_epochs_and_those_of_little_data_by_passes(
    steps: int, options: dict[str, Any], epochs: int, passes: int
) -> None:
    schedule = plan_epochs(PLAIN.replace(**options), steps)
    assert (schedule.epochs, schedule.passes, schedule.steps) == (epochs, passes, steps * passes)


@pytest.mark.parametrize(
    ("options", "answers", "last"),
    [
        ({}, 19, True),
        ({}, 20, False),
        ({"budget": "best"}, 1, False),
        ({"keep_epoch": "best"}, 1, False),
        ({"keep_epoch": "last"}, 1000, True),
        ({"keep_epoch": "last", "budget": "best"}, 1000, True),
    ],
)
def test_the_last_epoch_is_kept_where_few_answers_validate(options: dict[str, Any], answers: int, last: bool) -> None:
    assert keeps_last(PLAIN.replace(**options), answers) == last


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("sentiment", {}, "choosing an epoch: the last one is kept, and no probability is calibrated"),
        ("sentiment", {"budget": "best"}, "probabilities: none is calibrated"),
        ("sentiment", {"keep_epoch": "best"}, None),
        # Six sentences have more tags than that.
        ("pos", {}, None),
        ("pos", {"keep_epoch": "last"}, None),
    ],
)
def test_few_answers_choose_no_epoch_and_no_temperature(
    name: str, options: dict[str, str], told: str | None, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with small(name) as task, pytest.MonkeyPatch.context() as patch:
        # The first epoch is the best.
        scores = iter(range(9, 0, -1))
        measure = Scorer.measure

        def fall(self: Scorer, *given: Any, **more: Any) -> Scored:
            found = measure(self, *given, **more)
            return dataclasses.replace(found, scores={**found.scores, "accuracy": float(next(scores))})

        patch.setattr(Scorer, "measure", fall)
        summary = train(task, small_options(task, epochs=4, patience=3, **{"keep_epoch": "auto", **options}), tmp_path)
    last = options == {"keep_epoch": "last"} or bool(told and "last" in told)
    assert (summary["best_epoch"], summary["epochs"]) == ((4, 4) if last else (1, 4))
    assert summary.get("keeps_last", False) == last
    assert (Path(summary["run"]) / "calibration.json").exists() == (name == "sentiment" and not told)
    said = capsys.readouterr().err
    assert f"too few answers to validate by (6) for {told}" in said if told else "too few answers" not in said
    assert ("(best)" in said) != last


def test_with_the_best_budget_patience_is_half_of_the_steps() -> None:
    assert [plan_epochs(PLAIN.replace(budget="best"), steps).patience for steps in (100, 400, 1500)] == [10, 3, 2]
    assert plan_epochs(PLAIN.replace(budget="best", patience=7), 100).patience == 7


def test_the_best_budget_sets_the_options_of_the_task_that_are_not_given() -> None:
    task = dataclasses.replace(get("pos"), options={"epochs": 5, "units": 32}, best={"layers": 2, "units": 64})
    assert choose(task, {"units": 8}).as_dict() == {**defaults(task).as_dict(), "units": 8}
    best = choose(task, {"budget": "best", "units": 8})
    assert (best.budget, best.epochs, best.layers, best.units) == ("best", None, 2, 8)
    assert choose(task, {"budget": "best", "epochs": 3}).epochs == 3


def test_the_learning_rate_rises_stays_and_falls_when_told_to() -> None:
    options = PLAIN.replace(budget="best", learning_rate=0.5, steps=40)
    rate = make_rate(options, plan_epochs(options, 10))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer=make_optimizer(options, rate, rows=0), loss="mse")
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 6:
                rate.begin_fall(6, 4)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(float(np.asarray(model.get_weights()[0])[0, 0]))

    # Of a gradient that is always the same, Adam makes a step as long as the learning rate.
    inputs, outputs = np.ones((1, 2)), np.full((1, 1), -1e6)
    model.fit(inputs, outputs, epochs=11, callbacks=[Watch()], verbose=0)
    steps = -np.diff([1.0, *seen])
    expected = [0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.375, 0.25, 0.125, 0.0]
    np.testing.assert_allclose(steps, expected, atol=1e-3)


@pytest.fixture(scope="module")
def converging(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small task with --budget best, and the folder of its run."""
    with small("pos") as task:
        options = small_options(task).replace(
            budget="best", epochs=None, passes=1, steps=8, patience=2, ema_decay=0.5, learning_rate=0.05
        )
        folder = tmp_path_factory.mktemp("converging")
        yield task, options, folder, train(task, options, folder)


def test_a_run_that_converges_goes_back_to_its_best_epoch_and_ends_soon(converging: tuple) -> None:
    *_, summary = converging
    scores = [line["validation_accuracy"] for line in read_metrics(Path(summary["run"]))]
    assert len(scores) == summary["epochs"]
    # Two epochs without a better score, then one with a falling learning rate.
    assert 1 + int(np.argmax(scores[:-1])) == summary["epochs"] - 3
    assert summary["validation"] == max(scores)


@pytest.mark.parametrize("before", [1, 3])
def test_a_run_that_converges_goes_on_after_a_stop_as_if_there_had_been_none(
    before: int, converging: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, options, folder, summary = converging
    write, directory = runs.write, Path(summary["run"])
    lines = tmp_path / directory.relative_to(folder) / "metrics.jsonl"

    def stop(path: Path, save: Any) -> None:
        write(path, save)
        if path.name == "state.npz" and len(lines.read_text().splitlines()) == summary["epochs"] - before:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "write", stop)
        train(task, options, tmp_path)
    train(task, options, tmp_path)
    assert_same_run(directory, lines.parent)
