"""The arithmetic of one step of each RNN type.

It is written as lines of text, and these lines are what is computed: what a student is shown cannot differ from what
the numbers come from. A test holds the outcome equal to that of the Keras layer.

The names in a line: `x` is the vector that enters at this step, `h` the hidden state that leaves it; `h_before`, and
the like, a state before the step. `@` is a product of a vector with a matrix; all else is one operation per unit.
"""

import ast
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType

import keras
import numpy as np

from harness.inspection.inspection import Line
from models.cells.baselines import Bag, FlatDense
from models.cells.indrnn import IndRNN
from models.cells.irnn import IRNN
from models.cells.layer_norm import EPSILON, LayerNormGRU, LayerNormLSTM
from models.cells.linear_rnn import LRU, MinGRU, MinLSTM
from models.cells.peephole import Peephole
from models.cells.projected_rnn import ProjectedRNN
from models.cells.slstm import SLSTM
from models.layers.decoder import nest
from models.recurrent import GRU, LSTM, FastPath, SimpleRNN

Numbers = np.ndarray
Weights = dict[str, Numbers]


def sigmoid(x: Numbers) -> Numbers:
    """Return 1 / (1 + exp(-x)), in a form that does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x)))


def relu(x: Numbers) -> Numbers:
    """Return x where it is above 0, else 0."""
    return np.maximum(x, 0)


def gelu(x: Numbers) -> Numbers:
    """Return the Gaussian error linear unit in its form with tanh (Hendrycks and Gimpel 2016), which Keras computes."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def log_sigmoid(x: Numbers) -> Numbers:
    """Return log(sigmoid(x)), in a form that does not overflow."""
    return -np.logaddexp(0, -np.asarray(x))


def mean(x: Numbers) -> Numbers:
    """Return the mean of all units, for each of them."""
    return np.full_like(x, np.mean(x))


def mean_square(x: Numbers) -> Numbers:
    """Return the mean of the squares of all units, for each of them."""
    return np.full_like(x, np.mean(x * x))


FUNCTIONS: Mapping[str, Callable[..., Numbers]] = {
    "sigmoid": sigmoid, "tanh": np.tanh, "relu": relu, "gelu": gelu, "exp": np.exp, "abs": np.abs, "cos": np.cos,
    "sin": np.sin, "log_sigmoid": log_sigmoid, "max": np.maximum, "where": np.where, "mean": mean,
    "mean_square": mean_square, "clip": np.clip,
}  # fmt: skip
# Those that see all units.
ACROSS = ("mean", "mean_square")
BEFORE = "_before"


@dataclass(frozen=True)
class Arithmetic:
    """One step of an RNN type.

    lines: assignments, computed in their order; the last is that of `h`.
    states: names of the numbers handed on to the next step, in the order of the layer's states.
    gates: names of those worth a picture, with what each does.
    constants, inner: likewise, of numbers that are the same at every step, and of states that are not the hidden state.
    read_weights: the layer's weights by name, split into their parts.
    per_step: the weights of which every step has its own, (steps, ...).
    """

    lines: tuple[str, ...]
    read_weights: Callable[[keras.Layer], Weights]
    states: tuple[str, ...] = ("h",)
    gates: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    per_step: tuple[str, ...] = ()

    def compile(self) -> CodeType:
        """Return the lines as Python's code."""
        return compile("\n".join(self.lines), "arithmetic", "exec")

    def unroll(self, layer: keras.Layer, sequence: Numbers, first: Sequence[Numbers] = ()) -> "Unrolled":
        """Return all numbers of all steps.

        sequence: what enters, (time, features). first: the states before the first step, each (its size,); none: zeros.
        """
        weights = {name: np.asarray(value, "float64") for name, value in self.read_weights(layer).items()}
        shapes = layer.compute_output_shape((1, 1, sequence.shape[1]))
        # One that carries its states returns them too.
        units = (shapes[0] if isinstance(shapes[0], tuple) else shapes)[-1]
        begin = [np.broadcast_to(np.asarray(one, "float64"), units) for one in first]
        begin = begin or [np.zeros(units) for _ in self.states]
        names = {name + BEFORE: value for name, value in zip(self.states, begin, strict=True)}
        code, steps = self.compile(), []
        for number, x in enumerate(np.asarray(sequence, "float64")):
            space = {**FUNCTIONS, **weights, **{name: weights[name][number] for name in self.per_step}, **names, "x": x}
            # Not `eval` of what a user typed: the lines are those below.
            exec(code, space)
            steps.append({name: value for name, value in space.items() if isinstance(value, np.ndarray)})
            names = {name + BEFORE: np.asarray(space[name]) for name in self.states}
        return Unrolled(self, weights, steps)


