"""Cells at the command line: those that cannot run everything, and those of a user's own file."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from harness import data
from harness.cells import check_lengths, suit_cell
from harness.options import defaults
from models.recurrent import CELLS
from pipeline.errors import BadInput
from pipeline.fields import Series
from tests.harness import ROOT
from tests.test_run import refused

CELL = """
import keras
from keras import ops

from models.recurrent import CELLS


@keras.saving.register_keras_serializable("mine")
class Leaky(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1], self.units), name="kernel")

    def call(self, inputs, states):
        state = 0.9 * states[0] + 0.1 * ops.tanh(ops.matmul(inputs, self.kernel))
        return state, [state]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


CELLS["{name}"] = lambda units, **options: keras.layers.RNN(Leaky(units), **options)
"""
TINY = ("--limit", "40", "--epochs", "1", "--units", "4", "--embedding-size", "4", "--json")


@pytest.fixture
def table():
    """Leave the table of cells as it was."""
    before = dict(CELLS)
    yield
    for name in set(CELLS) - set(before):
        del CELLS[name]


def write(folder: Path, name: str = "leaky", text: str = CELL) -> Path:
    path = folder / "mine.py"
    path.write_text(text.replace("{name}", name))
    return path


def run(*arguments: object) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    command = [sys.executable, "run.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


def test_a_file_may_add_a_cell_alone_and_be_read_again(tmp_path: Path, table: None) -> None:
    path = write(tmp_path)
    for _ in range(2):
        before = list(tasks.find())
        tasks.include([path])
        assert list(tasks.find()) == before
        tasks.forget()
    assert CELLS["leaky"](4).cell.units == 4


def test_a_cell_that_there_is_already_is_refused_with_the_line(tmp_path: Path, table: None) -> None:
    path = write(tmp_path, "gru")
    with pytest.raises(BadInput, match=r"mine\.py:25: .*there is a cell 'gru' already; choose another name"):
        tasks.include([path])
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other")
    with pytest.raises(BadInput, match="there is a cell 'leaky' already"):
        tasks.include([write(tmp_path), other])


def test_a_file_that_adds_nothing_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, text="from models.recurrent import CELLS")
    with pytest.raises(BadInput, match="expected TASK = Task"):
        tasks.include([path])


@pytest.mark.slow
def test_a_cell_of_a_file_trains_and_another_process_evaluates_and_predicts(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    # A decoder takes the cell apart, which a classifier does not.
    path = write(tmp_path)
    options = [*TINY, "--include", path, "--cell", "leaky", "--runs", tmp_path / "runs"]
    trained = run("train", "novel", *options)
    assert trained.returncode == 0, trained.stderr
    assert "JAX on CPU" in trained.stderr
    directory = Path(json.loads(trained.stdout)["run"])
    scored = run("evaluate", directory, "--json")
    assert json.loads(scored.stdout)["scores"] == json.loads(trained.stdout)["scores"], scored.stderr
    answer = run("predict", directory, "female")
    assert answer.returncode == 0 and answer.stdout.strip(), answer.stderr
    path.rename(tmp_path / "moved.py")
    assert "mine.py is not there; say with --include FILE" in refused(capsys, "predict", directory, "female")


def test_a_cell_that_cannot_write_is_for_tasks_that_read(table: None) -> None:
    for name, task in tasks.find().items():
        options = defaults(task)
        chosen = options.replace(cell="dnn")
        if "max_length" in options.as_dict():
            chosen = chosen.replace(max_length=50)
        if name in ("novel", "caption", "translation", "suggest"):
            with pytest.raises(BadInput, match=f"--cell dnn: the task '{name}' writes one symbol after another"):
                suit_cell(chosen, task, data.keep_quiet)
        elif "max_length" not in options.as_dict():
            with pytest.raises(BadInput, match=f"--cell dnn: .* the task '{name}' has no bound"):
                suit_cell(chosen, task, data.keep_quiet)
        else:
            assert suit_cell(chosen, task, data.keep_quiet).max_length == 50


@pytest.mark.parametrize("cell", ["bag", "dnn"])
def test_a_cell_without_order_has_its_last_state_pooled(cell: str) -> None:
    task = tasks.get("sentiment")
    options = defaults(task)
    assert options.pooling == "max+mean"
    chosen = replace(options, cell=cell)
    assert suit_cell(chosen, task, data.keep_quiet).pooling == "last"
    assert suit_cell(options, task, data.keep_quiet) == options


def test_an_input_longer_than_the_cell_was_built_for_is_refused_with_its_place() -> None:
    options = defaults(tasks.get("adding"))
    field = Series(2)
    inputs = [field.encode(" ".join(["0.5,1"] * steps)) for steps in (3, 5)]
    for cell in ("dnn", "gru"):
        chosen = replace(options, cell=cell, max_length=4)
        given = chosen, ["a:1", "a:2"], inputs
        if cell == "gru":
            check_lengths(*given, arrays=field.arrays)
            continue
        with pytest.raises(BadInput, match="a:2: the input has 5 steps, and the cell 'dnn' is built for at most 4"):
            check_lengths(*given, arrays=field.arrays)
