"""Every registered task with every cell. A new task, or a new cell, is tested without a new line here."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tasks
from harness.comparison import gradient_reach
from harness.evaluate import Scorer
from harness.options import find_options
from harness.runs.trained import Trained
from models.backends.answering import answer_batch
from models.recurrent import CELLS
from pipeline.fields.picture import Picture
from tasks.task import Task
from tests.harness import (
    ROOT,
    as_typed,
    assert_same_run,
    evaluate,
    open_run,
    predict,
    read_predictions,
    small,
    small_options,
    small_splits,
    stopped_within,
    train,
    with_source,
)
from tests.models import PROJECTED

pytestmark = pytest.mark.slow

# Every family of models with three cells, every further task of a family with one of them, and every other cell with
# one task that it can do.
EVERYWHERE = ("simple", "lstm", "gru")
# Of those that are one layer with another step, one stands for all; see models/cells/test_projected_rnn.py.
ALIKE = {*PROJECTED} - {"slstm"}
OTHERS = zip(
    (cell for cell in CELLS if cell not in {*EVERYWHERE, *ALIKE}), cycle(("pos", "novel", "sentiment")), strict=False
)
FIRST = {task.family.module: name for name, task in reversed(tasks.find().items())}.values()
PAIRS = [
    (name, cell)
    for number, name in enumerate(tasks.find())
    for cell in (EVERYWHERE if name in FIRST else [EVERYWHERE[number % 3]])
]
PAIRS += [(name if CELLS[cell].writes else "pos", cell) for cell, name in OTHERS]
# Each of the three cells, and tasks of several shapes.
SAMPLE = [(name, EVERYWHERE[number % 3]) for number, name in enumerate(list(tasks.find())[::3])]
# Every task once, and every cell once: what is the same for every pair, and takes long.
ONCE = {(name, EVERYWHERE[number % 3]) for number, name in enumerate(tasks.find())}
ONCE |= {(name, cell) for name, cell in PAIRS if cell not in EVERYWHERE}
# For a score that is better when lower: what counts as having learned examples by heart, in the score's unit, or as a
# share of the worst baseline's score where there is one: the best may know examples by heart as well.
BY_HEART = 0.3
OFTEN = 20
# The small runs that this process has trained already.
DIRECTORIES: dict[tuple[str, str], Path] = {}


@dataclass
class Run:
    """A small run that trained without a stop."""

    name: str
    cell: str
    task: Task
    directory: Path
    summary: dict

    @cached_property
    def opened(self) -> Trained:
        return open_run(self.directory)

    @cached_property
    def answers(self) -> tuple[dict[str, float], list]:
        """The scores and answers of the test split in batches of four."""
        return answers_of(self)

    def train(self, folder: Path, **changed: Any) -> dict:
        return train(self.task, small_options(self.task, cell=self.cell, **changed), folder)

    def directory_in(self, folder: Path) -> Path:
        return folder / self.name / f"{self.cell}-s0"


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    name, cell = request.param
    folder = tmp_path_factory.mktemp("runs")
    with small(name) as task:
        run = Run(name, cell, task, folder / name / f"{cell}-s0", {})
        run.summary = run.train(folder)
        DIRECTORIES[name, cell] = run.directory
        yield run


def answers_of(run: Run, size: int = 4, more: int = 0) -> tuple[dict[str, float], list]:
    """Return the scores and answers of the test split in batches of `size`, padded by `more` steps."""
    opened = run.opened
    examples = small_splits(run.name)["test"]
    batches = replace(opened.experiment.encode(examples), size=size, tokens=None)
    for lengths in (batches.padded, batches.padded_outputs):
        lengths[:] = [length + more for length in lengths]
    scorer = Scorer(opened.experiment, opened.model, opened.decoder)
    found = scorer.measure(examples, batches)
    return found.scores, found.answers


def nearly(output: Any) -> Any:
    """Return what an answer is equal to that is the same but for rounding: a number, or several under each name."""
    if isinstance(output, dict):
        return {name: pytest.approx(numbers, rel=1e-5, abs=1e-4) for name, numbers in output.items()}
    return pytest.approx(output, abs=1e-4) if isinstance(output, float) else output


def assert_same_answers(one: list, other: list) -> None:
    for first, second in zip(one, other, strict=True):
        assert second.output == nearly(first.output)
        assert second.details == pytest.approx(first.details, abs=1e-5)


def test_a_saved_run_scores_and_predicts_what_training_reported(run: Run, tmp_path: Path) -> None:
    assert evaluate(run.directory)["scores"] == run.summary["scores"]
    written = read_predictions(run.directory)
    lines = []
    for number, example in enumerate(small_splits(run.name)["test"]):
        text = as_typed(example.input, tmp_path)
        # A sentence of tokens that its text does not divide into would be another input; a picture has another name.
        if isinstance(example.input, Picture) or run.opened.experiment.input_field.parse(text) == example.input:
            lines.append((number, text))
    assert lines
    found = predict(run.directory, [(f"text {number}", text) for number, text in lines])
    for (number, text), answer in zip(lines, json.loads(json.dumps(found)), strict=True):
        expected = written[number]
        assert answer["output"] == nearly(expected["prediction"])
        assert answer["input"] == (text if text.endswith(".png") else expected["input"])


def test_the_loss_is_that_which_keras_measures(run: Run) -> None:
    # The decoder alone knows no loss: the one is the compiled model's own, the other comes with the answers.
    assert run.answers[0]["loss"] == pytest.approx(run.summary["scores"]["loss"], abs=1e-6)


def test_a_batch_is_answered_as_by_keras(run: Run) -> None:
    opened = run.opened
    batches = opened.experiment.encode(small_splits(run.name)["test"])
    for decoder in (opened.decoder, opened.scorer.decoder):
        for length, members, real in batches.plan():
            arrays, expected, weights = batches.draw(length, members, real)
            drawn = {**arrays, "position": members.astype("int32"), "expected": expected, "weights": weights}
            drawn = {name: drawn[name] for name in decoder.input}
            found, right = answer_batch(decoder, drawn), decoder.predict_on_batch(drawn)
            assert found.keys() == right.keys()
            for name, array in right.items():
                np.testing.assert_array_equal(found[name], array)


def test_more_padding_changes_nothing(run: Run) -> None:
    (scores, answers), (padded, same) = run.answers, answers_of(run, more=7)
    assert padded == pytest.approx(scores, abs=1e-5, rel=5e-6)
    assert_same_answers(answers, same)


def test_a_batch_of_one_answers_as_a_batch_of_four(run: Run) -> None:
    (scores, answers), (alone, same) = run.answers, answers_of(run, size=1)
    assert alone == pytest.approx(scores, abs=1e-5, rel=5e-6)
    assert_same_answers(answers, same)


def test_the_memory_of_a_run_is_measured(run: Run) -> None:
    if (run.name, run.cell) not in SAMPLE:
        pytest.skip("every task and every cell once is enough")
    for found in gradient_reach.measure_gradient_reach(run.directory).values():
        gradient = found["gradient"]
        assert len(gradient) == len(found["lags"]) > 1
        assert np.isfinite(gradient).all()
        assert min(gradient[:2]) > 0
    groups = gradient_reach.score_by_length(run.directory, 2)
    assert sum(group["examples"] for group in groups) == 6
    assert np.isfinite([group["score"] for group in groups]).all()


def test_the_same_seed_gives_the_same_weights_even_after_a_stop_within_an_epoch(run: Run, tmp_path: Path) -> None:
    if (run.name, run.cell) not in ONCE:
        pytest.skip("every task and every cell once is enough")
    with stopped_within(1, batch=1):
        run.train(tmp_path)
    run.train(tmp_path)
    assert_same_run(run.directory, run.directory_in(tmp_path))


def test_a_complete_run_is_not_trained_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("the run was trained again"))
    assert run.train(run.directory.parent.parent) == run.summary


def test_eight_examples_are_learned_by_heart(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (run.name, run.cell) not in ONCE:
        pytest.skip("every task and every cell once is enough")
    eight = small_splits(run.name)["train"][:8]
    # Often in an epoch, as what follows an epoch takes longer than the epoch itself.
    splits = {"train": eight * OFTEN, "validation": eight, "test": eight}
    task = with_source(run.task, "eight", lambda _: splits)
    # Rare words must be known, or two examples could look alike; and nothing may be hidden or changed in training.
    plain = {"min_count": 1, "word_dropout": 0.0, "spec_augment": 0.0, "ema_decay": 0.0}
    plain |= {"vocal_tract_perturbation": 0.0, "random_affine": 0.0, "noise": 0.0, "calibrate": False}
    known: dict[str, Any] = {name: value for name, value in plain.items() if name in find_options(task)}
    # Pictures, recordings, what is asked for later and many numbers take more, and convolutions smaller steps.
    hard = not {"image_size", "downsample", "delay", "order", "pairs", "horizon"}.isdisjoint(find_options(task))
    epochs, units = (240 // OFTEN, 64) if hard else (80 // OFTEN, 16)
    known |= {
        "epochs": epochs,
        # What is known by heart gets no better.
        "patience": max(epochs // 2, 4),
        "units": units,
        "learning_rate": 0.01 if "image_size" in task.options or "horizon" in find_options(task) else 0.02,
    }
    options = small_options(task, cell=run.cell, dropout=0.0, **known)
    monkeypatch.setattr("harness.evaluate.write_answers", lambda *_: None)
    summary = train(task, options, tmp_path)
    score = summary["scores"][task.monitor]
    baseline = max((known.get(task.monitor, 1.0) for known in summary["baselines"].values()), default=1.0)
    outputs = [example.output for example in eight]
    perfect = BY_HEART * baseline if task.lower_is_better else task.metrics(outputs, outputs)[task.monitor]
    assert score < perfect if task.lower_is_better else score == perfect


def test_another_process_trains_the_same_weights(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import tests.test_tasks as here\n"
        "for name, cell in here.SAMPLE:\n"
        "    with here.small(name) as task:\n"
        "        here.train(task, here.small_options(task, cell=cell), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "other")], cwd=ROOT, check=True, capture_output=True)
    for name, cell in SAMPLE:
        if (name, cell) not in DIRECTORIES:
            with small(name) as task:
                train(task, small_options(task, cell=cell), tmp_path)
        here = DIRECTORIES.get((name, cell), tmp_path / name / f"{cell}-s0")
        assert_same_run(here, tmp_path / "other" / name / f"{cell}-s0")