@dataclass(frozen=True)
class Unrolled:
    """All numbers of a layer at all steps. steps: one dictionary per step, of everything that its lines name."""

    arithmetic: Arithmetic
    weights: Weights
    steps: list[Weights]

    def collect(self, name: str) -> Numbers:
        """Return what a name stands for at every step, (time, units)."""
        return np.stack([np.broadcast_to(step[name], step["h"].shape) for step in self.steps])

    def get_constant(self, name: str) -> Numbers:
        """Return what a name stands for at every step alike, (units,)."""
        return self.steps[0][name]


def unroll_cell(layer: keras.layers.RNN, sequence: Numbers, first: Sequence[Numbers] = ()) -> list[Numbers]:
    """Return the states of a cell that nothing else is known of, each (time, its size), by its own step.

    sequence, first: as `Arithmetic.unroll` takes them.
    """
    sizes = keras.tree.flatten(layer.cell.state_size)
    begin = [np.asarray(one, "float32") for one in first] or [np.zeros(size, "float32") for size in sizes]
    states = nest(layer.cell.state_size, iter([keras.ops.convert_to_tensor(one[None]) for one in begin]))
    every = []
    for x in np.asarray(sequence, "float32"):
        _, states = layer.cell(keras.ops.convert_to_tensor(x[None]), states)
        every.append([number(one)[0] for one in keras.tree.flatten(states)])
    return [np.stack(steps) for steps in zip(*every, strict=True)]


def split(weights: Numbers, names: Sequence[str]) -> Weights:
    """Return equal parts of the last axis, by name."""
    return dict(zip(names, np.split(np.asarray(weights), len(names), axis=-1), strict=True))


def number(variable: keras.Variable) -> Numbers:
    """Return a variable, or a tensor, as a NumPy array of float32."""
    return keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))


def read_simple(layer: SimpleRNN) -> Weights:
    cell = layer.cell
    return {"W": number(cell.kernel), "U": number(cell.recurrent_kernel), "b": number(cell.bias)}


def read_lstm(layer: LSTM) -> Weights:
    cell, gates = layer.cell, ("i", "f", "g", "o")
    return {
        **split(number(cell.kernel), [f"W_{gate}" for gate in gates]),
        **split(number(cell.recurrent_kernel), [f"U_{gate}" for gate in gates]),
        **split(number(cell.bias), [f"b_{gate}" for gate in gates]),
    }


def read_gru(layer: GRU) -> Weights:
    cell, gates = layer.cell, ("z", "r", "n")
    given, recurrent = number(cell.bias)
    return {
        **split(number(cell.kernel), [f"W_{gate}" for gate in gates]),
        **split(number(cell.recurrent_kernel), [f"U_{gate}" for gate in gates]),
        **split(given, [f"b_{gate}" for gate in gates]),
        **split(recurrent, [f"c_{gate}" for gate in gates]),
    }


def read_indrnn(layer: IndRNN) -> Weights:
    cell = layer.cell
    return {"W": number(cell.kernel), "u": number(cell.recurrent), "b": number(cell.bias)}


def read_mingru(layer: MinGRU) -> Weights:
    cell = layer.cell
    return {**split(number(cell.kernel), ("W_k", "W_n")), "b_k": number(cell.keep), "b_n": number(cell.bias)}


