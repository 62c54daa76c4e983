import itertools

import keras
import numpy as np
import pytest
from seqeval.metrics import f1_score

from models import tagger
from pipeline.batches.padding import weigh
from pipeline.errors import BadInput
from pipeline.fields import Tags
from tests.models import CELLS, SENTENCES, TAGS, encode, fit, numpy, options, randomize, sentence_fields


def build(**changes):
    return randomize(tagger.build(*sentence_fields(), options(**changes)))


def draw(steps):
    """Return (inputs, outputs, weights) of the sentences padded to `steps`."""
    tokens, tags = sentence_fields()
    outputs = encode(tags, TAGS, steps)
    weights = weigh(outputs, len(TAGS))
    return encode(tokens, SENTENCES, steps), outputs["output"], weights


@pytest.mark.parametrize("cell, bidirectional", [("simple", False), *((cell, True) for cell in CELLS)])
def test_logits_are_one_a_tag_at_every_step_and_do_not_see_the_padding(cell, bidirectional):
    model = build(cell=cell, bidirectional=bidirectional)
    inputs, _, weights = draw(5)
    logits = numpy(model(inputs))
    assert logits.shape == (3, 5, 5)
    longer = numpy(model(draw(9)[0]))
    np.testing.assert_allclose(longer[:, :5][weights > 0], logits[weights > 0], atol=1e-5)


@pytest.mark.parametrize("steps", [5, 9])
def test_loss_is_the_cross_entropy_averaged_over_the_real_steps(steps):
    model = build()
    model.compile(loss=tagger.loss(sentence_fields()[1], options()))
    inputs, outputs, weights = draw(steps)
    logits = numpy(model(inputs)).astype("float64")
    entropy = np.log(np.exp(logits).sum(axis=2)) - np.take_along_axis(logits, outputs[:, :, None], 2)[:, :, 0]
    expected = sum(entropy[row, step] for row, tags in enumerate(TAGS) for step in range(len(tags))) / 9
    loss = model.test_on_batch(inputs, outputs, weights, return_dict=True)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("decoder", ["path", "crf"])
def test_a_training_step_is_the_same_whatever_the_padding(decoder):
    weights = []
    for steps in (5, 9):
        model = build(decoder=decoder)
        loss = tagger.loss(sentence_fields()[1], options(decoder=decoder))
        model.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss)
        model.train_on_batch(*draw(steps))
        weights.append(model.get_weights())
    for shorter, longer in zip(*weights, strict=True):
        np.testing.assert_allclose(shorter, longer, atol=1e-5)


@pytest.mark.parametrize("kind", ["path", "crf"])
def test_decoded_spans_are_valid_and_do_not_see_the_padding(kind):
    _, tags = sentence_fields()
    model = build(decoder=kind)
    decoder = tagger.decode(model, tags, options(decoder=kind))
    found = []
    for steps in (5, 9):
        inputs, _, weights = draw(steps)
        paths = numpy(decoder(inputs)["output"])
        found.append([tags.decode(path[weight > 0]) for path, weight in zip(paths, weights, strict=True)])
    assert found[0] == found[1]
    for path in found[0]:
        for before, tag in zip(("O", *path), path, strict=False):
            assert tag[0] != "I" or before[1:] == tag[1:]


def test_tags_without_spans_are_the_best_of_each_step():
    tokens, _ = sentence_fields()
    tags = fit(Tags(), [("N", "V"), ("A",)])
    model = randomize(tagger.build(tokens, tags, options()))
    inputs = draw(5)[0]
    best = numpy(model(inputs)).argmax(axis=2)
    np.testing.assert_array_equal(numpy(tagger.decode(model, tags, options())(inputs)["output"]), best)


def test_a_sentence_of_one_token_alone_is_decoded():
    tokens, tags = sentence_fields()
    answer = numpy(tagger.decode(build(), tags, options())(encode(tokens, [("Ann",)], 1))["output"])
    assert answer.shape == (1, 1)
    assert tags.decode(answer[0])[0][0] in "BO"


def test_paths_are_searched_in_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        tokens, tags = sentence_fields()
        model = randomize(tagger.build(tokens, tags, options()))
        decoder = tagger.decode(model, tags, options())
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = draw(5)[0]
    assert model.output.dtype == "float32"
    assert np.isfinite(numpy(model(inputs))).all()
    assert decoder.layers[-1].compute_dtype == "float32"
    assert numpy(decoder(inputs)["output"]).shape == (3, 5)


