import keras
import numpy as np
import pytest

from models.cells import Gated
from models.recurrent import CELLS, Reverse, stack_layers
from tests.models import CELLS as NAMES
from tests.models import NEW, PROJECTED, numpy, random_inputs, randomize

LENGTHS = [3, 7, 1, 5]
STOCK = {"simple": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def build(cell, features=3, units=4, depth=1, bidirectional=False):
    inputs, mask = keras.Input((None, features)), keras.Input((None,), dtype="bool")
    given = {"cell": cell, "units": units, "depth": depth, "bidirectional": bidirectional, "longest": 9}
    return randomize(keras.Model([inputs, mask], stack_layers(inputs, mask, **given)))


def run(model, noise, mask):
    return numpy(model([noise, mask]))


def test_every_cell_of_the_table_is_tested_here():
    assert {*NAMES, *NEW, *PROJECTED} == set(CELLS)


def test_reversal_is_by_each_sequence_s_own_length_and_its_own_inverse():
    noise, mask = random_inputs(LENGTHS, 7, 2)
    expected = noise.copy()
    for row, length in enumerate(LENGTHS):
        expected[row, :length] = noise[row, :length][::-1]
    reversed_once = numpy(Reverse()(noise, mask))
    np.testing.assert_array_equal(reversed_once, expected)
    np.testing.assert_array_equal(numpy(Reverse()(reversed_once, mask)), noise)


def test_simple_cell_is_the_loop_of_its_formula():
    model = build("simple")
    kernel, recurrent, bias = model.get_weights()
    noise, mask = random_inputs([7] * 4, 7, 3)
    state = np.zeros((4, 4))
    expected = []
    for step in range(7):
        state = np.tanh(noise[:, step] @ kernel + state @ recurrent + bias)
        expected.append(state)
    np.testing.assert_allclose(run(model, noise, mask), np.stack(expected, axis=1), atol=1e-5)


@pytest.mark.parametrize("cell", NAMES)
def test_both_directions_of_two_layers_are_those_of_keras_with_a_mask(cell):
    depth = 2
    model = build(cell, depth=depth, bidirectional=True)
    noise, mask = random_inputs(LENGTHS, 9, 3)
    expected = noise
    for number in range(depth):
        layer = keras.layers.Bidirectional(STOCK[cell](4, return_sequences=True))
        layer.build(expected.shape)
        directions = [model.get_layer(f"{cell}_{number}_{direction}") for direction in ("forward", "backward")]
        layer.set_weights([weight for direction in directions for weight in direction.get_weights()])
        expected = numpy(layer(expected, mask=mask))
    states = run(model, noise, mask)
    assert states.shape == (4, 9, 8)
    np.testing.assert_allclose(states[mask], expected[mask], atol=1e-5)


@pytest.mark.parametrize("cell", NAMES)
def test_one_direction_is_that_of_keras_with_a_mask(cell):
    model = build(cell)
    noise, mask = random_inputs(LENGTHS, 9, 3)
    layer = STOCK[cell](4, return_sequences=True)
    layer.build(noise.shape)
    layer.set_weights(model.get_weights())
    np.testing.assert_allclose(run(model, noise, mask)[mask], numpy(layer(noise, mask=mask))[mask], atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_more_padding_and_what_stands_in_it_change_no_state_of_a_real_step(cell):
    model = build(cell, bidirectional=True)
    noise, mask = random_inputs(LENGTHS, 9, 3)
    longer = run(model, noise, mask)
    shorter = run(model, noise[:, :7], mask[:, :7])
    np.testing.assert_allclose(longer[mask], shorter[mask[:, :7]], atol=1e-6)
    other = np.where(mask[:, :, None], noise, 100.0).astype("float32")
    np.testing.assert_allclose(run(model, other, mask)[mask], longer[mask], atol=1e-6)


def gradient(function, inputs):
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(inputs)))
    if keras.backend.backend() == "torch":
        import torch

        watched = torch.tensor(inputs, requires_grad=True)
        return torch.autograd.grad(function(watched), watched)[0].numpy()
    import tensorflow

    with tensorflow.GradientTape() as tape:
        watched = tensorflow.Variable(inputs)
        answer = function(tensorflow.convert_to_tensor(watched))
    return tape.gradient(answer, watched).numpy()


@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_reaches_the_padding_and_some_reaches_every_real_step(cell):
    model = build(cell, bidirectional=True)
    noise, mask = random_inputs(LENGTHS, 9, 3)
    weights, inside = mask[:, :, None].astype("float32"), keras.ops.convert_to_tensor(mask)
    found = gradient(lambda inputs: keras.ops.sum(keras.ops.multiply(model([inputs, inside]), weights)), noise)
    assert (found[~mask] == 0).all()
    assert (np.abs(found[mask]).max(axis=1) > 0).all()


def test_dropout_stands_between_layers_only():
    inputs, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")

    def count(depth):
        model = keras.Model(
            [inputs, mask], stack_layers(inputs, mask, cell="simple", units=4, depth=depth, dropout=0.5)
        )
        return sum(isinstance(layer, keras.layers.Dropout) for layer in model.layers)

    assert [count(1), count(3)] == [0, 2]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_begin_by_remembering_for_as_long_as_asked(cell: str) -> None:
    longest, units = 50, 400
    steps = keras.Input((None, 1))
    mask = keras.Input((None,), dtype="bool")
    states = stack_layers(steps, mask, cell=cell, units=units, options=CELLS[cell].options(chrono=longest))
    model = keras.Model(steps, states)
    layer = model.layers[-1]
    # Nothing but the biases: what is kept of a state is then the gate's share at every step.
    kernel, recurrent, bias = (numpy(weight) for weight in layer.weights)
    layer.set_weights([kernel * 0, recurrent * 0, bias])
    first = [np.ones((1, units), "float32")] * (2 if cell == "lstm" else 1)
    _, after = layer.cell(np.zeros((1, 1), "float32"), first)
    kept = numpy(after[-1])[0]
    memory = 1 / (1 - kept)
    assert memory.min() >= 2 - 1e-3 and memory.max() <= longest + 1e-2
    assert np.mean(memory) == pytest.approx((2 + longest) / 2, rel=0.1)


def test_chrono_leaves_a_cell_without_gates_as_it_is() -> None:
    inputs, mask = keras.Input((None, 1)), keras.Input((None,), dtype="bool")
    states = stack_layers(inputs, mask, cell="simple", units=3, options=Gated(50))
    assert states.shape == (None, None, 3)
