"""Runs of classifiers with all that they can be trained with: they stop and go on, and are what they say."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import runs
from harness.runs import model_file
from harness.training import pretraining
from pipeline.errors import BadInput
from pipeline.option import Options
from run import main
from tasks.task import Task
from tests.harness import assert_same_run, open_run, small, small_options, small_splits, stopped_within, train

RUN = Path("sentiment", "gru-s0")


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    with small("sentiment") as found:
        yield found


@pytest.fixture(scope="module")
def options(task: Task) -> Options:
    return small_options(
        task,
        cell="gru",
        pretrain=2,
        epochs=2,
        ngrams=2,
        ngram_buckets=500,
        pooling="attention",
        adversarial=0.1,
        focal=1.0,
        class_weights="balanced",
    )


@pytest.fixture(scope="module")
def complete(task: Task, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that trained without a stop."""
    folder = tmp_path_factory.mktemp("complete")
    train(task, options, folder)
    return folder


@pytest.mark.slow
def test_a_run_stopped_while_it_pretrains_ends_as_one_that_was_not(
    complete: Path, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = runs.write

    def stop(path: Path, save: Any) -> None:
        write(path, save)
        if path.name == pretraining.NAME:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "write", stop)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train(task, options, tmp_path)
    with np.load(tmp_path / RUN / pretraining.NAME) as saved:
        assert saved["epochs"] == 2
    shutil.copytree(tmp_path, tmp_path / "damaged")
    (tmp_path / "damaged" / RUN / pretraining.NAME).write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"pretraining.npz: the file is damaged .* start over with --fresh"):
        train(task, options, tmp_path / "damaged")
    train(task, options, tmp_path)
    assert_same_run(complete / RUN, tmp_path / RUN)
    assert not (tmp_path / RUN / pretraining.NAME).exists()


def test_a_run_stopped_after_its_first_epoch_ends_as_one_that_was_not(
    complete: Path, task: Task, options: Options, tmp_path: Path
) -> None:
    with stopped_within(1):
        train(task, options, tmp_path)
    train(task, options, tmp_path)
    assert_same_run(complete / RUN, tmp_path / RUN)


@pytest.mark.slow
def test_a_run_that_is_moved_against_its_own_answers_goes_on_as_one_that_never_stopped(
    task: Task, options: Options, tmp_path: Path
) -> None:
    virtual = options.replace(adversarial_kind="virtual", pretrain=0)
    train(task, virtual, tmp_path / "whole")
    with stopped_within(1):
        train(task, virtual, tmp_path / "stopped")
    train(task, virtual, tmp_path / "stopped")
    assert_same_run(tmp_path / "whole" / RUN, tmp_path / "stopped" / RUN)


def test_its_answers_are_inspected_with_the_ngrams_beside(complete: Path, capsys: pytest.CaptureFixture) -> None:
    text = small_splits("sentiment")["test"][0].input
    page = complete / "inspection.html"
    assert main(["inspect", str(complete / RUN), text, "--output", str(page), "--json"]) == 0
    assert page.exists()


def test_the_ratios_of_a_run_are_those_of_its_training_texts(complete: Path) -> None:
    """The reference: the words of the texts, counted by label."""
    experiment = open_run(complete / RUN).experiment
    layer = model_file.load(complete / RUN / "best.keras").get_layer("ngrams")
    examples, given = small_splits("sentiment")["train"], experiment.input_field
    texts = [set(given.encode(one.input)["words"].tolist()) for one in examples]
    positive = np.array([one.output == "positive" for one in examples])
    frequent = max(range(2, 30), key=lambda word: abs(sum(word in text for text in texts) - len(texts) / 3))
    having = np.array([frequent in text for text in texts])
    row = np.asarray(layer.ratios)[layer.codes[0, frequent]]
    unsmoothed = np.log1p((having & positive).sum()) - np.log1p((having & ~positive).sum())
    # But for the lengths of the two vectors, the same for all n-grams.
    other = np.asarray(layer.ratios)[layer.codes[0, 2]]
    second = np.array([2 in text for text in texts])
    reference = np.log1p((second & positive).sum()) - np.log1p((second & ~positive).sum())
    place = experiment.output_field.labels.index("positive")
    assert row[place] - other[place] == pytest.approx(unsmoothed - reference, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ngrams": 2}, "--ngrams: the input has no words"),
        ({"pretrain": 1}, "--pretrain 1: a language model needs words"),
        ({"adversarial": 0.1}, "--adversarial 0.1: the input has no words"),
        ({"adversarial": 0.1, "adversarial_kind": "virtual"}, "--adversarial 0.1: the input has no words"),
        ({"focal": 2.0}, "--focal 2: the answer is a number"),
    ],
)
def test_what_is_of_words_or_labels_is_refused_without_any_and_nothing_is_written(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with small("adding") as numbers, pytest.raises(BadInput, match=message):
        train(numbers, small_options(numbers, **changed), tmp_path)
    assert not list(tmp_path.rglob("config.json"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--adversarial", "0.1", "--embedding", "onehot"], "--adversarial 0.1: --embedding onehot has no vectors to"),
        (["--adversarial", "0.1", "--lazy-embeddings"], "--lazy-embeddings has a training step of its own"),
        (["--adversarial-kind", "virtual"], "--adversarial-kind virtual: by how much are word vectors moved? Give"),
        (["--adversarial", "-1"], "expected a number between 0 and 10"),
        (["--ngrams", "6"], "expected a whole number between 0 and 5"),
        (["--focal", "much"], "expected a number between 0 and 10"),
        (["--class-weights", "balance"], "balanced"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    assert main(["train", "sentiment", "--runs", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err and not any(tmp_path.iterdir())
