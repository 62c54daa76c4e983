"""A network unrolled over one input: equal to what predict answers, for every task, and adding up."""

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tasks
from harness.inputs import Input
from harness.inspection.inspect import LEAST_TARGETS, LONGEST, MOST_TARGETS, inspect, order_units
from harness.inspection.inspection import Inspection, to_plain
from harness.inspection.network import Network, Target
from harness.predict import predict
from harness.runs.trained import Trained
from models.cells import CELLS
from pipeline.errors import BadInput
from tests.harness import open_run, small, small_splits, train_small, without_new_cells
from tests.models import PROJECTED

# A forecast is not inspected.
TASKS = [name for name, task in tasks.find().items() if not task.latest]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@cache
def train(name: str, folder: Path, **changed: Any) -> Path:
    with small(name) as task:
        return train_small(task, folder / "-".join(map(str, changed.values())), **{"epochs": 1, **changed})


def open_small(name: str, folder: Path, **changed: Any) -> Trained:
    directory = train(name, folder, **changed)
    with small(name):
        return open_run(directory)


def example(name: str) -> Any:
    return small_splits(name)["test"][-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_inspected_and_answers_as_predict_does(name: str, folder: Path) -> None:
    trained, value = open_small(name, folder), example(name).input
    found = inspect(trained, value, explain=True)
    (expected,) = predict(trained, [Input("text 1", value)])
    output = expected["output"]
    if trained.experiment.output_field.suggests:
        output = tuple(step[0] for step in output)
    wanted = " ".join(output) if isinstance(output, tuple) else f"{output:.4g}" if isinstance(output, float) else output
    assert found.answer == wanted
    assert found.probability == (None if "probability" not in expected else pytest.approx(expected["probability"]))
    check_whole(found, trained)


# Those that are one layer with another step; one stands for all in a decoder.
ALIKE = {*PROJECTED} - {"slstm"}


def check_whole(found: Inspection, trained: Trained) -> None:
    """Assert that everything that was asked for is there, has the right shapes, and adds up."""
    options = trained.experiment.options
    # Nothing is known of how a matrix state comes about.
    unknown = options.cell == "delta"
    for states in found.layers:
        steps = -(-len(found.shown.steps) // found.shown.factor) if states.reads else len(found.written)
        assert states.states.shape == (steps, options.units)
        assert sorted(states.order) == list(range(options.units))
        assert states.exact is None if unknown else states.exact < 1e-4
        assert all(gate.shape == states.states.shape for gate in states.gates.values())
        assert all(len(one) == steps for one in states.inner.values())
        assert set(states.meanings) == {*states.gates, *states.constants, *states.inner}
    contributions = found.contributions
    gap = np.abs(contributions.scores - contributions.baselines)
    # Near 0 layer normalization is so steep that the points of an integral are too few; the page says how far off.
    if options.cell not in ("lnlstm", "lngru"):
        assert (np.abs(contributions.differences) <= 0.01 * np.maximum(gap, 0.1) + 1e-5).all()
    parts = [part for part in (contributions.read, contributions.written) if part is not None]
    total = sum(part.reshape(len(contributions.targets), -1).sum(axis=1) for part in parts)
    # Nothing has come from the padding.
    np.testing.assert_allclose(
        total, contributions.scores - contributions.baselines + contributions.differences, atol=1e-4
    )
    assert len(found.course.steps) == len(found.course.choices) == len(found.course.values)
    assert np.isfinite(found.loss.loss) and len(found.loss.norms) == found.loss.at
    assert found.loss.right is False and found.loss.norms.max() > 0
    assert found.explanation is None if unknown else len(found.explanation.units) == 3
    json.dumps(to_plain(found))


@pytest.mark.slow
@pytest.mark.parametrize("cell", [name for name, one in CELLS.items() if one.built_in])
def test_every_cell_is_inspected_in_a_reader(cell: str, folder: Path) -> None:
    trained = open_small("pos", folder, cell=cell, layers=2)
    found = inspect(trained, example("pos").input, explain=True)
    assert [one.title for one in found.layers] == [
        f"layer {depth}, {direction}" for depth in (1, 2) for direction in ("forward", "backward")
    ]
    check_whole(found, trained)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", [name for name, one in CELLS.items() if one.built_in and one.writes and name not in ALIKE]
)
def test_every_cell_is_inspected_in_a_decoder(cell: str, folder: Path) -> None:
    trained = open_small("novel", folder, cell=cell, layers=2)
    found = inspect(trained, example("novel").input, explain=True)
    assert [one.title for one in found.layers] == ["decoder, layer 1", "decoder, layer 2"]
    check_whole(found, trained)


def test_the_states_are_those_that_the_logits_are_computed_from(folder: Path) -> None:
    trained, value = open_small("pos", folder), example("pos").input
    found = inspect(trained, value)
    states = np.concatenate([one.states for one in found.layers], axis=1)
    dense = trained.model.get_layer("logits")
    logits = keras.ops.convert_to_numpy(dense(states.astype("float32")))
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row, choice in zip(likely, found.course.choices, strict=True):
        assert choice.probability == pytest.approx(
            row[trained.experiment.output_field.categories.index(choice.answer)], abs=1e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_course_of_a_classifier_is_its_answer_to_each_beginning(bidirectional: bool, folder: Path) -> None:
    trained = open_small("sentiment", folder, bidirectional=bidirectional)
    words = example("sentiment").input.split()[:9]
    found = inspect(trained, " ".join(words))
    assert any("both directions" in note for note in found.notes) == bidirectional
    beginnings = [" ".join(found.shown.steps[:count]) for count in found.course.steps]
    expected = predict(trained, [Input(one, one) for one in beginnings])
    assert [choice.answer for choice in found.course.choices] == [one["output"] for one in expected]
    for choice, one in zip(found.course.choices, expected, strict=True):
        assert choice.probability == pytest.approx(one["probability"], abs=1e-5)


def test_the_course_of_a_regressor_is_its_number_for_each_beginning(folder: Path) -> None:
    trained, value = open_small("adding", folder), example("adding").input
    found = inspect(trained, value)
    steps = value.split()
    asked = [Input("", " ".join(steps[:count])) for count in range(1, len(steps) + 1)]
    expected = [one["output"] for one in predict(trained, asked)]
    np.testing.assert_allclose(found.course.values[:, 0], expected, atol=1e-4)


@pytest.mark.slow
def test_attention_is_that_of_predict(folder: Path) -> None:
    trained, value = open_small("translation", folder), example("translation").input
    found = inspect(trained, value)
    (expected,) = predict(trained, [Input("", value)], attention=True)
    assert found.attention
    np.testing.assert_allclose(found.attention.weights, expected["attention"], atol=1e-3)
    assert found.attention.weights.shape == (len(found.written), len(found.shown.steps))
    grid = inspect(open_small("caption", folder), example("caption").input).attention
    assert grid and grid.grid and np.prod(grid.grid) == grid.weights.shape[1]


def test_written_symbols_are_as_likely_as_predict_says(folder: Path) -> None:
    trained, value = open_small("translation", folder), example("translation").input
    found = inspect(trained, value)
    product = np.prod([choice.probability for choice in found.course.choices])
    assert found.probability == pytest.approx(product, rel=1e-3)


def test_the_contributions_to_a_linear_model_are_its_terms(folder: Path) -> None:
    """Of a score that is linear in what enters, the integrated gradient is the input times its weight."""
    trained = open_small("adding", folder, cell="lru")
    network, steps, features = Network(trained), 4, 2
    weights = np.random.default_rng(0).normal(size=(steps, features)).astype("float32")

    def follow(variables: Any, inputs: Any, entering: Any) -> Any:
        product = keras.ops.sum(entering["read"] * weights, axis=(1, 2))
        return {"logits": keras.ops.expand_dims(product, 1)}

    network._follow = follow  # type: ignore[method-assign]
    values = np.random.default_rng(1).normal(size=(1, steps, features)).astype("float32")
    found = network.attribute({"values": values, "mask": np.ones((1, steps), bool)}, [Target(0, 0)])
    np.testing.assert_allclose(found.contributions["read"][0], (values[0] * weights).sum(axis=1), rtol=1e-4)
    assert found.points.tolist() == [8] and found.baselines.tolist() == [0.0]


def test_the_contributions_are_those_of_a_fine_sum_over_the_way(folder: Path) -> None:
    """An independent reference: differences of the score, on 400 points of the way, of one number after the other."""
    trained = open_small("adding", folder)
    network, values = Network(trained), np.array([[[0.9, 1], [0.4, 0], [0.7, 1]]], "float32")
    mask = np.ones((1, 3), bool)
    found = network.attribute({"values": values, "mask": mask}, [Target(0, 0)])
    alphas, expected, width = (np.arange(400) + 0.5) / 400, np.zeros(3), 1e-2
    for step in range(3):
        for feature in range(2):
            moved = []
            for sign in (1, -1):
                rows = values * alphas[:, None, None]
                rows[:, step, feature] += sign * width
                asked = {"values": rows.astype("float32"), "mask": np.repeat(mask, 400, axis=0)}
                moved.append(np.asarray(trained.model.predict_on_batch(asked))[:, 0].astype("float64"))
            expected[step] += values[0, step, feature] * ((moved[0] - moved[1]) / (2 * width)).mean()
    np.testing.assert_allclose(found.contributions["read"][0], expected, rtol=0.02, atol=2e-3)


def test_the_loss_against_the_right_answer_is_that_of_the_model(folder: Path) -> None:
    trained, one = open_small("pos", folder), example("pos")
    found = inspect(trained, one.input, answer=one.output)
    batches = trained.experiment.encode([one])
    inputs, outputs, weights = batches.draw(*batches.plan()[0])
    assert found.loss.right
    assert found.loss.loss == pytest.approx(
        trained.model.test_on_batch(inputs, outputs, weights, return_dict=True)["loss"]
    )
    assert found.loss.steps is not None and found.loss.steps.mean() == pytest.approx(found.loss.loss, rel=1e-4)


def test_the_gradient_of_a_chosen_step_reaches_back_from_there(folder: Path) -> None:
    trained, value = open_small("pos", folder), example("pos").input
    found = inspect(trained, value, step=2, explain=True)
    assert found.loss.at == 2 and len(found.loss.norms) == 2
    assert found.explanation and found.explanation.at == 2 and found.explanation.token == value[1]


@pytest.mark.parametrize("step", [0, -1, 10_000])
def test_a_step_that_there_is_not_is_refused(step: int, folder: Path) -> None:
    with pytest.raises(BadInput, match=f"--step {step}: expected a step from 1 to"):
        inspect(open_small("pos", folder), example("pos").input, step=step)


def test_a_right_answer_that_cannot_be_is_refused(folder: Path) -> None:
    trained, one = open_small("pos", folder), example("pos")
    with pytest.raises(BadInput, match="the right answer: 'no such tag': not in the training data"):
        inspect(trained, one.input, answer=("no such tag",) * len(one.input))
    with pytest.raises(BadInput, match=f"the right answer: it has 1 steps, and the input {len(one.input)}"):
        inspect(trained, one.input, answer=one.output[:1])


def test_a_text_with_nothing_in_it_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="the input: the text '' has no word in it"):
        inspect(open_small("sentiment", folder), "")


@pytest.mark.slow
def test_a_hundred_thousand_words_are_cut_and_counted(folder: Path) -> None:
    trained = open_small("sentiment", folder)
    longest = trained.experiment.options.max_length
    found = inspect(trained, "good " * 100_000)
    assert len(found.shown.steps) == longest
    assert f"{100_000 - longest:,} steps of the input are left out" in found.notes[0]
    assert any("The answer is asked after 256 of the" in note for note in found.notes)


@pytest.mark.slow
def test_what_is_longer_than_can_be_shown_is_cut_and_said(folder: Path) -> None:
    trained = open_small("copy", folder)
    found = inspect(trained, "1" * (LONGEST + 50))
    assert f"The input has {LONGEST + 50:,} steps; its first {LONGEST:,} are looked at" in found.notes[0]
    assert len(found.shown.steps) == len(found.course.steps) == LONGEST
    count = len(found.contributions.targets)
    assert LEAST_TARGETS <= count <= MOST_TARGETS
    assert any(f"for {count} of the {LONGEST:,} answers" in note for note in found.notes)


def test_unknown_words_are_marked(folder: Path) -> None:
    found = inspect(open_small("sentiment", folder), "zzzzqqq .")
    assert found.shown.steps[0] == "zzzzqqq" and found.shown.known[0] is False


def test_units_that_are_alike_stand_together() -> None:
    time = np.arange(40)
    waves = [np.sin(time), np.cos(time), np.sin(2.3 * time)]
    states = np.stack([waves[unit % 3] + 0.01 * unit for unit in range(12)], axis=1)
    kinds = order_units(states) % 3
    assert (np.diff(kinds) != 0).sum() == 2
    assert order_units(np.zeros((5, 4))).shape == (4,) and order_units(np.ones((5, 1))).tolist() == [0]


@pytest.mark.slow
def test_a_cell_of_the_users_own_has_its_states_and_no_gates(folder: Path) -> None:
    with without_new_cells():

        @keras.saving.register_keras_serializable("test_inspect")
        class Leaky(keras.layers.SimpleRNNCell):
            def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
                output, after = super().call(sequence, states)
                return output * 0.5, after

        CELLS["leaky"] = lambda units, **options: keras.layers.RNN(Leaky(units), **options)
        found = inspect(open_small("pos", folder, cell="leaky"), example("pos").input, explain=True)
    assert [one.gates for one in found.layers] == [{}, {}] and found.explanation is None
    assert all(one.states.any() and one.exact is None for one in found.layers)
    assert any("RNN is a layer whose arithmetic is not known" in note for note in found.notes)


def test_a_seed_of_a_running_text_is_read_too(folder: Path) -> None:
    trained = open_small("novel", folder)
    category = example("novel").input
    found = inspect(trained, f"{category}: a")
    assert found.written[0] == "a"
    assert dataclasses.asdict(found.course)["apart"]
