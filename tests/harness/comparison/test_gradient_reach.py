import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tasks
from harness.comparison import gradient_reach
from harness.training.checkpoint import Checkpoint
from models import classifier, tagger
from pipeline.batches import bucketing
from pipeline.batches.bucketing import Batches
from pipeline.corpora.memory_tasks import SIZES, Delay, adding
from pipeline.errors import BadInput
from pipeline.fields import Array
from tasks.task import Source, Task
from tests.harness import open_run, small_options, start_keras, train_small

UNITS, FEATURES = 3, 2


class Field:
    """Measurements, or what to answer to them."""

    autoregressive = False

    def __init__(self, **arrays: Array):
        self.arrays = arrays


GIVEN = Field(values=Array((None, FEATURES), "float32"))
NUMBER, TAGS = Field(output=Array((), "float32")), Field(output=Array((None,), "int32", 4))


def build(family: Any, expected: Field, **changed: Any) -> gradient_reach.GradientProbe:
    # Neither task has a part of its own here: they only have the options of their families.
    options = small_options(tasks.get("adding" if family is classifier else "copy"), units=UNITS, **changed)
    model, loss = family.build(GIVEN, expected, options), family.loss(expected, options)
    return gradient_reach.GradientProbe(model, loss, cell=options.cell, layers=options.layers)


