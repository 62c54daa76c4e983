import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

import tasks
from harness import data
from harness.comparison.folds import measure_spread
from harness.cross_validation import CrossValidation, Fold, cross_validate, list_requests, summarise
from harness.process import backend
from harness.runs.restored import read_run
from harness.selection import select
from harness.training import request
from harness.training.checkpoint import Checkpoint
from pipeline.errors import BadInput
from pipeline.option import Options
from run import main
from tasks.task import Task
from tests.harness import assert_same_run, small, small_options, small_splits

NAME = "sentiment"
FOLDS = 2


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    """The small task, whose data comes without splits."""
    with small(NAME) as known, pytest.MonkeyPatch.context() as patch:
        every = [one for examples in small_splits(NAME).values() for one in examples]
        source = dataclasses.replace(known.sources["small"], load=lambda _: {"train": every})
        task = dataclasses.replace(known, sources={"small": source})
        patch.setattr(tasks, "get", lambda *_: task)
        yield task


@pytest.fixture(scope="module")
def options(task: Task) -> Options:
    return small_options(task, folds=FOLDS, epochs=1)


@pytest.fixture(scope="module")
def found(task: Task, options: Options, tmp_path_factory: pytest.TempPathFactory) -> CrossValidation:
    asked = list_requests(task, options, tmp_path_factory.mktemp("runs"))
    return cross_validate(asked, lambda _: backend.start())


def test_each_example_is_tested_once(found: CrossValidation) -> None:
    tested = [
        example.input
        for fold in found["folds"]
        for example in select(read_run(Path(fold["run"])), None, "test").examples
    ]
    assert sorted(tested) == sorted(one.input for some in small_splits(NAME).values() for one in some)


def test_what_the_folds_say_together_is_their_mean_and_is_kept(found: CrossValidation) -> None:
    scores = [float(fold["scores"]["accuracy"] or 0) for fold in found["folds"]]
    assert found["scores"]["accuracy"]["mean"] == pytest.approx(np.mean(scores))
    assert found["scores"]["accuracy"]["deviation"] == pytest.approx(np.std(scores, ddof=1))
    assert next(iter(found["scores"])) == "accuracy" and "accuracy" in found["baselines"]["majority"]
    (path,) = Path(found["folds"][0]["run"]).parents[1].glob("folds/sentiment/*.json")
    kept = json.loads(path.read_text())
    assert {name: kept[name] for name in found} == found


def test_a_stopped_cross_validation_goes_on_to_the_same_end(
    task: Task, options: Options, found: CrossValidation, tmp_path: Path
) -> None:
    asked = list_requests(task, options, tmp_path)
    with pytest.MonkeyPatch.context() as patch:

        def stop(checkpoint: Checkpoint, epoch: int, logs: object = None) -> None:
            raise KeyboardInterrupt

        patch.setattr(Checkpoint, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            cross_validate(asked[:1], lambda _: backend.start())
    fold = request.settle(task, options.replace(fold=1), tmp_path)
    assert fold.directory == asked[0].directory
    # One fold is enough to see it.
    train_one(asked[0])
    assert_same_run(Path(found["folds"][0]["run"]), fold.directory)


def train_one(asked: request.Request) -> dict:
    from harness.training.begin import begin
    from harness.training.train import train_run

    with begin(asked) as training:
        return train_run(training, "")  # type: ignore[return-value]


def test_the_interval_allows_for_shared_training_examples() -> None:
    scores = [0.7, 0.8, 0.75, 0.9]
    spread = measure_spread(scores)
    half = t.ppf(0.975, 3) * np.std(scores, ddof=1) * math.sqrt(1 / 4 + 1 / 3)
    assert (spread["low"], spread["high"]) == pytest.approx((np.mean(scores) - half, np.mean(scores) + half))


def test_a_score_that_a_fold_lacks_has_no_mean(task: Task) -> None:
    def fold(**scores: float | None) -> Fold:
        return {"fold": 1, "run": "", "scores": scores, "validation": None, "baselines": {}}

    folds = [fold(accuracy=0.5, other=1.0), fold(accuracy=0.7, other=None)]
    assert list(summarise(task, folds)["scores"]) == ["accuracy"]


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("sentiment", {"folds": 5, "data": "imdb", "fold": 1}, "comes with a test of its own"),
        ("sentiment", {"folds": 5}, "this is one run; give --fold, from 1 to 5"),
        ("sentiment", {"folds": 5, "fold": 6}, "expected a number from 1 to --folds 5"),
        ("sentiment", {"fold": 1}, "--fold 1: of how many folds"),
        ("sentiment", {"pool_splits": True}, "--pool-splits True: of how many folds"),
        (
            "sentiment",
            {"folds": 5, "fold": 1, "split_by": "speaker", "leave_out": "a"},
            "each of the --folds leaves out",
        ),
        ("forecast", {"folds": 5, "fold": 1, "pool_splits": True}, "'forecast' follow each other"),
    ],
)
def test_folds_that_cannot_be_are_refused(name: str, changed: dict, message: str) -> None:
    task = tasks.find()[name]
    if changed.get("data"):
        splits = small_splits(name)
        source = dataclasses.replace(task.sources["imdb"], load=lambda _: splits)
        task = dataclasses.replace(task, sources={"imdb": source})
    with pytest.raises(BadInput, match=message):
        data.load(task, small_options(task, **changed))


def test_the_splits_of_the_data_are_pooled_where_that_is_said() -> None:
    with small(NAME) as task:
        made = data.load(task, small_options(task, folds=4, fold=2, pool_splits=True))
    assert len(made["test"]) == 6 and sum(map(len, made.values())) == 24


def test_the_command_prints_a_row_for_each_fold(
    task: Task, options: Options, found: CrossValidation, capsys: pytest.CaptureFixture
) -> None:
    folder = Path(found["folds"][0]["run"]).parents[1]
    names = ("units", "embedding-size", "batch-size", "keep-epoch")
    words = [f"--{name}={getattr(options, name.replace('-', '_'))}" for name in names]
    command = ["train", NAME, "--runs", str(folder), "--folds", str(FOLDS), "--epochs", "1", *words]
    assert main([*command, "--learning-rate", "0.01"]) == 0
    shown = capsys.readouterr()
    assert shown.err.count("is complete") == FOLDS
    assert "mean, 95% interval" in shown.out and "baseline: majority" in shown.out and "standard deviation" in shown.out
