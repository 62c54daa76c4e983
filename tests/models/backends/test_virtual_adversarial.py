"""The virtual adversarial step, against a network in NumPy, whose gradients are numerical."""

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax, rel_entr, softmax

from models.backends.virtual_adversarial import (
    XI,
    choose_divergence,
    diverge_classes,
    diverge_labels,
    diverge_numbers,
    use_virtual_adversarial,
)
from pipeline.fields import Array
from tests.models import numpy
from tests.models.backends.test_adversarial import MASK, NUMBERS, WANTED, WEIGHTS, build, differentiate

BATCH = {"words": NUMBERS, "mask": MASK}
OUTPUT = Array((), "int32", 3)


def test_divergences_are_those_of_scipy():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 5, 3)).astype("float32") * 3
    expected = rel_entr(softmax(one, axis=1), softmax(other, axis=1)).sum(axis=1)
    np.testing.assert_allclose(numpy(diverge_classes(one, other)), expected, rtol=1e-4)
    each = rel_entr(expit(one), expit(other)) + rel_entr(expit(-one), expit(-other))
    np.testing.assert_allclose(numpy(diverge_labels(one, other)), each.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(numpy(diverge_numbers(one[:, :1], other[:, :1])), (one - other)[:, 0] ** 2, rtol=1e-5)


def test_answers_diverge_as_their_loss_has_it():
    assert choose_divergence(OUTPUT) is diverge_classes
    assert choose_divergence(Array((25,), "float32", ordered=True)) is diverge_classes
    assert choose_divergence(Array((3,), "float32", independent=True)) is diverge_labels
    assert choose_divergence(Array((), "float32")) is diverge_numbers


def compute_logits(weights, added):
    """Return the logits of the batch, (batch, labels), in double precision. added: to the word vectors."""
    table, kernel, recurrent, bias, dense, dense_bias = weights
    vectors, found = table[NUMBERS] + added, []
    for row, length in enumerate(MASK.sum(axis=1)):
        state, pooled = np.zeros(len(bias)), 0.0
        for step in range(length):
            state = np.tanh(vectors[row, step] @ kernel + state @ recurrent + bias)
            pooled += state / length
        found.append(pooled @ dense + dense_bias)
    return np.stack(found)


def measure(weights):
    """Return the mean loss of the batch as it is."""
    likely = log_softmax(compute_logits(weights, 0.0), axis=1)
    return -(WEIGHTS * likely[np.arange(4), WANTED]).sum() / WEIGHTS.sum()


def scale(direction, vectors, share):
    """Return a direction with a share of the length of each text's vectors; 0 where there is none."""
    direction = direction * MASK[..., None]
    norms, lengths = (
        np.sqrt((one**2 * MASK[..., None]).sum(axis=(1, 2), keepdims=True)) for one in (direction, vectors)
    )
    return share * lengths * np.divide(direction, norms, out=np.zeros(direction.shape), where=norms > 1e-12)


def draw(shape, seed):
    """Return the random vectors of the first training step."""
    backend = keras.backend.backend()
    if backend == "jax":
        from models.backends.virtual_adversarial import draw_on_jax

        return np.asarray(draw_on_jax(shape, seed, np.int32(0)))
    if backend == "tensorflow":
        import tensorflow

        return tensorflow.random.stateless_normal(shape, (seed, 0)).numpy()
    import torch

    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).numpy()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_step_follows_the_loss_and_the_divergence_along_the_direction_of_one_power_iteration(frozen):
    model, loss = build(freeze_vectors=frozen)
    table = model.get_layer("embedding").embeddings
    weights = [table, *(weight for weight in model.trainable_weights if weight is not table)]
    before = [numpy(weight).astype("float64") for weight in weights]
    model.compile(keras.optimizers.SGD(1.0), loss)
    use_virtual_adversarial(model, 0.3, OUTPUT, seed=5)
    shown = float(model.train_on_batch(BATCH, WANTED, WEIGHTS))

    vectors = before[0][NUMBERS]
    own = softmax(compute_logits(before, 0.0), axis=1)

    def diverge(changed, added):
        each = rel_entr(own, softmax(compute_logits(changed, added), axis=1)).sum(axis=1)
        return (WEIGHTS * each).sum() / WEIGHTS.sum()

    start = scale(draw(vectors.shape, 5), vectors, XI)
    moved = scale(differentiate(lambda added: diverge(before, added), start), vectors, 0.3)
    # It moves the answers more than a random direction of the same length does.
    assert diverge(before, moved) > 1.5 * diverge(before, scale(draw(vectors.shape, 5), vectors, 0.3))
    for place, weight in enumerate(weights):

        def both(value, place=place):
            changed = [*before[:place], value, *before[place + 1 :]]
            return measure(changed) + diverge(changed, moved)

        expected = np.zeros(weight.shape) if frozen and not place else differentiate(both, before[place])
        np.testing.assert_allclose(before[place] - numpy(weight), expected, atol=2e-4)
    assert shown == pytest.approx(measure(before), rel=1e-5)


def test_all_passes_of_a_step_have_the_same_dropout():
    """Where nothing is moved, the two answers are equal, dropout or not: so it learns as without this step."""
    after = []
    for virtual in (True, False):
        model, loss = build(dropout=0.5, word_dropout=0.3, ngrams=2, ngram_buckets=32)
        model.compile(keras.optimizers.SGD(0.1), loss)
        if virtual:
            use_virtual_adversarial(model, 1e-6, OUTPUT, seed=0)
        for _ in range(2):
            model.train_on_batch(BATCH, WANTED, WEIGHTS)
        after.append([numpy(weight) for weight in model.weights])
    for one, other in zip(*after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_training_with_dropout_learns_the_batch():
    model, loss = build(dropout=0.2, word_dropout=0.1)
    model.compile(keras.optimizers.Adam(0.05), loss)
    use_virtual_adversarial(model, 0.1, OUTPUT, seed=0)
    losses = [float(model.train_on_batch(BATCH, WANTED, WEIGHTS)) for _ in range(40)]
    model.reset_metrics()
    assert float(model.test_on_batch(BATCH, WANTED, WEIGHTS)) < 0.5 * losses[0]