def read_minlstm(layer: MinLSTM) -> Weights:
    cell = layer.cell
    biases = {"b_f": number(cell.keep), "b_i": number(cell.let), "b_n": number(cell.bias)}
    return {**split(number(cell.kernel), ("W_f", "W_i", "W_n")), **biases}


def read_lru(layer: LRU) -> Weights:
    cell = layer.cell
    real, imaginary = np.split(number(cell.out), 2)
    return {
        "nu": number(cell.decay),
        "theta": number(cell.angle),
        "gamma": number(cell.scale),
        **split(number(cell.kernel), ("B_re", "B_im")),
        "C_re": real,
        "C_im": imaginary,
        "D": number(cell.through),
        "G": number(cell.gate),
        "b": number(cell.bias),
    }


def read_peephole(layer: Peephole) -> Weights:
    sight = dict(zip(("p_i", "p_f", "p_o"), map(number, layer.cell.vectors), strict=True))
    return read_lstm(layer) | sight


def read_norm_lstm(layer: LayerNormLSTM) -> Weights:
    gates, (gain, state_gain, state_bias) = ("i", "f", "g", "o"), map(number, layer.cell.vectors)
    return {
        **read_lstm(layer),
        **split(number(layer.cell.input_gain), [f"a_{gate}" for gate in gates]),
        **split(gain, [f"d_{gate}" for gate in gates]),
        "a_c": state_gain,
        "b_c": state_bias,
    }


def read_norm_gru(layer: LayerNormGRU) -> Weights:
    cell, gates = layer.cell, ("z", "r", "n")
    gain, candidate_bias = map(number, cell.vectors)
    return {
        **split(number(cell.kernel), [f"W_{gate}" for gate in gates]),
        **split(number(cell.recurrent_kernel), [f"U_{gate}" for gate in gates]),
        **split(number(cell.bias), [f"b_{gate}" for gate in gates]),
        **split(number(cell.input_gain), [f"a_{gate}" for gate in gates]),
        **split(gain, [f"d_{gate}" for gate in gates]),
        "c_n": candidate_bias,
    }


def write_norm(name: str, *vectors: str) -> tuple[str, ...]:
    """Return the lines that find the mean of vectors, side by side, and their standard deviation, by these names."""
    count = len(vectors)
    means = " + ".join(f"mean({one})" for one in vectors)
    squares = " + ".join(f"mean_square({one})" for one in vectors)
    return (
        f"{name}_mean = ({means}) / {count}",
        f"{name}_deviation = (({squares}) / {count} - {name}_mean * {name}_mean + {EPSILON}) ** 0.5",
    )


def write_normed(gate: str) -> str:
    """Return the sum of what enters a gate: of the input, and of the hidden state, both normalized."""
    return f"(x_{gate} - x_mean) / x_deviation * a_{gate} + (h_{gate} - h_mean) / h_deviation * d_{gate} + b_{gate}"


def read_slstm(layer: SLSTM) -> Weights:
    cell, gates = layer.cell, ("i", "f", "z", "o")
    return {
        **split(number(cell.kernel), [f"W_{gate}" for gate in gates]),
        **split(number(cell.recurrent_kernel), [f"R_{gate}" for gate in gates]),
        **split(number(cell.bias), [f"b_{gate}" for gate in gates]),
    }


def read_bag(layer: Bag) -> Weights:
    return {"W": number(layer.cell.kernel), "b": number(layer.cell.bias)}


def read_dnn(layer: FlatDense) -> Weights:
    return {"W": number(layer.kernel), "b": number(layer.bias)}


