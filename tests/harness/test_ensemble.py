from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from harness.comparison.averaged_seeds import average_seeds, read_averaged
from harness.ensemble import average, combine, score_ensemble
from harness.runs.together import check_members
from harness.selection import Selection
from pipeline.errors import BadInput
from run import main
from tests.harness import open_run, small, small_options, small_splits, train


@pytest.fixture(scope="module", params=["pos", "adding"])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Three runs of one task, of other seeds and cells."""
    folder = tmp_path_factory.mktemp("runs")
    with small(request.param) as task:
        yield [
            Path(train(task, small_options(task, cell=cell, seed=seed, epochs=1), folder)["run"])
            for cell, seed in (("simple", 0), ("simple", 1), ("gru", 0))
        ]


def test_the_mean_of_the_probabilities_or_of_the_numbers_answers(runs: list[Path]) -> None:
    members = [open_run(path) for path in runs]
    experiment = members[0].experiment
    batches = experiment.encode(small_splits(experiment.task.name)["test"])
    inputs, *_ = batches.draw(*next(iter(batches.plan())))
    alone = [np.asarray(member.model.predict_on_batch(inputs)) for member in members]
    together = np.asarray(combine(members).model.predict_on_batch(inputs))
    if experiment.task.name == "adding":
        assert together == pytest.approx(np.mean(alone, axis=0), abs=1e-5)
    else:
        assert softmax(together, axis=-1) == pytest.approx(np.mean(softmax(alone, axis=-1), axis=0), abs=1e-5)


def test_the_members_are_scored_as_they_are_alone(runs: list[Path]) -> None:
    members = [open_run(path).experiment for path in runs]
    examples = small_splits(members[0].task.name)["test"]
    found = score_ensemble(members, Selection("test", examples, []))
    for path in runs:
        opened = open_run(path)
        expected = opened.scorer.measure(examples, opened.experiment.encode(examples)).scores
        assert found["members"][str(path)] == pytest.approx(expected, abs=1e-4)
    if members[0].task.name == "adding":
        # By Jensen's inequality: the error of a mean is at most the mean of the errors.
        assert found["scores"]["mse"] <= np.mean([scores["mse"] for scores in found["members"].values()]) + 1e-6


def test_a_model_averaged_with_itself_is_itself(runs: list[Path]) -> None:
    model, again = open_run(runs[0]).model, open_run(runs[0]).model
    experiment = open_run(runs[0]).experiment
    batches = experiment.encode(small_splits(experiment.task.name)["test"])
    inputs, *_ = batches.draw(*next(iter(batches.plan())))
    categorical = experiment.task.name == "pos"
    twice = np.asarray(average([model, again], experiment.output_field.arrays["output"]).predict_on_batch(inputs))
    once = np.asarray(open_run(runs[0]).model.predict_on_batch(inputs))
    assert twice == pytest.approx(once - (np.log(np.exp(once).sum(-1, keepdims=True)) if categorical else 0), abs=1e-5)


def test_runs_that_cannot_be_averaged_are_refused(runs: list[Path], tmp_path: Path) -> None:
    members = [open_run(path).experiment for path in runs]
    with pytest.raises(BadInput, match="expected two runs or more"):
        check_members(members[:1])
    with pytest.raises(BadInput, match="is given twice; expected different runs"):
        check_members([members[0], members[0]])
    with small("novel") as task:
        writer = open_run(Path(train(task, small_options(task, epochs=1), tmp_path)["run"])).experiment
    with pytest.raises(BadInput, match="--dynamic-evaluation 0.1: it goes on training one model"):
        check_members([writer.replace_options(dynamic_evaluation=0.1)] * 2)
    with pytest.raises(BadInput, match="expected runs of one task"):
        check_members([members[0], writer])
    unfitted = members[0].task.output(members[0].options)
    with pytest.raises(BadInput, match="another vocabulary, or other labels"):
        check_members([members[0], replace(members[1], output_field=unfitted)])
    elsewhere = [members[0], replace(members[1], fingerprint="other")]
    with pytest.raises(BadInput, match="may have learned the answers; give --data"):
        check_members(elsewhere)
    check_members(elsewhere, own=False)


def test_they_are_refused_before_keras_starts(
    runs: list[Path], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.commands.ensemble.start_again", lambda *_: pytest.fail("Keras is started"))
    with small(open_run(runs[0]).experiment.task.name):
        for command in ("ensemble", "analyse"):
            assert main([command, str(runs[0]), str(runs[0])]) == 2
            assert f"{command}: {runs[0]} is given twice" in capsys.readouterr().err


def test_the_seeds_of_a_comparison_are_averaged_once(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    name = open_run(runs[0]).experiment.task.name
    with small(name):
        found = average_seeds(runs[:2])
    members = [open_run(path).experiment for path in runs[:2]]
    expected = score_ensemble(members, Selection("test", small_splits(name)["test"], []))["scores"]
    assert found == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr("harness.comparison.averaged_seeds.read_run", lambda *_: pytest.fail("measured again"))
    assert read_averaged(runs[:2]) == found
    # Of other members it is another.
    assert read_averaged([runs[0], runs[2]]) is None


def test_the_command_prints_the_members_beside_the_ensemble(
    runs: list[Path], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = open_run(runs[0]).experiment.task.name
    examples = small_splits(name)["test"]
    monkeypatch.setattr("harness.selection.select", lambda *_, **__: Selection("test", examples, []))
    with small(name):
        assert main(["ensemble", *map(str, runs)]) == 0
    shown = capsys.readouterr().out
    assert "ensemble of 3" in shown and all(path.name in shown for path in runs)


@pytest.mark.slow
def test_runs_that_write_are_scored_together_drawn_and_searched(tmp_path: Path) -> None:
    with small("novel") as task:
        runs = [
            Path(train(task, small_options(task, cell=cell, seed=seed, epochs=1), tmp_path)["run"])
            for cell, seed in (("gru", 0), ("lstm", 1))
        ]
        members = [open_run(path).experiment for path in runs]
        examples = small_splits("novel")["test"]
        found = score_ensemble(members, Selection("test", examples, small_splits("novel")["train"]))
        assert set(found["scores"]) == set(found["members"][str(runs[0])])
        # The geometric mean of the probabilities is at least as good, by its loss, as the members are on the mean.
        assert found["scores"]["loss"] <= np.mean([one["loss"] for one in found["members"].values()]) + 1e-5
        beam = [one.replace_options(temperature=None, beam=3) for one in members]
        assert np.isfinite(list(score_ensemble(beam, Selection("test", examples, examples))["scores"].values())).all()
