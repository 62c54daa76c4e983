"""The arithmetic of one step: equal to the Keras layer, and redone from what is printed."""

import math
from collections.abc import Mapping

import keras
import numpy as np
import pytest
from keras import ops

from harness.inspection.arithmetic import ARITHMETIC, Arithmetic, explain_step, find_arithmetic
from models.cells import CELLS

UNITS, FEATURES, STEPS = 5, 7, 6
# The state of delta is a matrix, and no unit of it is computed from numbers of its own.
CELL_NAMES = [name for name, cell in CELLS.items() if cell.built_in and name != "delta"]
SIGNED = ("mingru", "minlstm")


def build(cell: str, **options: float) -> keras.Layer:
    """Return a layer with weights that are all different."""
    options |= {"longest": STEPS + 2} if CELLS[cell].bounded else {}
    layer = CELLS[cell](UNITS, return_sequences=True, **options)
    layer.build((None, None, FEATURES))
    generator = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return layer


def draw_sequence() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(STEPS, FEATURES)).astype("float32")


@pytest.mark.parametrize(
    ("cell", "options"), [*((cell, {}) for cell in CELL_NAMES), *((cell, {"signed": True}) for cell in SIGNED)]
)
def test_the_arithmetic_gives_what_the_layer_gives(cell: str, options: dict) -> None:
    layer, sequence = build(cell, **options), draw_sequence()
    arithmetic = find_arithmetic(layer)
    assert arithmetic
    expected = ops.convert_to_numpy(layer(sequence[None]))[0]
    found = arithmetic.unroll(layer, sequence).collect("h")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", [name for name in CELL_NAMES if CELLS[name].writes])
def test_the_arithmetic_goes_on_from_given_states(cell: str) -> None:
    layer, sequence = build(cell), draw_sequence()
    arithmetic = find_arithmetic(layer)
    assert arithmetic
    generator, sizes = np.random.default_rng(3), keras.tree.flatten(layer.cell.state_size)
    first = [generator.uniform(0.1, 0.9, size).astype("float32") for size in sizes]
    state = [ops.convert_to_tensor(one[None]) for one in first]
    expected = ops.convert_to_numpy(layer(sequence[None], initial_state=state if len(state) > 1 else state[0]))[0]
    np.testing.assert_allclose(arithmetic.unroll(layer, sequence, first).collect("h"), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "lngru"])
def test_with_zoneout_each_state_is_mixed_with_the_one_before(cell: str) -> None:
    layer, sequence = build(cell, zoneout=0.25), draw_sequence()
    arithmetic = find_arithmetic(layer)
    assert arithmetic and arithmetic.lines[-1] == "h = 0.25 * h_before + 0.75 * h_new"
    expected = ops.convert_to_numpy(layer(sequence[None]))[0]
    np.testing.assert_allclose(arithmetic.unroll(layer, sequence).collect("h"), expected, rtol=1e-4, atol=1e-5)


def redo(expression: str, known: Mapping[str, float]) -> float:
    """Return what a student gets by a pocket calculator."""

    def gelu(x: float) -> float:
        # Keras' own, in its form with tanh.
        return float(ops.convert_to_numpy(ops.gelu(ops.convert_to_tensor(x, "float32"))))

    functions = {"tanh": math.tanh, "exp": math.exp, "abs": abs, "cos": math.cos, "sin": math.sin, "gelu": gelu}
    functions |= {"sigmoid": lambda x: 1 / (1 + math.exp(-x)), "relu": lambda x: max(x, 0.0)}
    functions |= {"max": max, "where": lambda right, one, other: one if right else other}
    functions |= {"log_sigmoid": lambda x: -math.log1p(math.exp(-x))}
    return float(eval(expression, {"__builtins__": {}}, {**functions, **known}))


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_step_can_be_redone_by_hand_from_what_is_printed(cell: str) -> None:
    layer, sequence, step = build(cell), draw_sequence(), STEPS - 1
    arithmetic = find_arithmetic(layer)
    assert arithmetic
    unrolled = arithmetic.unroll(layer, sequence)
    expected = ops.convert_to_numpy(layer(sequence[None]))[0, step]
    for unit in range(UNITS):
        lines = explain_step(unrolled, step, unit)
        for line in lines:
            assert redo(line.numbers, {}) == pytest.approx(float(line.result), rel=1e-3, abs=1e-4), line
            assert "@" in line.formula if line.product else line.formula
        assert lines[-1].name == "h"
        assert float(lines[-1].result) == pytest.approx(expected[unit], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_each_result_is_what_later_lines_use(cell: str) -> None:
    unrolled = ARITHMETIC[type(build(cell))].unroll(build(cell), draw_sequence())
    lines = explain_step(unrolled, 2, 1)
    for number, line in enumerate(lines):
        for later in lines[number + 1 :]:
            if line.product and line.name in later.formula and not later.product:
                assert line.result.lstrip("-") in later.numbers


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_gates_and_shares_lie_between_0_and_1(cell: str) -> None:
    layer = build(cell)
    arithmetic = ARITHMETIC[type(layer)]
    unrolled = arithmetic.unroll(layer, draw_sequence())
    for name in arithmetic.gates:
        values = unrolled.collect(name)
        assert values.shape == (STEPS, UNITS) and (values > 0).all() and (values < 1).all()
    for name in arithmetic.constants:
        assert unrolled.get_constant(name).shape == (UNITS,)


@pytest.mark.parametrize("cell", SIGNED)
def test_signed_gates_lie_between_both_ends(cell: str) -> None:
    layer = build(cell, signed=True)
    layer.set_weights([3 * weight for weight in layer.get_weights()])
    arithmetic = find_arithmetic(layer)
    assert arithmetic
    unrolled = arithmetic.unroll(layer, draw_sequence())
    gates = unrolled.collect("a")
    assert gates.min() == -1 and gates.max() == 1
    assert "clip(1.2 * " in " ".join(line.numbers for line in explain_step(unrolled, 1, 0))


def test_the_eigenvalues_of_lru_are_those_of_its_recurrence() -> None:
    layer = build("lru")
    size = ARITHMETIC[type(layer)].unroll(layer, draw_sequence()).get_constant("size")
    # One impulse, then nothing: the state shrinks by the size of the eigenvalue at every step.
    zero, state = np.zeros((1, FEATURES), "float32"), [np.ones((1, UNITS), "float32"), np.zeros((1, UNITS), "float32")]
    after = [ops.convert_to_numpy(one) for one in layer.cell(zero, state)[1]]
    np.testing.assert_allclose(np.hypot(*after)[0], size, rtol=1e-4)


def test_a_layer_of_the_users_own_has_no_arithmetic() -> None:
    class Mine(type(build("gru"))):  # type: ignore[misc]
        pass

    assert find_arithmetic(Mine(UNITS, return_sequences=True)) is None


def test_what_is_known_of_a_cell_names_what_its_lines_compute() -> None:
    for arithmetic in ARITHMETIC.values():
        assert isinstance(arithmetic, Arithmetic)
        names = [line.partition(" = ")[0] for line in arithmetic.lines]
        assert names[-1] == "h" and set(arithmetic.states) | set(arithmetic.gates) <= set(names)