ARITHMETIC: Mapping[type, Arithmetic] = {
    SimpleRNN: Arithmetic(("h = tanh(x @ W + h_before @ U + b)",), read_simple),
    LSTM: Arithmetic(
        (
            "i = sigmoid(x @ W_i + h_before @ U_i + b_i)",
            "f = sigmoid(x @ W_f + h_before @ U_f + b_f)",
            "g = tanh(x @ W_g + h_before @ U_g + b_g)",
            "o = sigmoid(x @ W_o + h_before @ U_o + b_o)",
            "c = f * c_before + i * g",
            "h = o * tanh(c)",
        ),
        read_lstm,
        states=("h", "c"),
        gates={
            "i": "input gate: how much of the new candidate is let in",
            "f": "forget gate: how much of the cell state is kept",
            "o": "output gate: how much of the cell state is shown as the hidden state",
        },
        inner={"c": "cell state, which is only added to and scaled, so that it lasts"},
    ),
    GRU: Arithmetic(
        (
            "z = sigmoid(x @ W_z + b_z + h_before @ U_z + c_z)",
            "r = sigmoid(x @ W_r + b_r + h_before @ U_r + c_r)",
            "n = tanh(x @ W_n + b_n + r * (h_before @ U_n + c_n))",
            "h = z * h_before + (1 - z) * n",
        ),
        read_gru,
        gates={
            "z": "update gate: how much of the state before is kept",
            "r": "reset gate: how much of the state before the new candidate sees",
        },
    ),
    IndRNN: Arithmetic(
        ("h = relu(x @ W + b + h_before * u)",),
        read_indrnn,
        constants={"u": "recurrent weight: what each unit multiplies its own state with at every step"},
    ),
    MinGRU: Arithmetic(
        ("k = sigmoid(x @ W_k + b_k)", "n = x @ W_n + b_n", "h = k * h_before + (1 - k) * n"),
        read_mingru,
        gates={"k": "share of the state before that is kept; the rest, 1 - k, is the new candidate"},
    ),
    MinLSTM: Arithmetic(
        (
            "f = sigmoid(x @ W_f + b_f)",
            "i = sigmoid(x @ W_i + b_i)",
            "k = f / (f + i)",
            "n = x @ W_n + b_n",
            "h = k * h_before + (1 - k) * n",
        ),
        read_minlstm,
        gates={
            "k": "share of the state before that is kept, f / (f + i); the rest is the new candidate",
            "f": "forget gate, before the two are put in proportion",
            "i": "input gate, before the two are put in proportion",
        },
    ),
    LRU: Arithmetic(
        (
            "size = exp(-exp(nu))",
            "turn = exp(theta)",
            "re = size * cos(turn) * re_before - size * sin(turn) * im_before + exp(gamma) * (x @ B_re)",
            "im = size * cos(turn) * im_before + size * sin(turn) * re_before + exp(gamma) * (x @ B_im)",
            "y = gelu(re @ C_re + im @ C_im + x @ D)",
            "h = y * sigmoid(y @ G + b)",
        ),
        read_lru,
        states=("re", "im"),
        constants={"size": "magnitude of the eigenvalue: what share of a unit's state is left after one step"},
        inner={"re": "real part of the state, from which the outputs are mixed", "im": "imaginary part of the state"},
    ),
    IRNN: Arithmetic(("h = relu(x @ W + h_before @ U + b)",), read_simple),
    Peephole: Arithmetic(
        (
            "i = sigmoid(x @ W_i + h_before @ U_i + p_i * c_before + b_i)",
            "f = sigmoid(x @ W_f + h_before @ U_f + p_f * c_before + b_f)",
            "g = tanh(x @ W_g + h_before @ U_g + b_g)",
            "c = f * c_before + i * g",
            "o = sigmoid(x @ W_o + h_before @ U_o + p_o * c + b_o)",
            "h = o * tanh(c)",
        ),
        read_peephole,
        states=("h", "c"),
        gates={
            "i": "input gate: how much of the new candidate is let in",
            "f": "forget gate: how much of the cell state is kept",
            "o": "output gate: how much of the cell state is shown as the hidden state",
        },
        inner={"c": "cell state, which the gates see too"},
    ),
    LayerNormLSTM: Arithmetic(
        (
            *(f"x_{gate} = x @ W_{gate}" for gate in "ifgo"),
            *write_norm("x", "x_i", "x_f", "x_g", "x_o"),
            *(f"h_{gate} = h_before @ U_{gate}" for gate in "ifgo"),
            *write_norm("h", "h_i", "h_f", "h_g", "h_o"),
            f"i = sigmoid({write_normed('i')})",
            f"f = sigmoid({write_normed('f')})",
            f"g = tanh({write_normed('g')})",
            f"o = sigmoid({write_normed('o')})",
            "c = f * c_before + i * g",
            *write_norm("c", "c"),
            "h = o * tanh((c - c_mean) / c_deviation * a_c + b_c)",
        ),
        read_norm_lstm,
        states=("h", "c"),
        gates={
            "i": "input gate: how much of the new candidate is let in",
            "f": "forget gate: how much of the cell state is kept",
            "o": "output gate: how much of the cell state, normalized, is shown as the hidden state",
        },
        inner={"c": "cell state, which is only added to and scaled, so that it lasts"},
    ),
    LayerNormGRU: Arithmetic(
        (
            *(f"x_{gate} = x @ W_{gate}" for gate in "zrn"),
            *(f"h_{gate} = h_before @ U_{gate}" for gate in "zrn"),
            *write_norm("x", "x_z", "x_r"),
            *write_norm("h", "h_z", "h_r"),
            f"z = sigmoid({write_normed('z')})",
            f"r = sigmoid({write_normed('r')})",
            *write_norm("xn", "x_n"),
            *write_norm("hn", "h_n"),
            "s = (h_n - hn_mean) / hn_deviation * d_n + c_n",
            "n = tanh((x_n - xn_mean) / xn_deviation * a_n + b_n + r * s)",
            "h = z * h_before + (1 - z) * n",
        ),
        read_norm_gru,
        gates={
            "z": "update gate: how much of the state before is kept",
            "r": "reset gate: how much of the state before the new candidate sees",
        },
    ),
    SLSTM: Arithmetic(
        (
            "i_raw = x @ W_i + h_before @ R_i + b_i",
            "f_raw = x @ W_f + h_before @ R_f + b_f",
            "z = tanh(x @ W_z + h_before @ R_z + b_z)",
            "o = sigmoid(x @ W_o + h_before @ R_o + b_o)",
            "kept = log_sigmoid(f_raw) + m_before",
            "m = where(n_before == 0, i_raw, max(kept, i_raw))",
            "i = exp(i_raw - m)",
            "f = exp(kept - max(m, kept))",
            "c = f * c_before + i * z",
            "n = f * n_before + i",
            "h = o * c / max(n, 1)",
        ),
        read_slstm,
        states=("h", "c", "n", "m"),
        gates={"o": "output gate: how much of the mean of the candidates is shown as the hidden state"},
        inner={
            "c": "cell state: the sum of the candidates, each by the weight that its input gate gave it",
            "n": "normalizer: the sum of these weights, by which the cell state is divided",
            "m": "stabilizer: the largest exponent so far, which keeps the weights from overflowing",
        },
    ),
    Bag: Arithmetic(
        ("n = abs(n_before) + 1", "m = m_before + (x @ W - m_before) / n", "h = tanh(m + b)"),
        read_bag,
        states=("m", "n"),
    ),
    FlatDense: Arithmetic(
        ("s = s_before + x @ W", "h = tanh(s + b)"), read_dnn, states=("s",), per_step=("W",)
    ),
}  # fmt: skip


