"""The generator, in a training step and in decoding, with fields of the task that uses it."""

import keras
import numpy as np
import pytest
from keras import ops

from models import generator
from pipeline.batches.padding import pad, shift, weigh
from pipeline.errors import BadInput
from pipeline.fields import Passages, Prompt
from tests.models import fit, numpy, options, randomize

NAMES = [("female", "Ann"), ("male", "Bobby"), ("female", "Zoe")]


def make(texts, prompts, **changes):
    prompt, output = fit(Prompt(), prompts), fit(Passages(), texts)
    given = options(temperature=1.0, **changes)
    return prompt, output, given, randomize(generator.build(prompt, output, given))


def batch(prompt, output, prompts, texts, steps):
    outputs = pad([output.encode(text) for text in texts], output.arrays, steps)
    weights = weigh(outputs, len(texts))
    inputs = pad([prompt.encode(text) for text in prompts], prompt.arrays, steps)
    inputs["previous"] = shift(outputs["output"], output.start)
    return inputs, outputs["output"], weights


def test_the_loss_is_the_mean_over_what_is_asked_for():
    texts = [("", "abca"), ("abca", "bc"), ("ca", "bcab")]
    prompt, output, given, model = make(texts, [""] * 3, cell="gru")
    model.compile(loss=generator.loss(output, given))
    inputs, wanted, weights = batch(prompt, output, [""] * 3, texts, 8)
    found = model.test_on_batch(inputs, wanted, weights)
    shares = numpy(ops.log_softmax(model(inputs)))
    expected = []
    for row, (before, asked) in enumerate(texts):
        for place, symbol in enumerate(asked, len(before)):
            expected.append(-shares[row, place, output.symbols.index(symbol)])
    assert len(expected) == 10
    assert float(np.ravel(found)[0]) == pytest.approx(np.mean(expected), rel=1e-5)


def decode(model, output, given, prompt, prompts):
    decoder = generator.decode(model, output, given)
    inputs = pad([prompt.encode(text) for text in prompts], prompt.arrays, 1)
    inputs["position"] = np.arange(len(prompts), dtype="int32")
    return [output.decode(row) for row in np.asarray(decoder.predict_on_batch(inputs)["output"])]


def test_names_begin_with_the_seed_and_are_no_longer_than_asked():
    categories, names = zip(*NAMES, strict=True)
    prompt, output, given, model = make(names, categories)
    found = decode(model, output, given, prompt, ["female: Zo", "male: B", "female"])
    assert found[0].startswith("Zo") and found[1].startswith("B")
    assert set("".join(found)) <= set("".join(names))
    short = decode(model, output, options(temperature=1.0, max_output_length=2), prompt, ["female", "male", "female"])
    assert all(len(text) <= 2 for text in short)


def test_a_running_text_goes_on_after_the_seed():
    prompt, output, _, model = make([("", "to be or"), ("be or", " not")], ["", ""])
    given = options(temperature=1.0, max_output_length=12)
    found = decode(model, output, given, prompt, ["to be", "", "to be or not to be"])
    assert all(len(text) == 12 for text in found)


def test_without_a_temperature_decoding_is_greedy():
    categories, names = zip(*NAMES, strict=True)
    _, output, _, model = make(names, categories)
    decoder = generator.decode(model, output, options(temperature=None))
    assert set(decoder.input) == {"category"}


def test_a_saved_generator_is_the_same(tmp_path):
    categories, names = zip(*NAMES, strict=True)
    prompt, output, _, model = make(names, categories)
    inputs, *_ = batch(prompt, output, categories, names, 6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(numpy(loaded(inputs)), numpy(model(inputs)), rtol=1e-6)


def test_without_a_temperature_a_beam_searches_for_the_likeliest_texts():
    categories, names = zip(*NAMES, strict=True)
    _, output, _, model = make(names, categories, cell="gru")
    inputs = {"category": np.array([0, 1], "int32")}
    likely = {}
    for beam in (1, 6):
        found = generator.decode(model, output, options(temperature=None, beam=beam)).predict_on_batch(inputs)
        likely[beam] = np.asarray(found["probability"])
        assert found["output"].shape == (2, output.longest)
    assert found["hypotheses"].shape == (2, 6, output.longest)
    # A wider search finds nothing less likely, by length.
    assert (np.exp(np.asarray(found["log_probabilities"])).sum(axis=1) >= likely[1] - 1e-6).all()


def test_a_beam_of_what_is_drawn_is_refused():
    categories, names = zip(*NAMES, strict=True)
    _, output, _, model = make(names, categories)
    with pytest.raises(BadInput, match="--beam 3: with --temperature each symbol is drawn; add --temperature none"):
        generator.decode(model, output, options(temperature=0.5, beam=3))
