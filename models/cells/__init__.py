"""The one table that names the RNN types. It needs no Keras: the layers themselves are imported when one is made."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One RNN type: a function of units that returns a layer from (batch, time, features) to (batch, time, units).

    layer: "module:class" of a keras.layers.RNN, or of what may be used as one.
    writes: it can go on from a state, one step at a time, so that a decoder can be made of it.
    bounded: it is made for inputs of so many steps at the most, and is told how many: longest.
    settings: values of options which make no sense otherwise.
    """

    layer: str
    writes: bool = True
    bounded: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, units: int, **options: Any) -> Any:
        module, _, name = self.layer.partition(":")
        return getattr(importlib.import_module(module), name)(units, **options)


class Cells(dict[str, Callable[..., Any]]):
    """The table of cells. Files of the user's own may add to it, under names that are not taken.

    additions: how often one was added; the same file may be read again, and then adds the same once more.
    """

    additions = 0

    def __setitem__(self, name: str, make: Callable[..., Any]) -> None:
        if name in self and getattr(self[name], "__module__", None) != getattr(make, "__module__", None):
            raise ValueError(f"there is a cell {name!r} already; choose another name")
        super().__setitem__(name, make)
        self.additions += 1


# Name -> a `Cell`, or any function of units that returns a layer. One of the user's own may say as much of itself as a
# Cell does, by attributes of the same names.
CELLS = Cells(
    simple=Cell("models.recurrent:SimpleRNN"),
    lstm=Cell("models.recurrent:LSTM"),
    gru=Cell("models.recurrent:GRU"),
    indrnn=Cell("models.cells.indrnn:IndRNN"),
    mingru=Cell("models.cells.linear_rnn:MinGRU"),
    minlstm=Cell("models.cells.linear_rnn:MinLSTM"),
    lru=Cell("models.cells.linear_rnn:LRU"),
    bag=Cell("models.cells.indrnn:Bag", settings={"pooling": "last"}),
    dnn=Cell("models.cells.indrnn:Flat", writes=False, bounded=True, settings={"pooling": "last"}),
)
BUILT_IN = frozenset(CELLS)


def writes(cell: str) -> bool:
    """Return whether a decoder can be made of a cell: it goes on from a state, one step at a time."""
    return getattr(CELLS[cell], "writes", True)


def is_bounded(cell: str) -> bool:
    """Return whether a cell is made for inputs of so many steps at the most."""
    return getattr(CELLS[cell], "bounded", False)


def settings(cell: str) -> Mapping[str, Any]:
    """Return the options that can have one value only with a cell: its own."""
    return getattr(CELLS[cell], "settings", {})
