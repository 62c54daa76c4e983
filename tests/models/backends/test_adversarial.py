"""The adversarial step, against the numerical gradients of a network that is written in NumPy."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from models import classifier
from models.backends.adversarial import perturb, use_adversarial
from pipeline.fields import Array
from tests.models import numpy, options

WORDS, LABELS = 7, 3
NUMBERS = np.array([[2, 3, 4, 0], [5, 6, 0, 0], [3, 3, 2, 5], [6, 0, 0, 0]], "int32")
MASK, WANTED = NUMBERS > 0, np.array([0, 2, 1, 0])
# The last row only fills up the batch.
WEIGHTS = np.array([1, 1, 1, 0], "float32")
NAMES = ("embeddings", "kernel", "recurrent_kernel", "bias", "kernel", "bias")


def build(**changes):
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    read = SimpleNamespace(arrays={"words": Array((None,), "int32", WORDS, unknown=1)})
    write = SimpleNamespace(arrays={"output": Array((), "int32", LABELS)})
    model = classifier.build(read, write, options(bidirectional=False, pooling="mean", **changes))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model, classifier.loss(write, options())


def measure(weights, added):
    """Return the mean loss of the batch, in double precision. added: (batch, time, features), to the word vectors."""
    table, kernel, recurrent, bias, dense, dense_bias = weights
    vectors, total = table[NUMBERS] + added, 0.0
    for row, length in enumerate(MASK.sum(axis=1)):
        state, pooled = np.zeros(len(bias)), 0.0
        for step in range(length):
            state = np.tanh(vectors[row, step] @ kernel + state @ recurrent + bias)
            pooled += state / length
        total -= WEIGHTS[row] * log_softmax(pooled @ dense + dense_bias)[WANTED[row]]
    return total / WEIGHTS.sum()


def differentiate(function, at, width=1e-5):
    """Return the numerical gradient of a function at an array, by central differences."""
    found = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = width
        found[place] = (function(at + step) - function(at - step)) / (2 * width)
    return found


@pytest.mark.parametrize("frozen", [False, True])
def test_a_step_follows_the_mean_of_the_gradients_as_it_is_and_moved_against_the_answer(frozen):
    model, loss = build(freeze_vectors=frozen)
    table = model.get_layer("embedding").embeddings
    weights = [table, *(weight for weight in model.trainable_weights if weight is not table)]
    assert [weight.name for weight in weights] == list(NAMES)
    before = [numpy(weight).astype("float64") for weight in weights]
    model.compile(keras.optimizers.SGD(1.0), loss)
    use_adversarial(model, 0.2)
    shown = float(model.train_on_batch({"words": NUMBERS, "mask": MASK}, WANTED, WEIGHTS))

    vectors = before[0][NUMBERS]
    still = np.zeros(vectors.shape)
    slope = differentiate(lambda added: measure(before, added), still)
    norms = np.sqrt((slope**2).sum(axis=(1, 2), keepdims=True))
    lengths = np.sqrt((vectors**2 * MASK[..., None]).sum(axis=(1, 2), keepdims=True))
    moved = 0.2 * lengths * np.divide(slope, norms, out=np.zeros(slope.shape), where=norms > 1e-12)
    assert measure(before, moved) > measure(before, still) + 0.01
    for place, weight in enumerate(weights):

        def both(value, place=place):
            changed = [*before[:place], value, *before[place + 1 :]]
            return (measure(changed, still) + measure(changed, moved)) / 2

        expected = np.zeros(weight.shape) if frozen and not place else differentiate(both, before[place])
        np.testing.assert_allclose(before[place] - numpy(weight), expected, atol=2e-5)
    assert shown == pytest.approx(measure(before, still), rel=1e-5)


def test_a_perturbation_is_a_share_of_the_vectors_of_its_text_whatever_the_gradient():
    generator = np.random.default_rng(1)
    vectors, gradient = generator.normal(0, 3, (4, 4, 5)), generator.normal(size=(4, 4, 5))
    gradient[0] *= 1e-25
    gradient[2] = 0
    found = numpy(perturb(gradient.astype("float32"), vectors.astype("float32"), MASK, 0.1))
    lengths = np.sqrt((vectors**2 * MASK[..., None]).sum(axis=(1, 2)))
    np.testing.assert_allclose(np.sqrt((found**2).sum(axis=(1, 2))), 0.1 * lengths * [1, 1, 0, 1], rtol=1e-5)
    assert not found[~MASK].any()


def test_training_with_dropout_learns_the_batch():
    model, loss = build(dropout=0.2, word_dropout=0.1, ngrams=2, ngram_buckets=32)
    model.compile(keras.optimizers.Adam(0.05), loss)
    use_adversarial(model, 0.1)
    losses = [float(model.train_on_batch({"words": NUMBERS, "mask": MASK}, WANTED, WEIGHTS)) for _ in range(40)]
    model.reset_metrics()
    assert float(model.test_on_batch({"words": NUMBERS, "mask": MASK}, WANTED, WEIGHTS)) < 0.5 * losses[0]
