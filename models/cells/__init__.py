"""The one table that names the RNN types. It needs no Keras: the layers themselves are imported when one is made."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from models.cells.counting import explain_delta, explain_gates
from pipeline.option import Value, option

if TYPE_CHECKING:
    import keras

    from models.tensor import LayerArgument

    Layer: TypeAlias = keras.layers.Layer


class MakesLayer(Protocol):
    """What an RNN type has to be: a function, or a class, that makes a layer of so many units.

        @keras.saving.register_keras_serializable()
        class MineCell(keras.layers.SimpleRNNCell): ...

        def make(units, **given):
            return keras.layers.RNN(MineCell(units), **given)

        CELLS["mine"] = make

    The layer goes from (batch, time, features) to (batch, time, units), and is given `return_sequences=True` and a
    `name`. It need not look at a mask: padding is on the right, and a backward direction gets its sequences reversed.
    Its class, and every function that it is given, is registered with Keras, so that a saved model can be loaded.

    A function may have attributes, by the names and with the meanings of those of `Cell`: `make.writes = False`, say.
    They are read when it is put into the table.
    """

    def __call__(self, units: int, **given: "LayerArgument") -> "Layer":
        """Return the layer. given: return_sequences, name; the options declared; `longest` where it is bounded."""


@dataclass(frozen=True)
class Cell:
    """One RNN type, an entry of the table.

    make: makes its layer.
    writes: it can go on from a state, one step at a time, so that a decoder can be made of it: the layer is a
        keras.layers.RNN, and its `cell` gives as many numbers at a step as there are units.
    bounded: it is made for inputs of so many steps at most, and `make` is told how many: longest.
    settings: options that can have one value only with this cell, and these values.
    options: a dataclass whose fields are declared by pipeline.option.option, or None; `make` is given them by name.
    limitation: (options, modulus) -> why it cannot count modulo that number, in one sentence; None where it can.
    """

    make: MakesLayer
    writes: bool = True
    bounded: bool = False
    settings: Mapping[str, Value] = field(default_factory=dict)
    options: type | None = None
    limitation: Callable[[Any, int], str | None] | None = None

    @property
    def module(self) -> str:
        """The name of the module that defines it."""
        return self.make.__module__

    @property
    def built_in(self) -> bool:
        """Whether it is one of this suite's own."""
        return self.module == __name__

    def __call__(self, units: int, **given: "LayerArgument") -> "Layer":
        """Return a layer with the default of every option that is not given."""
        return self.make(units, **given)

    def configure(self, options: object, longest: int | None = None) -> MakesLayer:
        """Return what makes the layers of a run. options: has an attribute for each option that the cell declares.

        longest: steps of the longest input; for a cell that is bounded.
        """
        told: dict[str, LayerArgument] = dict(self.read_options(options))
        if self.bounded:
            told["longest"] = longest
        return partial(self.make, **told)

    def read_options(self, options: object) -> dict[str, Value]:
        """Return the values of the options that the cell declares. options: has an attribute for each."""
        return {one.name: getattr(options, one.name) for one in fields(self.options)} if self.options else {}


def wrap(make: MakesLayer) -> Cell:
    """Return the cell of a function, with what the function says of itself."""
    told = {
        name: getattr(make, name)
        for name in ("writes", "bounded", "settings", "options", "limitation")
        if hasattr(make, name)
    }
    return Cell(make, **told)


def late(layer: str) -> MakesLayer:
    """Return what makes a layer by "module:function", which is imported when the first one is made."""
    module, _, name = layer.partition(":")

    def make(units: int, **given: "LayerArgument") -> "Layer":
        return getattr(importlib.import_module(module), name)(units, **given)

    return make