def sign(plain: Arithmetic) -> Arithmetic:
    """Return the arithmetic with signed gates of a cell with a share k and a candidate n; see `GatedCell`."""
    lines = ("s = clip(1.2 * k - 0.1, 0, 1)", "a = 2 * s - 1", "h = a * h_before + (1 - s) * n")
    meaning = "signed gate: what the state before is multiplied with; 1 keeps it, 0 forgets it, -1 turns it round"
    others = {name: told for name, told in plain.gates.items() if name != "k"}
    return dataclasses.replace(plain, lines=(*plain.lines[:-1], *lines), gates={"a": meaning, **others})


SIGNED: Mapping[type, Arithmetic] = {kind: sign(ARITHMETIC[kind]) for kind in (MinGRU, MinLSTM)}


def find_arithmetic(layer: keras.Layer) -> Arithmetic | None:
    """Return that of a layer; None for an RNN type of the user's own.

    An exact type: a class derived from one of these may compute something else.
    """
    signed = isinstance(layer, MinGRU | MinLSTM) and layer.cell.signed
    found = (SIGNED if signed else ARITHMETIC).get(type(layer))
    share = layer.zoneout if isinstance(layer, FastPath) else 0.0
    if isinstance(layer, ProjectedRNN):
        share = layer.cell.zoneout
    return mix_states(found, share) if found and share else found