def test_a_crf_of_too_many_tags_is_refused():
    tokens, tags = sentence_fields()[0], fit(Tags(), [tuple(map(str, range(300)))])
    with pytest.raises(BadInput, match="--decoder crf: .* at most 256 tags, and there are 300"):
        tagger.build(tokens, tags, options(decoder="crf"))


def test_without_a_decoder_the_best_of_each_step_answers_for_spans_too():
    model, inputs = build(), draw(5)[0]
    found = numpy(tagger.decode(model, sentence_fields()[1], options(decoder="none"))(inputs)["output"])
    np.testing.assert_array_equal(found, numpy(model(inputs)).argmax(axis=2))


def test_the_loss_of_a_crf_is_that_of_the_paths_of_tags_averaged_over_the_real_steps():
    model, (inputs, outputs, weights) = build(decoder="crf"), draw(5)
    model.compile(loss=tagger.loss(sentence_fields()[1], options(decoder="crf")))
    field, tags = model.get_layer("crf"), sentence_fields()[1]
    logits = numpy(keras.Model(model.input, model.get_layer("logits").output)(inputs)).astype("float64")
    first, last, moves = (numpy(one).astype("float64") for one in (field.first, field.last, field.transitions))
    total = 0.0
    for row, sentence in enumerate(TAGS):
        scores = {}
        for path in itertools.product(range(5), repeat=len(sentence)):
            if all(tags.transitions[before, tag] for before, tag in zip([0, *np.array(path) + 1], path, strict=False)):
                score = first[path[0]] + last[path[-1]] + sum(logits[row, step, tag] for step, tag in enumerate(path))
                scores[path] = score + sum(moves[pair] for pair in zip(path, path[1:], strict=False))
        right = tuple(outputs[row, : len(sentence)].tolist())
        total += np.logaddexp.reduce(list(scores.values())) - scores[right]
    loss = model.test_on_batch(inputs, outputs, weights, return_dict=True)["loss"]
    assert float(loss) == pytest.approx(total / 9, rel=1e-4)


@pytest.mark.parametrize("decoder", ["path", "crf"])
def test_a_saved_model_gives_the_same_logits(decoder, tmp_path):
    model = build(cell="gru", dropout=0.1, locked_dropout=decoder == "crf", decoder=decoder)
    inputs = draw(5)[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(inputs)), numpy(model(inputs)), atol=1e-6)


@pytest.mark.parametrize("decoder", ["none", "path", "crf"])
def test_the_bias_fitted_to_spans_is_that_of_the_best_f1_is_decoded_by_and_saved(decoder):
    chosen, tags = options(decoder=decoder, fit_outside=True), sentence_fields()[1]
    model = randomize(tagger.build(*sentence_fields(), chosen))
    inputs, outputs, weights = draw(5)
    fitted = tagger.make_fitter(model, tags, chosen)([(inputs, outputs, weights)] * 2)
    scores = {}
    for bias in tagger.BIASES:
        paths = numpy(tagger.decode(model, tags, chosen.replace(outside_bias=bias))(inputs)["output"])
        told = [list(tags.decode(path[: len(one)])) for path, one in zip(paths, TAGS, strict=True)]
        scores[bias] = f1_score([list(one) for one in TAGS], told, zero_division=0)
    best = [bias for bias, score in scores.items() if score == pytest.approx(max(scores.values()))]
    assert fitted == {"outside_bias": min(best, key=abs)}
    # What was fitted is what is decoded by where nothing else is asked for; and it is saved with the model.
    for bias in (-20.0, 20.0):
        model.get_layer("outside").fitted.assign(bias)
        told = numpy(tagger.decode(model, tags, chosen)(inputs)["output"])[weights > 0]
        assert (told == tags.outside).all() == (bias > 0) and (told == tags.outside).any() == (bias > 0)
    model.get_layer("outside").save_own_variables(kept := {})
    assert kept["0"] == 20.0


def test_a_bias_of_spans_is_refused_where_the_tags_are_not_those_of_spans():
    tokens, tags = sentence_fields()[0], fit(Tags(), [("N", "V")])
    with pytest.raises(BadInput, match="--fit-outside: the tags are not those of spans; leave the option out"):
        tagger.build(tokens, tags, options(fit_outside=True))
    with pytest.raises(BadInput, match="--outside-bias: the tags are not those of spans; leave the option out"):
        tagger.decode(tagger.build(tokens, tags, options()), tags, options(outside_bias=1.0))