class Cells(dict[str, Cell]):
    """The table of cells. Files of the user's own may add to it, under names that are not taken.

    What is put into it is a `Cell` or anything that makes a layer (`MakesLayer`); what is found in it is a `Cell`.
    additions: how often one was added; the same file may be read again, and then adds the same once more.
    """

    additions = 0

    def __setitem__(self, name: str, make: Cell | MakesLayer) -> None:
        cell = make if isinstance(make, Cell) else wrap(make)
        if name in self and self[name].module != cell.module:
            raise ValueError(f"there is a cell {name!r} already; choose another name")
        super().__setitem__(name, cell)
        self.additions += 1


@dataclass
class Chrono:
    """The option of the cells that can begin by remembering (Tallec and Ollivier 2018; models/cells/chrono.py)."""

    chrono: int | None = option(
        None,
        "Steps that gates (but those of slstm), indrnn and lru begin by remembering; the usual beginning is few.",
        low=3,
        adjustable=True,
        rare=True,
    )


@dataclass
class RecurrentDropout:
    """The option of the cells whose hidden state is multiplied by a matrix at every step (Gal and Ghahramani 2016)."""

    recurrent_dropout: float = option(
        0.0,
        "Share of the hidden state, the same at all steps, that no step sees in training.",
        low=0,
        high=0.95,
        adjustable=True,
        rare=True,
    )


@dataclass
class Zoneout(RecurrentDropout):
    """Options of those whose states may also stay as they were (Krueger et al. 2017; models/cells/projected_rnn.py)."""

    zoneout: float = option(
        0.0, "Share of the units that keep their state at a step in training.", low=0, high=0.95, rare=True
    )


@dataclass
class Gated(Zoneout, Chrono):
    """Options of the cells with gates that see the hidden state."""


@dataclass
class Signed:
    """The option of cells whose state is linear in the one before (Grazzi et al. 2024; models/cells/counting.py)."""

    signed: bool = option(
        False, "mingru, minlstm and delta turn states round, and so count modulo 2: factors from -1 to 1.", rare=True
    )


@dataclass
class SignedGates(Signed, Chrono):
    """Options of the cells whose gates do not see the state."""


@dataclass
class Heads(Signed):
    """Options of the cell delta (models/cells/delta.py)."""

    heads: int = option(
        4, "Matrices that delta holds, of about units / heads rows and columns.", low=1, high=1024, rare=True
    )
    gates: bool = option(True, "Delta forgets, and gates its output (gated DeltaNet); no: DeltaNet.", rare=True)


@dataclass
class Eigenvalues(Chrono):
    """Options of the cell lru (models/cells/linear_rnn.py)."""

    slow_eigenvalues: bool = option(
        True, "Learn the eigenvalues of lru with a quarter of the learning rate.", rare=True
    )


CELLS = Cells(
    simple=Cell(late("models.recurrent:SimpleRNN"), options=Zoneout),
    lstm=Cell(late("models.recurrent:make_lstm"), options=Gated),
    gru=Cell(late("models.recurrent:make_gru"), options=Gated),
    irnn=Cell(late("models.cells.irnn:IRNN"), options=Zoneout),
    peephole=Cell(late("models.cells.peephole:Peephole"), options=Gated),
    lnlstm=Cell(late("models.cells.layer_norm:LayerNormLSTM"), options=Gated),
    lngru=Cell(late("models.cells.layer_norm:LayerNormGRU"), options=Gated),
    slstm=Cell(late("models.cells.slstm:SLSTM"), options=RecurrentDropout),
    indrnn=Cell(late("models.cells.indrnn:IndRNN"), options=Chrono),
    mingru=Cell(late("models.cells.linear_rnn:MinGRU"), options=SignedGates, limitation=explain_gates),
    minlstm=Cell(late("models.cells.linear_rnn:MinLSTM"), options=SignedGates, limitation=explain_gates),
    lru=Cell(late("models.cells.linear_rnn:LRU"), options=Eigenvalues),
    delta=Cell(late("models.cells.delta:Delta"), options=Heads, limitation=explain_delta),
    bag=Cell(late("models.cells.baselines:Bag"), settings={"pooling": "last"}),
    dnn=Cell(late("models.cells.baselines:FlatDense"), writes=False, bounded=True, settings={"pooling": "last"}),
)