def mix_states(arithmetic: Arithmetic, share: float) -> Arithmetic:
    """Return that of a layer with zoneout: each state is the mean of the old and the new one, by that share."""
    states = arithmetic.states
    lines = [re.sub(rf"\b({'|'.join(states)})\b", r"\1_new", line) for line in arithmetic.lines]
    # The hidden state last.
    mixed = [f"{one} = {share} * {one}{BEFORE} + {1 - share:.12g} * {one}_new" for one in reversed(states)]
    return dataclasses.replace(arithmetic, lines=(*lines, *mixed))


def format_number(value: float) -> str:
    """Return a number with six digits, as Python reads it."""
    return f"{value:.6g}"


class Numbered(ast.NodeTransformer):
    """Puts numbers in the place of names and of products with matrices, for one unit.

    values: by name, (units,). products: those of this line, by their text; what was put in is noted there. means:
    likewise, of what is found from all units.
    """

    def __init__(self, values: Weights, unit: int):
        self.values, self.unit = values, unit
        self.products: dict[str, float] = {}
        self.means: dict[str, Numbers] = {}

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if not isinstance(node.op, ast.MatMult):
            return self.generic_visit(node)
        assert isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name)
        found = float(self.values[node.left.id] @ self.values[node.right.id][:, self.unit])
        self.products[ast.unparse(node)] = found
        return self.put(found)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        (first, *_), text = node.args, ast.unparse(node)
        if isinstance(node.func, ast.Name) and isinstance(first, ast.Name) and node.func.id in ACROSS:
            self.means[text] = FUNCTIONS[node.func.id](self.values[first.id])
            return self.put(float(self.means[text][self.unit]))
        node.args = [self.visit(one) for one in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = np.asarray(self.values[node.id])
        return self.put(float(value if value.ndim == 0 else value[self.unit]))

    def put(self, value: float) -> ast.AST:
        return ast.Constant(float(format_number(value)))


TERMS = 3


def show_product(vector: Numbers, column: Numbers) -> str:
    """Return the product of a vector with a column as a sum: its TERMS largest terms, and all others as one number."""
    terms = vector * column
    largest = np.argsort(-np.abs(terms))[:TERMS]
    shown = [f"{format_number(vector[place])} * {format_number(column[place])}" for place in largest]
    rest = float(terms.sum() - terms[largest].sum())
    return " + ".join([*shown, *([format_number(rest)] if len(terms) > TERMS else [])])


def explain_step(unrolled: Unrolled, step: int, unit: int) -> list[Line]:
    """Return the arithmetic of one unit at one step, line by line, each product with a matrix before its line."""
    values, found = unrolled.steps[step], []
    for line in unrolled.arithmetic.lines:
        name, _, formula = line.partition(" = ")
        numbered = Numbered(values, unit)
        tree = numbered.visit(ast.parse(formula, mode="eval"))
        for text, product in numbered.products.items():
            vector, _, matrix = text.partition(" @ ")
            numbers = show_product(values[vector], values[matrix][:, unit])
            found.append(Line(text, f"{vector} @ {matrix}[:, {unit}]", numbers, format_number(product), product=True))
        for text, means in numbered.means.items():
            shown = f"{format_number(float(means.sum()))} / {len(means)}"
            found.append(Line(text, f"{text}: the sum of all units by their number", shown, format_number(means[unit])))
        result = format_number(float(np.broadcast_to(values[name], values["h"].shape)[unit]))
        found.append(Line(name, formula, ast.unparse(tree), result))
    return found
