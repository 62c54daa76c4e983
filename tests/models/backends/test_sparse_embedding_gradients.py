"""Training by the rows of the batch, against training with the gradients of whole tables."""

import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers, ops

from models import encoder_decoder
from models.backends.adam import LazyAdam
from models.backends.sparse_embedding_gradients import use_sparse_gradients
from pipeline.fields import Array
from tests.models import numpy, options

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="other backends have no such step")
ROOT = Path(__file__).parents[3]
ROWS, STEPS = 4, 3
WORDS, SYMBOLS = 40, 50


def writer(lazy):
    """Return an encoder-decoder: one table in the graph behind word dropout, another inside a layer."""
    random.seed(0)
    keras.utils.clear_session(free_memory=False)
    read = SimpleNamespace(arrays={"words": Array((None,), "int32", WORDS, unknown=1)})
    write = SimpleNamespace(arrays={"output": Array((None,), "int32", SYMBOLS, unknown=1)})
    model = encoder_decoder.build(
        read, write, options(cell="simple", word_dropout=0.3, bidirectional=False, dropout=0.2)
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    optimizer = LazyAdam(0.05, rows=15, global_clipnorm=0.1, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer=optimizer, loss=encoder_decoder.loss(write, options()))
    optimizer.build(model.trainable_variables)
    if lazy:
        use_sparse_gradients(model)
    return model


def batches():
    """Words more than once in a batch, words in one batch and not in the next, and padding."""
    generator = np.random.default_rng(1)
    for _ in range(STEPS):
        words, output = (generator.integers(2, size // 2, (ROWS, 6)).astype("int32") for size in (WORDS, SYMBOLS))
        words[0, 3:], output[1, 2:] = 0, 0
        inputs = {"words": words, "mask": words > 0, "previous": np.roll(output, 1, axis=1)}
        yield inputs, output, (output > 0).astype("float32")


@pytest.mark.slow
def test_weights_moments_averages_and_losses_are_those_of_whole_gradients():
    # Compiled as for a user: what makes the other tests compile soon rounds otherwise, and Adam divides by little.
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    program = "from tests.models.backends import test_sparse_embedding_gradients as here; here.compare_with_whole()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)


def compare_with_whole():
    """Raise AssertionError where the two ways of training differ."""
    found = []
    for lazy in (False, True):
        model = writer(lazy)
        losses = [float(model.train_on_batch(*batch)) for batch in batches()]
        found.append([losses, *map(numpy, [*model.variables, *model.optimizer.variables])])
    for whole, by_row in zip(*found, strict=True):
        np.testing.assert_allclose(by_row, whole, atol=1e-6)


def count_floats(size, features, lazy=True):
    """Return the floats that a compiled step needs beside its arguments, and how many of these it leaves in place."""
    import jax

    model = keras.Sequential([keras.Input((None,), dtype="int32"), layers.Embedding(size, features), layers.Dense(1)])
    model.compile(optimizer=LazyAdam(0.1, rows=10, global_clipnorm=1.0), loss="mse")
    model.optimizer.build(model.trainable_variables)
    if lazy:
        use_sparse_gradients(model)
    state = [
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    ]
    batch = np.zeros((2, 5), "int32"), np.zeros((2, 5, 1), "float32")
    compiled = jax.jit(model.train_step, donate_argnums=0).lower(tuple(state), batch).compile()
    memory = compiled.memory_analysis()
    return memory.temp_size_in_bytes / 4, memory.alias_size_in_bytes / 4


def test_nothing_as_large_as_the_table_is_made_in_a_step():
    size, features = 5000, 8
    needed, in_place = count_floats(size, features)
    assert needed < size * features < count_floats(size, features, lazy=False)[0]
    assert in_place > 3 * size * features


@pytest.mark.parametrize("use", ["twice", "for more words than it has rows"])
def test_a_table_that_cannot_be_trained_by_rows_is_trained_as_a_whole(use):
    ends = []
    for lazy in (False, True):
        words = keras.Input((None,), dtype="int32")
        table = layers.Embedding(30 if use == "twice" else 7, 3)
        vectors = table(words)
        if use == "twice":
            vectors = vectors + table((words + 1) % 30)
        model = keras.Model(words, vectors)
        generator = np.random.default_rng(0)
        model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
        model.compile(optimizer=LazyAdam(0.05, rows=30), loss="mse")
        if lazy:
            model.optimizer.build(model.trainable_variables)
            use_sparse_gradients(model)
        for _ in range(2):
            model.train_on_batch(generator.integers(0, 7, (2, 4)), generator.normal(size=(2, 4, 3)))
        ends.append(numpy(table.embeddings))
    np.testing.assert_array_equal(*ends)


def test_a_table_that_something_else_reads_too_does_not_train_unnoticed():
    words = keras.Input((None,), dtype="int32")
    table = layers.Embedding(30, 3)

    class Tied(layers.Layer):
        def call(self, states):
            return ops.matmul(states, ops.transpose(table.embeddings))

    model = keras.Model(words, Tied()(table(words)))
    model.compile(optimizer=LazyAdam(0.05, rows=30), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    use_sparse_gradients(model)
    numbers = np.array([[1, 2, 3]], "int32")
    assert np.isnan(model.train_on_batch(numbers, numbers))
