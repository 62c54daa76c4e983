import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from harness.comparison.compare import Local
from harness.tuning import trial as trials
from harness.tuning.tune import Search, Searching, narrow, write_trials
from harness.tuning.tuned import Tuned
from pipeline.errors import BadInput
from pipeline.search_space import USUAL, Choices, Span
from tests.harness import small, small_options

pytestmark = pytest.mark.needs("optuna")

SPACE = {"units": Choices((3, 4)), "learning_rate": Span(1e-3, 1e-1)}


class Here(Local):
    """Calls in this process, and counts."""

    def __init__(self) -> None:
        super().__init__(1, lambda: "", [])
        self.calls = 0

    def call_on_device(self, function: Callable[..., Any], *arguments: Any) -> Future:
        self.calls += 1
        future: Future = Future()
        try:
            future.set_result(function(*arguments, device="here"))
        except Exception as error:
            future.set_exception(error)
        return future


def search(folder: Path, pool: Local, **changed: Any) -> Tuned:
    with small("sentiment") as task:
        options = small_options(task, epochs=2)
        asked = Search(task, options, **{"space": SPACE, "folder": folder, "trials": 3} | changed)
        return Searching(asked, pool, at_once=1).run()


@pytest.mark.slow
def test_a_search_goes_on_and_its_best_command_has_the_best_validation_score(tmp_path: Path) -> None:
    pool = Here()
    first = search(tmp_path, pool, trials=2)
    assert pool.calls == 2
    found = search(tmp_path, pool)
    assert pool.calls == 3
    assert [one.options for one in found.trials[:2]] == [one.options for one in first.trials]
    assert found.score == max(one.score for one in found.trials if one.score is not None and one.status == "done")
    (best,) = [one for one in found.trials if one.options == found.chosen]
    # What the run itself says.
    state = (Path(best.run) / "metrics.jsonl").read_text().splitlines()
    assert max(json.loads(line)["validation_accuracy"] for line in state) == pytest.approx(found.score)
    assert f"--units {found.chosen['units']}" in " ".join(found.command)
    # A trial is no test.
    assert not list(tmp_path.rglob("scores.json"))
    with small("sentiment") as task:
        asked = Search(task, small_options(task, epochs=2), SPACE, tmp_path, trials=3)
        assert len(json.loads(write_trials(found, asked).read_text())["trials"]) == 3


def outcome(score: float, pruned: bool = False) -> Callable[..., trials.Outcome]:
    return lambda *_, **__: trials.Outcome(score, epochs=1, seconds=0.0, pruned=pruned)


def test_the_first_trial_has_the_defaults_where_they_are_among_what_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "run", outcome(0.5))
    found = search(tmp_path, Here(), space={"units": Choices(tuple(range(1, 33))), "dropout": Span(0.0, 0.6)}, trials=1)
    with small("sentiment") as task:
        usual = small_options(task)
    assert found.chosen == {"units": usual.units, "dropout": usual.dropout}


def test_a_trial_that_was_stopped_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, Here(), trials=1)
    asked: list[Any] = []
    monkeypatch.setattr(
        trials, "run", lambda entry, *_, **__: asked.append(entry.options) or trials.Outcome(0.7, 1, 0.0, False)
    )
    found = search(tmp_path, Here(), trials=1)
    assert len(asked) == 1
    assert [(one.status, one.score) for one in found.trials] == [("failed", None), ("done", 0.7)]
    assert found.trials[0].options == found.trials[1].options


def test_a_trial_that_fails_is_said_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    scores = iter([None, 0.4, 0.6])

    def run(*_: object, **__: object) -> trials.Outcome:
        if (score := next(scores)) is None:
            raise BadInput("epoch 1: the loss is nan")
        return trials.Outcome(score, 1, 0.0, False)

    monkeypatch.setattr(trials, "run", run)
    found = search(tmp_path, Here())
    assert [one.status for one in found.trials] == ["failed", "done", "done"]
    assert found.score == 0.6
    assert "failed: epoch 1: the loss is nan" in capsys.readouterr().err


def test_where_no_trial_ends_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "run", outcome(0.5, pruned=True))
    with pytest.raises(BadInput, match="no trial came to its end"):
        search(tmp_path, Here())


def test_a_trial_below_the_median_ends_early_and_its_run_can_go_on(tmp_path: Path) -> None:
    """Four trials that score 1 at every epoch; then a real one, which scores less."""
    from harness.tuning.study import open_study

    with small("sentiment") as task:
        options = small_options(task, epochs=6)
        asked = Search(task, options, {"units": Choices((3,))}, tmp_path, trials=5)
        study = open_study(asked.place, lower_is_better=False, seed=0)
        for _ in range(4):
            trial = study.ask()
            trial.suggest_categorical("units", (3,))
            trial.set_user_attr("options", {"units": 3})
            for epoch in range(6):
                trial.report(1.1, epoch)
            study.tell(trial, 1.1)
        found = Searching(asked, Here(), at_once=1).run()
    assert found.trials[-1].status == "stopped early"
    lines = (Path(found.trials[-1].run) / "metrics.jsonl").read_text().splitlines()
    assert 1 < len(lines) < 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"trials": 0}, "--trials 0"), ({"seconds": 0.0}, "--minutes 0"), ({"space": {}}, "would be searched are given")],
)
def test_a_search_without_bounds_or_values_is_refused(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        search(tmp_path, Here(), **changed)


def test_what_is_given_and_what_the_task_has_not_are_not_searched() -> None:
    with small("adding") as task:
        assert set(narrow(USUAL, task, ["units"])) == {"learning_rate", "dropout", "batch_size"}
        assert "nothing" not in narrow({"nothing": Choices((1,))}, task, [])


def test_a_damaged_study_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tuning" / "sentiment" / "study.db"
    path.parent.mkdir(parents=True)
    path.write_text("nothing of the kind")
    with pytest.raises(BadInput, match="the file is no study"):
        search(tmp_path, Here())