def batch(values: np.ndarray, outputs: Any, expected: Field) -> Batches:
    inputs, wanted = [{"values": one} for one in values], [{"output": np.array(one)} for one in outputs]
    return Batches(inputs, GIVEN.arrays, 4, wanted, expected.arrays)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_the_gradient_of_a_simple_cell_at_rest_is_a_power_of_its_kernel(pooling: str) -> None:
    probe, steps, answer = build(classifier, NUMBER, pooling=pooling), 12, 0.7
    generator = np.random.default_rng(0)
    shapes = (FEATURES, UNITS), (UNITS, UNITS), (UNITS, 1)
    kernel, recurrent, head = (generator.normal(0, 0.5, shape) for shape in shapes)
    probe.model.set_weights([kernel, recurrent, np.zeros(UNITS), head, np.zeros(1)])
    # Without input the state stays 0, where tanh has the slope 1: the answer is 0, its error the whole number.
    found = probe.measure(batch(np.zeros((1, steps, FEATURES), "float32"), [np.float32(answer)], NUMBER))
    expected = [
        np.linalg.norm(2 * answer * kernel @ np.linalg.matrix_power(recurrent, lag) @ head) for lag in range(steps)
    ]
    # In a mean over all steps, one step has its part.
    expected = np.array(expected) / (steps if pooling == "mean" else 1)
    ends = [11] * gradient_reach.STEPS_PER_EXAMPLE if pooling == "last" else [6, 8, 9, 11]
    assert found.shape == (gradient_reach.STEPS_PER_EXAMPLE, steps)
    for end, row in zip(ends, found, strict=True):
        np.testing.assert_allclose(row[: end + 1], expected[: end + 1], rtol=1e-4)
        assert np.isnan(row[end + 1 :]).all()


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
def test_the_gradient_is_the_change_of_the_loss_at_one_step(cell: str) -> None:
    probe, steps = build(tagger, TAGS, cell=cell, layers=2), 6
    generator = np.random.default_rng(0)
    probe.model.set_weights([generator.normal(0, 0.7, weight.shape) for weight in probe.model.get_weights()])
    lengths, values = (6, 4), generator.normal(size=(2, steps, FEATURES)).astype("float32")
    tags = generator.integers(0, 4, (2, steps))
    sequences = [row[:length] for row, length in zip(values, lengths, strict=True)]
    batches = batch(sequences, [row[: len(one)] for row, one in zip(tags, sequences, strict=True)], TAGS)
    batches.lengths = batches.padded = [steps]
    found = probe.measure(batches)

    def lose(changed: np.ndarray, row: int, end: int) -> np.ndarray:
        inputs = {
            "values": changed.astype("float32"),
            "mask": np.arange(steps) < np.full((len(changed), 1), lengths[row]),
        }
        logits = keras.ops.convert_to_numpy(probe.model.predict_on_batch(inputs))[:, end].astype("float64")
        return np.log(np.exp(logits).sum(axis=1)) - logits[:, tags[row, end]]

    # Every number of a sequence changed alone, (time x features, time, features).
    step = 1e-2 * np.eye(steps * FEATURES).reshape(-1, steps, FEATURES)
    for row, length in enumerate(lengths):
        for number, end in ((0, length // 2), (gradient_reach.STEPS_PER_EXAMPLE - 1, length - 1)):
            change = lose(values[row] + step, row, end) - lose(values[row] - step, row, end)
            slopes = np.linalg.norm(change.reshape(steps, FEATURES) / 2e-2, axis=1)
            # The rows of a batch come by t, then by example.
            gradient = found[number * len(lengths) + row]
            np.testing.assert_allclose(gradient[: end + 1], slopes[end::-1], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    ("curve", "half_life"),
    [
        (3 * 0.5 ** (np.arange(30) / 7), 7.0),
        # Uneven, but about the same line.
        (3 * 0.5 ** (np.arange(40) / 7) * np.resize((1.2, 1.0, 0.8, 1.0), 40), 7.0),
        (np.ones(30), None),
        (1.01 ** np.arange(30), None),
        # Would fall to half in 100 steps, of which there are 30.
        (0.5 ** (np.arange(30) / 100), None),
        # Below what float32 can add to the largest, there is nothing to learn from.
        (np.maximum(0.5 ** np.arange(60.0), 1e-12), 1.0),
        (np.array([1.0, 0.0, 0.0]), 1.0),
        (np.array([1.0, 1.0, 1.0, 0.0]), 3.0),
        (np.zeros(5), 0.0),
        (np.ones(1), None),
    ],
)
def test_the_half_life_is_the_lag_in_which_the_gradient_halves(curve: np.ndarray, half_life: float | None) -> None:
    found = gradient_reach.measure_half_life(curve)
    assert found == (half_life if half_life is None else pytest.approx(half_life, rel=0.05))


def test_a_lag_that_few_steps_have_is_left_out() -> None:
    found = np.full((20, 4), np.nan)
    found[:, 0], found[:10, 1], found[:2, 2], found[:1, 3] = 4.0, 2.0, 1.0, 0.5
    assert gradient_reach.summarise_gradients(found) == {
        "lags": [0, 1, 2],
        "gradient": [4.0, 2.0, 1.0],
        "half_life": pytest.approx(1.0),
    }


def test_a_step_whose_loss_reads_no_state_is_left_out() -> None:
    found = np.full((40, 2), np.nan)
    assert gradient_reach.summarise_gradients(found) == {"lags": [], "gradient": [], "half_life": None}
    found[7] = 3.0, 2.0
    assert gradient_reach.summarise_gradients(found)["gradient"] == [3.0, 2.0]


def test_a_model_without_the_recurrent_layer_is_refused() -> None:
    options = small_options(tasks.get("adding"), cell="gru")
    model = classifier.build(GIVEN, NUMBER, dataclasses.replace(options, cell="simple"))
    with pytest.raises(BadInput, match="--cell gru: no recurrent layer in the model"):
        gradient_reach.GradientProbe(model, classifier.loss(NUMBER, options), cell="gru", layers=options.layers)


def test_steps_are_chosen_in_the_last_half_of_those_that_the_loss_reads() -> None:
    assert gradient_reach.choose_steps(np.arange(20) < 15).tolist() == [7, 9, 12, 14]
    assert gradient_reach.choose_steps(np.arange(20) == 5).tolist() == [5] * gradient_reach.STEPS_PER_EXAMPLE
    assert gradient_reach.choose_steps(np.zeros(3, bool)).tolist() == [-1] * gradient_reach.STEPS_PER_EXAMPLE


def patch_data(patch: pytest.MonkeyPatch) -> Task:
    """Return the task of adding with 12 examples a split, of three lengths, and put it in the registry's place."""

    def load(options: Any) -> dict:
        several = [adding(dataclasses.replace(options, delay=options.delay + more)) for more in (0, 2, 5)]
        return {split: [one for found in several for one in found[split]] for split in SIZES}

    task = dataclasses.replace(tasks.get("adding"), sources={"mixed": Source("", "", load, Delay)})
    for split in SIZES:
        patch.setitem(SIZES, split, 4)
    patch.setattr(tasks, "get", lambda *_: task)
    # One shape to compile.
    patch.setattr(bucketing, "choose_lengths", lambda lengths, *_, **__: [max(9, *lengths)])
    return task


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A small run, and its weights at the start."""
    start_keras()
    started: list = []

    def note(checkpoint: Checkpoint, logs: Any = None) -> None:
        started.extend(checkpoint.model.get_weights())

    with pytest.MonkeyPatch.context() as patch:
        task = patch_data(patch)
        patch.setattr(Checkpoint, "on_train_begin", note)
        return train_small(task, tmp_path_factory.mktemp("runs"), delay=4, cell="lstm", epochs=1), started


@pytest.fixture
def run(trained: tuple[Path, list], monkeypatch: pytest.MonkeyPatch) -> Path:
    patch_data(monkeypatch)
    return trained[0]


def test_before_is_where_training_began_and_after_is_what_it_kept(
    run: Path, trained: tuple[Path, list], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, measure = [], gradient_reach.GradientProbe.measure

    def note(probe: gradient_reach.GradientProbe, batches: Batches) -> np.ndarray:
        weights.append(probe.model.get_weights())
        return measure(probe, batches)

    monkeypatch.setattr(gradient_reach.GradientProbe, "measure", note)
    found = gradient_reach.measure_gradient_reach(run, examples=6)
    for measured, expected in zip(weights, (trained[1], open_run(run).model.get_weights()), strict=True):
        for one, other in zip(measured, expected, strict=True):
            assert np.array_equal(one, other)
    assert json.loads(json.dumps(found)) == found
    assert found.keys() == {"before", "after"}
    for when in found.values():
        assert when["lags"] == list(range(len(when["gradient"])))
        assert min(when["gradient"]) > 0
    assert found["before"]["gradient"] != found["after"]["gradient"]
    assert gradient_reach.measure_gradient_reach(run, examples=6) == found


def test_examples_of_like_length_are_scored_together(run: Path) -> None:
    found = gradient_reach.score_by_length(run)
    assert [(one["length"], one["shortest"], one["longest"], one["examples"]) for one in found] == [
        (4.0, 4, 4, 4),
        (6.0, 6, 6, 4),
        (9.0, 9, 9, 4),
    ]
    whole = json.loads((run / "scores.json").read_text())["scores"]["mse"]
    assert np.mean([one["score"] for one in found]) == pytest.approx(whole, rel=1e-4)
    halves = gradient_reach.score_by_length(run, groups=2)
    assert [(one["length"], one["examples"]) for one in halves] == [(5.0, 8), (9.0, 4)]


def test_a_run_is_scored_at_other_delays(run: Path) -> None:
    found = gradient_reach.score_by_delay(run, (4, 7))
    assert [(one["delay"], one["examples"]) for one in found] == [(4, 12), (7, 12)]
    assert found[0]["score"] == json.loads((run / "scores.json").read_text())["scores"]["mse"]
    assert found[1]["score"] != found[0]["score"]
    assert [one["delay"] for one in gradient_reach.score_by_delay(run, examples=2)] == [2, 4, 8]
