"""Cells of the user's own that a run could not be loaded with are refused before it is trained; others pass."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

import tasks
from harness.runs import model_file
from harness.training.begin import prepare
from harness.training.rehearsal import rehearse
from harness.training.request import Request
from models import tagger
from models.families import TAGGER, LazyFamily
from pipeline.errors import BadInput
from tasks.task import Task
from tests.harness import small_options, small_task, start_keras, train, without_new_cells

HEAD = """
import keras, numpy
from keras import ops
from models.recurrent import CELLS
"""
# What differs from one bad cell to the next is put in the place of a line.
DECORATED = "@keras.saving.register_keras_serializable('mine')"
CONFIG = "return {**super().get_config(), 'units': self.units, 'rate': self.rate}"
BEGIN = "self.units, self.rate, self.state_size = units, rate, units"
STEP = "state = self.rate * ops.tanh(ops.matmul(ops.concatenate([inputs, states[0]], -1), self.kernel))"
CELL = f"""{HEAD}

{DECORATED}
class Scaled(keras.layers.Layer):
    def __init__(self, units, rate=0.5, **options):
        super().__init__(**options)
        {BEGIN}

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.units, self.units), name="kernel")

    def call(self, inputs, states):
        {STEP}
        return state, [state]

    def get_config(self):
        {CONFIG}


CELLS["scaled"] = lambda units, **options: keras.layers.RNN(Scaled(units, rate=0.9), **options)
"""
STACKED = f"""{HEAD}
CELLS["stacked"] = lambda units, **options: keras.layers.RNN(
    [keras.layers.LSTMCell(units), keras.layers.GRUCell(units)], **options
)
"""
# Two states, of different sizes, and an output that is neither of them.
GATED = f"""{HEAD}

@keras.saving.register_keras_serializable("mine")
class Gated(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units, self.state_size, self.output_size = units, [units, 1], units
        self.norm = keras.layers.LayerNormalization()

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.units, self.units), name="kernel")
        self.norm.build((None, self.units))

    def call(self, inputs, states, training=None):
        hidden, count = states
        hidden = self.norm(ops.matmul(ops.concatenate([inputs, hidden], -1), self.kernel))
        return hidden * inputs[:, :1] + count, [hidden, count + 1]

    def get_config(self):
        return {{**super().get_config(), "units": self.units}}


CELLS["gated"] = lambda units, **options: keras.layers.RNN(Gated(units), **options)
"""


@pytest.fixture
def include(tmp_path: Path) -> Iterator[Any]:
    """Return a function that reads the text of a file of the user's own."""
    start_keras()

    def read(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(text)
        assert tasks.load(tasks.read(path)) is None
        return path

    with without_new_cells():
        yield read


def rehearse_small(name: str, **changed: Any) -> None:
    rehearse_task(small_task(name), **changed)


def rehearse_task(task: Task, **changed: Any) -> None:
    training = prepare(Request(task, small_options(task, **changed).replace(data="small"), Path("nowhere")), None)
    rehearse(training.experiment, training.batches["train"])


@pytest.mark.parametrize(
    ("text", "cell", "name"),
    [
        (CELL, "scaled", "sentiment"),
        (STACKED, "stacked", "pos"),
        (STACKED, "stacked", "translation"),
        (GATED, "gated", "sentiment"),
        (GATED, "gated", "translation"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
def test_a_cell_that_can_be_loaded_passes_in_models_that_tag_classify_and_write(
    text: str, cell: str, name: str, include: Any
) -> None:
    include(text)
    rehearse_small(name, cell=cell, bidirectional=True)


@pytest.mark.parametrize(
    ("line", "instead", "reason"),
    [
        (
            DECORATED,
            "",
            "cannot be saved and loaded again, so nothing has been trained: Could not locate class 'Scaled'",
        ),
        (CONFIG, "return {'units': self.units}; 1/0", "computes something else"),
        (CONFIG, "return {'rate': self.rate}", "missing 1 required positional argument: 'units'"),
        (CONFIG, "raise NotImplementedError('write it')", "write it"),
        (STEP, STEP + " * float(numpy.random.rand())", "computes something else"),
    ],
)
def test_a_cell_that_cannot_be_loaded_is_refused_with_the_reason_and_the_cure(
    line: str, instead: str, reason: str, include: Any
) -> None:
    assert line in CELL
    include(CELL.replace(line, instead))
    with pytest.raises(BadInput, match="^--cell scaled: a model with it") as refused:
        rehearse_small("sentiment", cell="scaled")
    assert reason in str(refused.value)
    assert "get_config() that returns all arguments of __init__" in str(refused.value)
    assert "\n" not in str(refused.value) and "config=" not in str(refused.value)


def test_nothing_is_written_for_a_cell_that_is_refused(include: Any, tmp_path: Path) -> None:
    include(CELL.replace(DECORATED, ""))
    task = small_task("sentiment")
    with pytest.raises(BadInput, match="Could not locate class"):
        train(task, small_options(task, cell="scaled"), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_mistake_in_a_cell_is_told_with_its_line(include: Any) -> None:
    path = include(CELL.replace("self.kernel))", "self.kernle))"))
    line = 1 + next(number for number, row in enumerate(path.read_text().splitlines()) if "kernle" in row)
    with pytest.raises(
        BadInput, match=rf"^{path}:{line}: --cell scaled: no model can be trained with it: .* no attribute 'kernle'$"
    ):
        rehearse_small("pos", cell="scaled")


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            "keras.layers.Conv1D(units, 3, padding='same', name=o['name'])",
            "a Conv1D cannot write: expected a keras.layers.RNN",
        ),
        ("keras.layers.SimpleRNN(units + 1, **o)", "the cell gives 9 numbers at a step; to write, 8 are expected"),
    ],
)
def test_what_cannot_write_is_refused_where_something_is_written(layer: str, reason: str, include: Any) -> None:
    include(f"{HEAD}\nCELLS['odd'] = lambda units, **o: {layer}")
    rehearse_small("pos", cell="odd")
    with pytest.raises(BadInput, match=f"--cell odd: no model can be trained with it: ValueError: {reason}"):
        rehearse_small("translation", cell="odd")


def test_a_family_of_the_users_own_is_rehearsed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unknown(keras.layers.Dense):
        pass

    start_keras()
    task = replace(small_task("pos"), family=LazyFamily("tests.harness.test_rehearsal", TAGGER.options))
    monkeypatch.setattr("tests.harness.test_rehearsal.Answer", Unknown)
    with pytest.raises(
        BadInput, match="^tests.harness.test_rehearsal: a model with it .* Could not locate class 'Unknown'"
    ):
        rehearse_task(task)


Answer = keras.layers.Dense


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    model = tagger.build(input_field, output_field, options)
    return keras.Model(model.input, Answer(output_field.arrays["output"].size, name="again")(model.output))


decode, loss = tagger.decode, tagger.loss


def test_the_cells_of_this_suite_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "load", lambda _: pytest.fail("the model was loaded"))
    for cell in ("simple", "mingru"):
        rehearse_small("sentiment", cell=cell)
