"""The loss of each example, and how sure each answer is."""

import keras
import numpy as np
import pytest

from models import classifier, tagger
from models.decoding.per_example import measure_examples, with_details
from pipeline.fields import Label
from tests.models import SENTENCES, TAGS, encode, fit, numpy, options, randomize, sentence_fields, text_field


def compile_loss(model, loss):
    model.compile(loss=loss)
    return model


@pytest.fixture(scope="module")
def tagged():
    """A tagger, and a batch: arrays, what is expected, and its weights, one step of which is not asked for."""
    words, tags = sentence_fields()
    model = compile_loss(randomize(tagger.build(words, tags, options())), tagger.loss(tags, options()))
    arrays, outputs = encode(words, SENTENCES, 7), encode(tags, TAGS, 7)
    weights = outputs.pop("mask").astype("float32")
    weights[2, 1] = 0
    return model, tags, arrays, outputs["output"], weights


def softmax(logits):
    waves = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return waves / waves.sum(axis=-1, keepdims=True)


def test_the_loss_of_an_example_is_the_mean_of_its_answers(tagged):
    model, tags, arrays, expected, weights = tagged
    likely = softmax(numpy(model.predict_on_batch(arrays)).astype("float64"))
    surprise = -np.log(np.take_along_axis(likely, expected[:, :, None], axis=2))[:, :, 0]
    found = measure_examples(model, tags).predict_on_batch({**arrays, "expected": expected, "weights": weights})
    np.testing.assert_allclose(found["example_weight"], weights.sum(axis=1))
    np.testing.assert_allclose(found["example_loss"], (surprise * weights).sum(axis=1) / weights.sum(axis=1), rtol=1e-4)


def test_their_mean_by_weight_is_the_loss_of_the_batch(tagged):
    model, tags, arrays, expected, weights = tagged
    found = measure_examples(model, tags).predict_on_batch({**arrays, "expected": expected, "weights": weights})
    mean = np.average(found["example_loss"], weights=found["example_weight"])
    assert mean == pytest.approx(float(model.test_on_batch(arrays, expected, weights)), rel=1e-4)


def test_an_example_of_which_nothing_is_asked_has_no_loss(tagged):
    model, tags, arrays, expected, weights = tagged
    none = np.zeros_like(weights)
    found = measure_examples(model, tags).predict_on_batch({**arrays, "expected": expected, "weights": none})
    assert not found["example_loss"].any() and not found["example_weight"].any()


def test_certainties_are_the_probabilities_of_the_answers_which_stay_as_they_are(tagged):
    model, tags, arrays, expected, weights = tagged
    decoder = tagger.decode(model, tags, options())
    plain = numpy(decoder.predict_on_batch(arrays)["output"])
    given = {**arrays, "expected": expected, "weights": weights}
    found = with_details(model, decoder, tags).predict_on_batch(given)
    np.testing.assert_array_equal(found["output"], plain)
    likely = softmax(numpy(model.predict_on_batch(arrays)))
    wanted = np.take_along_axis(likely, plain[:, :, None].astype(int), axis=2)[:, :, 0]
    np.testing.assert_allclose(found["certainties"], wanted, rtol=1e-4)


def test_a_label_has_one_loss_and_no_certainties_of_steps():
    texts, labels = [" ".join(sentence) for sentence in SENTENCES], fit(Label(), ["a", "b", "c"])
    words = text_field()
    model = compile_loss(randomize(classifier.build(words, labels, options())), classifier.loss(labels, options()))
    arrays, expected = encode(words, texts, 6), np.array([0, 2, 1], "int32")
    decoder = classifier.decode(model, labels, options())
    found = with_details(model, decoder, labels).predict_on_batch(
        {**arrays, "expected": expected, "weights": np.ones(3, "float32")}
    )
    assert found.keys() == {"output", "probability", "example_loss", "example_weight"}
    wanted = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    logits = model.predict_on_batch(arrays)
    np.testing.assert_allclose(found["example_loss"], numpy(wanted(expected, logits)), rtol=1e-4)
