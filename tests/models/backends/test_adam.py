"""Adam in one pass against Keras' own; lazy Adam against Adam, and against Adam row by row in numpy."""

import keras
import numpy as np
import pytest

from models.backends.adam import Adam, LazyAdam
from tests.models import numpy

WORDS, FEATURES = 12, 3


def make(optimizer):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(WORDS, FEATURES)])
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
    model.compile(optimizer=optimizer, loss="mse")
    return model


def batches(words_of_steps):
    generator = np.random.default_rng(1)
    for words in words_of_steps:
        yield np.array(words, "int32"), generator.normal(size=(*np.shape(words), FEATURES)).astype("float32")


def train(optimizer, words_of_steps):
    model = make(optimizer)
    for words, wanted in batches(words_of_steps):
        model.train_on_batch(words, wanted)
    return numpy(model.trainable_variables[0])


@pytest.mark.parametrize("clip", [None, 0.1])
def test_adam_in_one_pass_is_adam_where_words_repeat(clip):
    # The reference is numpy: on TensorFlow, Keras squares the gradients of a repeated word before it adds them up.
    steps = [[[1, 2, 2], [3, 0, 3]], [[2, 7, 11], [2, 2, 2]], [[1, 2, 3], [9, 9, 8]]]
    table = numpy(make("sgd").trainable_variables[0]).astype("float64")
    first, second = np.zeros_like(table), np.zeros_like(table)
    for step, (words, wanted) in enumerate(batches(steps), 1):
        gradient = np.zeros_like(table)
        np.add.at(gradient, words, 2 * (table[words] - wanted) / wanted.size)
        gradient *= min(1, clip / np.linalg.norm(gradient)) if clip else 1
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient**2 - second)
        table -= 0.05 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * first / (np.sqrt(second) + 1e-7)
    np.testing.assert_allclose(train(Adam(0.05, global_clipnorm=clip), steps), table, atol=1e-5)


@pytest.mark.parametrize("optimizer", [Adam(0.05), LazyAdam(0.05, rows=3)], ids=["Adam", "LazyAdam"])
def test_a_weight_may_have_a_part_of_the_learning_rate(optimizer):
    found = []
    for one, factor in ((optimizer, 0.25), (keras.optimizers.Adam(0.05 / 4), None)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        if factor:
            model.layers[-1].kernel.learning_rate_factor = factor
        model.compile(optimizer=one, loss="mse")
        for inputs, wanted in np.random.default_rng(0).normal(size=(4, 2, 5, 3)).astype("float32"):
            # The bias, which has the whole rate of one of the two, changes the kernel's gradient.
            model.layers[-1].bias.assign(np.zeros(3))
            model.train_on_batch(inputs[:, :2], wanted)
        found.append(numpy(model.layers[-1].kernel))
    np.testing.assert_allclose(*found, atol=1e-6)


@pytest.mark.parametrize("rows", [WORDS, 100])
def test_where_every_row_is_in_every_batch_it_is_adam(rows):
    steps = [np.random.default_rng(n).permutation(WORDS).reshape(3, 4) for n in range(5)]
    expected = train(keras.optimizers.Adam(0.05), steps)
    np.testing.assert_allclose(train(LazyAdam(0.05, rows=rows), steps), expected, atol=1e-6)


@pytest.mark.parametrize("rows", [3, 5, 6, 100])
def test_rows_that_are_not_in_a_batch_keep_weights_and_moments(rows):
    steps = [[[1, 2, 2]], [[3, 0, 3]], [[4, 5, 6]], [[2, 7, 11]], [[1, 2, 3]]]
    table = numpy(make("sgd").trainable_variables[0]).astype("float64")
    first, second = np.zeros_like(table), np.zeros_like(table)
    rate, beta_1, beta_2, epsilon = 0.05, 0.9, 0.999, 1e-7
    for step, (words, wanted) in enumerate(batches(steps), 1):
        gradient = np.zeros_like(table)
        np.add.at(gradient, words, 2 * (table[words] - wanted) / wanted.size)
        inside = np.unique(words)
        first[inside] = beta_1 * first[inside] + (1 - beta_1) * gradient[inside]
        second[inside] = beta_2 * second[inside] + (1 - beta_2) * gradient[inside] ** 2
        corrected = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        table[inside] -= corrected * first[inside] / (np.sqrt(second[inside]) + epsilon)
    found = train(LazyAdam(rate, rows=rows), steps)
    np.testing.assert_allclose(found, table, atol=1e-5)
    untouched = [8, 9, 10]
    np.testing.assert_array_equal(found[untouched], numpy(make("sgd").trainable_variables[0])[untouched])


def test_a_batch_without_a_gradient_changes_nothing():
    model = make(LazyAdam(0.05, rows=3))
    before = numpy(model.trainable_variables[0]).copy()
    words = np.array([[1, 2, 3]], "int32")
    model.train_on_batch(words, before[words])
    np.testing.assert_array_equal(numpy(model.trainable_variables[0]), before)


def test_weights_that_are_no_embedding_are_those_of_adam():
    def end(optimizer):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.set_weights([np.full(weight.shape, 0.3) for weight in model.get_weights()])
        model.compile(optimizer=optimizer, loss="mse")
        inputs = np.random.default_rng(2).normal(size=(6, 4)) * [1, 0, 1, 1]
        for _ in range(3):
            model.train_on_batch(inputs, np.ones((6, 2)))
        return model.get_weights()

    for found, expected in zip(end(LazyAdam(0.05, 5)), end(keras.optimizers.Adam(0.05)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_it_is_restored_from_its_configuration():
    again = LazyAdam.from_config(LazyAdam(0.05, rows=7, global_clipnorm=1.0).get_config())
    assert (again.rows, again.global_clipnorm) == (7, 1.0)
