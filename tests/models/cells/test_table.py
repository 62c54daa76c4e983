"""The table of cells: what is put into it, and what a cell is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from models.cells import CELLS, Cell, Chrono, Gated
from models.recurrent import stack_layers
from pipeline.option import declared, option
from tests.models import numpy, remembering


@dataclass
class Slowness:
    slowness: float = option(0.5, "Share of the state that is kept at a step.", low=0, high=1)


@keras.saving.register_keras_serializable("tests")
class SlowCell(keras.layers.SimpleRNNCell):
    def __init__(self, units: int, slowness: float, **options):
        super().__init__(units, **options)
        self.slowness = slowness

    def call(self, inputs, states, training=False):
        state = self.slowness * states[0] + (1 - self.slowness) * super().call(inputs, states)[0]
        return state, [state]


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Leave the table as it was."""
    before = dict(CELLS)
    yield
    for name in set(CELLS) - set(before):
        del CELLS[name]


def make_slow(units, slowness=0.0, **given):
    return keras.layers.RNN(SlowCell(units, slowness), **given)


def stack(cell: str, options: object = None) -> keras.Model:
    inputs, mask = keras.Input((None, 2)), keras.Input((None,), dtype="bool")
    return keras.Model([inputs, mask], stack_layers(inputs, mask, cell=cell, units=3, options=options))


def test_a_plain_function_becomes_a_cell_that_can_do_what_most_cells_can() -> None:
    CELLS["mine"] = lambda units, **given: keras.layers.SimpleRNN(units, **given)
    cell = CELLS["mine"]
    assert isinstance(cell, Cell) and cell.module == __name__ and not cell.built_in
    assert (cell.writes, cell.bounded, cell.settings, cell.options) == (True, False, {}, None)
    assert all(one.built_in for name, one in CELLS.items() if name != "mine")


def test_a_function_says_of_itself_what_it_can_and_which_options_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"writes": False, "settings": {"pooling": "last"}, "options": Slowness}.items():
        monkeypatch.setattr(make_slow, name, value, raising=False)
    CELLS["slow"] = make_slow
    cell = CELLS["slow"]
    assert (cell.writes, cell.settings, cell.options) == (False, {"pooling": "last"}, Slowness)


@pytest.mark.parametrize(("options", "slowness"), [(None, 0.5), (SimpleNamespace(slowness=0.9, chrono=7), 0.9)])
def test_a_cell_of_ones_own_is_given_the_options_that_it_declares(options: object, slowness: float) -> None:
    CELLS["slow"] = Cell(make_slow, options=Slowness)
    assert stack("slow", options).get_layer("slow_0_forward").cell.slowness == slowness


def test_a_cell_of_ones_own_can_have_chrono_too() -> None:
    told = []

    def make(units, chrono=None, **given):
        told.append(chrono)
        return keras.layers.SimpleRNN(units, **given)

    CELLS["mine"] = Cell(make, options=Chrono)
    stack("mine", Chrono(40))
    stack("mine")
    assert told == [40, None]


def test_a_bounded_cell_is_told_how_many_steps_there_are_at_most() -> None:
    assert CELLS["dnn"].configure(None, 9)(4).longest == 9
    assert "longest" not in CELLS["gru"].configure(Gated(), 9)(4).get_config()


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "lnlstm", "lngru", "indrnn", "mingru", "minlstm", "lru"])
def test_the_cells_with_gates_declare_chrono_and_begin_otherwise_with_it(cell: str) -> None:
    one = declared(CELLS[cell].options, "model")["chrono"]
    assert (one.name, one.default, one.low) == ("chrono", None, 3)
    keras.utils.set_random_seed(0)
    usual = stack(cell)
    keras.utils.set_random_seed(0)
    other = stack(cell, remembering(cell, 100))
    pairs = zip(usual.weights, other.weights, strict=True)
    assert any(not np.array_equal(numpy(one), numpy(other)) for one, other in pairs)


def test_a_name_that_is_taken_by_another_module_is_refused_and_the_same_may_come_again() -> None:
    CELLS["mine"] = make_slow
    CELLS["mine"] = make_slow
    with pytest.raises(ValueError, match="there is a cell 'gru' already"):
        CELLS["gru"] = make_slow
