import keras
import numpy as np
import pytest

from models.layers.attention import KINDS, Attention, softmax
from tests.models import numpy

UNITS, FEATURES = 4, 3


def make(kind):
    layer = Attention(kind, UNITS)
    layer.build((None, None, UNITS), (None, None, FEATURES))
    generator = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    return layer


def draw(rows=3, steps=2, positions=5):
    generator = np.random.default_rng(1)
    states = generator.normal(size=(rows, steps, UNITS)).astype("float32")
    memory = generator.normal(size=(rows, positions, FEATURES)).astype("float32")
    return states, memory, np.arange(positions) < np.array([2, 5, 1])[:, None]


@pytest.mark.parametrize("kind", ["bahdanau", "luong"])
def test_attention_is_the_formula_of_its_paper(kind):
    layer, (states, memory, mask) = make(kind), draw()
    vectors, weights = map(numpy, layer(states, memory, mask))
    key = numpy(layer.key.kernel)
    combine, bias = layer.vector.get_weights()
    for row, length in enumerate([2, 5, 1]):
        for step, state in enumerate(states[row]):
            if kind == "luong":
                scores = [state @ (place @ key) for place in memory[row, :length]]
            else:
                query, energy = numpy(layer.query.kernel), numpy(layer.energy.kernel)[:, 0]
                keys = memory[row, :length] @ key + numpy(layer.key.bias)
                scores = [energy @ np.tanh(state @ query + one) for one in keys]
            expected = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(weights[row, step, :length], expected, atol=1e-5)
            context = expected @ memory[row, :length]
            vector = np.tanh(np.concatenate([context, state]) @ combine + bias)
            np.testing.assert_allclose(vectors[row, step], vector, atol=1e-5)


@pytest.mark.parametrize("kind", ["bahdanau", "luong"])
def test_padded_positions_have_weight_0_exactly_however_large_what_stands_there(kind):
    layer, (states, memory, mask) = make(kind), draw()
    vectors, weights = map(numpy, layer(states, memory, mask))
    filled = np.where(mask[:, :, None], memory, 1e4).astype("float32")
    same, still = map(numpy, layer(states, filled, mask))
    assert (weights[np.broadcast_to(~mask[:, None], weights.shape)] == 0).all()
    np.testing.assert_array_equal(still, weights)
    np.testing.assert_array_equal(same, vectors)


def test_softmax_of_nothing_real_is_0_and_not_nan():
    scores = np.array([[1.0, 2.0], [3.0, -np.inf]], "float32")
    found = numpy(softmax(scores, np.array([[False, False], [True, True]])))
    assert found.tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize("kind", ["bahdanau", "luong"])
def test_weights_are_float32_and_0_on_padding_under_mixed_precision(kind):
    states, memory, mask = draw()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        vectors, weights = Attention(kind, UNITS)(states, memory, mask)
    finally:
        keras.config.set_dtype_policy("float32")
    assert [keras.backend.standardize_dtype(one.dtype) for one in (vectors, weights)] == ["bfloat16", "float32"]
    weights = numpy(weights)
    assert (weights[np.broadcast_to(~mask[:, None], weights.shape)] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-5)


def test_attention_is_restored_from_its_configuration():
    for kind in KINDS[1:]:
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Attention(kind, UNITS)))
        assert (again.kind, again.units) == (kind, UNITS)
