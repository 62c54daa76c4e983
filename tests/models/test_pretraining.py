"""Pretraining: the loss of a language model over all words, and over some that are drawn."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from models import classifier, pretraining
from models.layers.sampled_softmax import SampledSoftmax
from pipeline.errors import BadInput
from pipeline.fields import Label, Number
from tests.models import SENTENCES, encode, fit, numpy, options, randomize, text_field

TEXTS = [" ".join(sentence) for sentence in SENTENCES]
WORDS, RESERVED, SIZE, UNITS = 40, 2, 5, 3


def make_softmax(samples):
    generator = np.random.default_rng(0)
    embedding = keras.layers.Embedding(WORDS, SIZE)
    embedding.build()
    embedding.embeddings.assign(generator.normal(size=(WORDS, SIZE)))
    layer = SampledSoftmax(embedding, RESERVED, samples)
    layer.build((None, None, UNITS))
    for weight in (layer.project.kernel, layer.project.bias, layer.bias):
        weight.assign(generator.normal(size=weight.shape))
    return layer


def measure_by_hand(layer, states, wanted):
    """Return the nats of each right word under the softmax over all words of a text."""
    vectors = states @ numpy(layer.project.kernel) + numpy(layer.project.bias)
    scores = vectors @ numpy(layer.embedding.embeddings).T + numpy(layer.bias)
    likely = log_softmax(scores[..., RESERVED:], axis=-1)
    return -np.take_along_axis(likely, wanted[..., None] - RESERVED, axis=-1)[..., 0]


def draw_states(rows, steps):
    generator = np.random.default_rng(1)
    states = generator.normal(size=(rows, steps, UNITS)).astype("float32")
    return states, generator.integers(RESERVED, WORDS, (rows, steps)).astype("int32")


def test_with_all_words_asked_the_loss_is_that_of_the_whole_softmax():
    layer, (states, wanted) = make_softmax(WORDS), draw_states(2, 4)
    asked = np.array([[True, True, True, False], [True, False, False, False]])
    found = numpy(layer(states, wanted, asked))
    np.testing.assert_allclose(found[asked], measure_by_hand(layer, states, wanted)[asked], rtol=1e-4)
    assert not found[~asked].any()


def test_with_words_drawn_it_comes_close_to_it_on_the_mean():
    layer = make_softmax(30)
    # Near 0 the logarithm of a mean is the mean of logarithms.
    for weight in (layer.project.kernel, layer.project.bias):
        weight.assign(0.1 * weight)
    states, wanted = draw_states(1, 6)
    asked = np.ones(wanted.shape, bool)
    drawn = np.mean([numpy(layer(states, wanted, asked)) for _ in range(100)], axis=0)
    np.testing.assert_allclose(drawn, measure_by_hand(layer, states, wanted), rtol=0.08)


def test_frequent_words_are_drawn_as_often_as_is_reckoned_with():
    layer = make_softmax(30)
    drawn = np.concatenate([numpy(layer.draw()[0]) for _ in range(400)])
    assert drawn.min() >= RESERVED and drawn.max() < WORDS
    counts = np.bincount(drawn, minlength=WORDS)[RESERVED:] / 400
    expected = np.exp(numpy(layer.measure_rarity(np.arange(RESERVED, WORDS))))
    assert expected.sum() == pytest.approx(30, rel=1e-4)
    np.testing.assert_allclose(counts, expected, rtol=0.25, atol=0.03)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_direction_foresees_its_next_word_and_learns_the_classifiers_own_layers(bidirectional):
    chosen = options(cell="gru", bidirectional=bidirectional, pretrain=1)
    model = randomize(classifier.build(text_field(), fit(Label(), ["a", "b"]), chosen))
    learner = pretraining.build(model, chosen)
    batch = encode(text_field(), TEXTS, 7)
    words, mask = batch["words"], batch["mask"]
    losses, asked = 0.0, 0
    for direction in ("forward", "backward")[: 1 + bidirectional]:
        layer = learner.get_layer(f"gru_0_{direction}_softmax")
        states = numpy(keras.Model(model.input, model.get_layer(f"gru_0_{direction}").output)(batch))
        for row, length in enumerate(mask.sum(axis=1)):
            # The backward layer has read the row in its other order.
            text = words[row, :length] if direction == "forward" else words[row, :length][::-1]
            nats = measure_words(layer, states[row, : length - 1], text[1:])
            losses, asked = losses + nats.sum(), asked + len(nats)
    assert asked == (1 + bidirectional) * (mask.sum() - len(TEXTS))
    np.testing.assert_allclose(numpy(learner(batch))[0], losses / asked, rtol=1e-4)
    learner.compile(keras.optimizers.Adam(0.01))
    before = [numpy(weight) for weight in model.trainable_weights]
    first = learner.train_on_batch(batch)
    for _ in range(20):
        last = learner.train_on_batch(batch)
    assert float(last) < float(first)
    changed = {w.path for w, b in zip(model.trainable_weights, before, strict=True) if (numpy(w) != b).any()}
    assert {path.split("/")[0] for path in changed} >= {"embedding", "gru_0_forward"}
    assert not any(path.startswith("logits") for path in changed)


def measure_words(layer, states, wanted):
    vectors = states @ numpy(layer.project.kernel) + numpy(layer.project.bias)
    scores = vectors @ numpy(layer.embedding.embeddings).T + numpy(layer.bias)
    return -log_softmax(scores[:, RESERVED:], axis=1)[np.arange(len(wanted)), wanted - RESERVED]


@pytest.mark.parametrize("changes", [{"embedding": "onehot"}, {"cell": "dnn", "pooling": "last"}])
def test_what_does_not_read_vectors_step_by_step_is_refused(changes):
    chosen = options(pretrain=2, **changes)
    model = classifier.build(text_field(), fit(Number(), [1.0, 2.0]), chosen)
    with pytest.raises(BadInput, match="--pretrain 2: a language model needs words"):
        pretraining.build(model, chosen)
