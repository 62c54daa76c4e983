import keras
import numpy as np
import pytest

from models.layers.embedding import OneHot, embed, embed_spelling, make_inputs
from models.layers.word_dropout import WordDropout
from pipeline.fields import Array
from tests.models import SENTENCES, encode, numpy, options, randomize, sentence_fields


def test_one_hot_words_into_a_cell_are_an_embedding_of_the_rows_of_its_input_kernel():
    words = np.array([[3, 0, 6, 1], [2, 2, 5, 4]])
    cell = keras.layers.SimpleRNN(4, return_sequences=True)
    states = numpy(cell(OneHot(7)(words)))
    kernel, recurrent, _ = cell.get_weights()
    bias = np.array([0.1, -0.2, 0.3, 0.0])
    cell.set_weights([kernel, recurrent, bias])
    states = numpy(cell(OneHot(7)(words)))
    embedding = keras.layers.Embedding(7, 4)
    embedding.build()
    embedding.set_weights([kernel])
    same = keras.layers.SimpleRNN(4, return_sequences=True)
    same.build((None, None, 4))
    same.set_weights([np.eye(4), recurrent, bias])
    np.testing.assert_allclose(numpy(same(embedding(words))), states, atol=1e-6)


def test_one_hot_option_has_no_embedding_and_gives_vectors_as_long_as_the_vocabulary():
    arrays = {"words": Array((None,), "int32", 7)}
    inputs = make_inputs(arrays)
    assert embed(inputs, arrays, options(embedding="onehot")).shape == (None, None, 7)
    assert embed(inputs, arrays, options(embedding="dense", embedding_size=3)).shape == (None, None, 3)


def test_spelling_is_the_maximum_over_a_word_of_a_convolution():
    characters = keras.Input((None, 5), dtype="int32")
    model = randomize(keras.Model(characters, embed_spelling(characters, 9, features=2, filters=3)))
    table, kernel, bias = model.get_weights()
    words = np.random.default_rng(1).integers(0, 9, (2, 4, 5))
    vectors = np.pad(table[words], ((0, 0), (0, 0), (1, 1), (0, 0)))
    windows = np.stack([vectors[:, :, at : at + 3] for at in range(5)], axis=2)
    expected = np.tanh((np.einsum("btwkf,kfo->btwo", windows, kernel[0]) + bias).max(axis=2))
    np.testing.assert_allclose(numpy(model(words)), expected, atol=1e-5)


def test_words_and_spelling_stand_side_by_side():
    field, _ = sentence_fields()
    inputs = make_inputs(field.arrays)
    assert set(inputs) == {"words", "characters", "mask"}
    model = keras.Model(inputs, embed(inputs, field.arrays, options(embedding_size=5)))
    batch = encode(field, SENTENCES, 6)
    assert numpy(model(batch)).shape == (3, 6, 5 + 64)


def test_word_dropout_makes_that_share_of_the_words_unknown_in_training_only():
    numbers = np.random.default_rng(0).integers(2, 9, (200, 100)).astype("int32")
    layer = WordDropout(0.3, unknown=1)
    np.testing.assert_array_equal(numpy(layer(numbers)), numbers)
    found = numpy(layer(numbers, training=True))
    forgotten = found != numbers
    assert (found[forgotten] == 1).all()
    assert forgotten.mean() == pytest.approx(0.3, abs=0.01)
    assert (numpy(layer(numbers, training=True)) != found).any()


def test_further_features_of_a_word_stand_beside_it_and_of_affixes_their_mean():
    ids = {"words": np.array([[2, 1]]), "column_1": np.array([[3, 0]]), "suffixes": np.array([[[1, 2], [0, 0]]])}
    arrays = {name: Array((None, *one.shape[2:]), "int32", 5, unknown=1) for name, one in ids.items()}
    inputs = make_inputs(arrays)
    model = randomize(keras.Model(inputs, embed(inputs, arrays, options())))
    found = numpy(model({**ids, "mask": np.ones((1, 2), "bool")}))
    words, column, suffixes = (
        numpy(model.get_layer(name).get_weights()[0])
        for name in ("embedding", "column_1_embedding", "suffixes_embedding")
    )
    expected = [[words[2], column[3], (suffixes[1] + suffixes[2]) / 2], [words[1], column[0], 0 * suffixes[0]]]
    np.testing.assert_allclose(found[0], [np.concatenate(row) for row in expected], rtol=1e-5)
