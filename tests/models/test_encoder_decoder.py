import keras
import numpy as np
import pytest

from models import encoder_decoder
from models.layers.attention import KINDS
from models.layers.losses import cross_entropy
from pipeline.batches.padding import shift, weigh
from pipeline.errors import BadInput
from pipeline.fields import SourceText, TargetText
from tests.models import encode, fit, numpy, options, randomize

TEXTS = ["two dogs run", "a dog", "the two cats run and run"]
ANSWERS = ["zwei Hunde rennen", "ein Hund", "die zwei Katzen rennen"]


def fields():
    return fit(SourceText("word", 30), TEXTS), fit(TargetText("word", 30), ANSWERS)


def build(**changes):
    return randomize(encoder_decoder.build(*fields(), options(**changes)))


def draw(steps, written):
    """Return (inputs, outputs, weights), the inputs padded to `steps` and the outputs to `written`."""
    reading, writing = fields()
    outputs = encode(writing, ANSWERS, written)
    weights = weigh(outputs, len(ANSWERS))
    inputs = encode(reading, TEXTS, steps)
    return {**inputs, "previous": shift(outputs["output"], writing.start)}, outputs["output"], weights


@pytest.mark.parametrize("attention", KINDS)
def test_logits_do_not_see_the_padding(attention):
    model = build(cell="gru", attention=attention)
    inputs, _, weights = draw(6, 5)
    logits = numpy(model(inputs))
    assert logits.shape == (3, 5, fields()[1].arrays["output"].size)
    longer = numpy(model(draw(9, 8)[0]))
    np.testing.assert_allclose(longer[:, :5][weights > 0], logits[weights > 0], atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_the_cross_entropy_with_smoothed_labels(smoothing):
    model = build(label_smoothing=smoothing)
    size = fields()[1].arrays["output"].size
    for shape in ((6, 5), (9, 8)):
        model.compile(loss=encoder_decoder.loss(fields()[1], options(label_smoothing=smoothing)))
        inputs, outputs, weights = draw(*shape)
        logits = numpy(model(inputs)).astype("float64")
        likelihood = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        wanted = (1 - smoothing) * np.eye(size)[outputs] + smoothing / size
        expected = -(wanted * likelihood).sum(axis=2)[weights > 0].mean()
        loss = model.test_on_batch(inputs, outputs, weights, return_dict=True)["loss"]
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_smoothed_loss_is_that_of_keras_on_one_hot_labels():
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(4, 3, 7)).astype("float32"), generator.integers(0, 7, (4, 3))
    same = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(np.eye(7)[labels], logits)
    found = cross_entropy(0.2)(labels, logits)
    assert float(found) == pytest.approx(float(same), rel=1e-5)


@pytest.mark.parametrize("beam", [None, 3])
@pytest.mark.parametrize("attention", KINDS)
def test_decoding_does_not_see_the_padding_and_gives_attention_where_there_is_any(attention, beam):
    model = build(cell="gru", attention=attention)
    decoder = encoder_decoder.decode(model, fields()[1], options(beam=beam))
    short, longer = (
        {name: array for name, array in draw(steps, 5)[0].items() if name != "previous"} for steps in (6, 9)
    )
    found, same = ({name: numpy(array) for name, array in decoder(inputs).items()} for inputs in (short, longer))
    expected = {"output", "probability"} | ({"attention"} if attention != "none" else set())
    assert set(found) == expected | ({"hypotheses", "log_probabilities", "scores"} if beam else set())
    np.testing.assert_array_equal(found["output"], same["output"])
    np.testing.assert_allclose(found["probability"], same["probability"], atol=1e-6)
    if attention != "none":
        assert found["attention"].shape == (3, fields()[1].longest, 6)
        assert (same["attention"][:, :, 6:] == 0).all()


def shared_fields():
    reading, writing = SourceText("word", 30, shared_vocabulary=True), TargetText("word", 30)
    reading.read_outputs(ANSWERS)
    reading.fit(TEXTS)
    writing.attach(reading)
    writing.fit(ANSWERS)
    return reading, writing


@pytest.mark.parametrize("embedding_size", [4, 5])
def test_tied_embeddings_tell_symbols_by_the_vectors_by_which_they_are_read(embedding_size, tmp_path):
    changes = {"cell": "gru", "attention": "luong", "tie_embeddings": True, "embedding_size": embedding_size}
    model = build(**changes)
    decoder = model.get_layer("decoder")
    table = numpy(decoder.embedding.table)
    states = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    told = states if embedding_size == 4 else states @ numpy(decoder.projection.kernel) + numpy(decoder.projection.bias)
    np.testing.assert_allclose(numpy(decoder.tell(states)), told @ table.T + numpy(decoder.logits.bias), atol=1e-5)
    np.testing.assert_array_equal(numpy(decoder.embedding(np.array([3, 1]))), table[[3, 1]])
    # The encoder has a table of its own.
    assert [weight.shape for weight in model.weights].count(table.shape) == 1
    searched = encoder_decoder.decode(model, fields()[1], options(**changes))
    inputs = {name: array for name, array in draw(6, 5)[0].items() if name != "previous"}
    model.save(tmp_path / "model.keras")
    again = encoder_decoder.decode(keras.models.load_model(tmp_path / "model.keras"), fields()[1], options(**changes))
    np.testing.assert_array_equal(numpy(searched(inputs)["output"]), numpy(again(inputs)["output"]))


def test_sides_that_share_a_vocabulary_share_one_table(tmp_path):
    reading, writing = shared_fields()
    assert reading.symbols == writing.symbols and {"dogs", "Hunde"} <= set(reading.symbols)
    assert reading.to_ids("dogs Hunde") == writing.to_ids("dogs Hunde")
    given = options(cell="gru", attention="luong", tie_embeddings=True)
    model = randomize(encoder_decoder.build(reading, writing, given))
    size = (len(reading.symbols), given.embedding_size)
    assert [weight.shape for weight in model.weights].count(size) == 1
    inputs = {**encode(reading, TEXTS, 6), "previous": shift(encode(writing, ANSWERS, 5)["output"], writing.start)}
    logits = numpy(model(inputs))
    # Another vector of a word that is only read changes what is written of it.
    table = model.get_layer("decoder").embedding.table
    rows = numpy(table).copy()
    rows[reading.to_ids("dogs")] += 1
    table.assign(rows)
    changed = numpy(model(inputs))
    assert abs(changed[0] - logits[0])[:, 4:].max() > 1e-3
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(keras.models.load_model(tmp_path / "model.keras")(inputs)), changed, atol=1e-6)
    with pytest.raises(BadInput, match="--embedding onehot: with --tie-embeddings"):
        encoder_decoder.build(reading, writing, given.replace(embedding="onehot"))


def test_with_input_feeding_it_learns_and_decodes_a_beam():
    model = build(cell="gru", attention="luong", input_feeding=True, dropout=0.3)
    model.compile("adam", loss=encoder_decoder.loss(fields()[1], options(label_smoothing=0.0)))
    inputs, outputs, weights = draw(6, 5)
    before = numpy(model.get_layer("decoder").attend.vector.kernel).copy()
    assert np.isfinite(float(model.train_on_batch(inputs, outputs, weights)))
    assert (numpy(model.get_layer("decoder").attend.vector.kernel) != before).all()
    decoder = encoder_decoder.decode(model, fields()[1], options(beam=3))
    inputs.pop("previous")
    assert numpy(decoder(inputs)["hypotheses"]).shape == (3, 3, fields()[1].longest)


def test_a_coverage_penalty_without_attention_is_refused():
    with pytest.raises(BadInput, match="--coverage-penalty 0.2: .* train with --attention luong"):
        encoder_decoder.decode(build(cell="gru"), fields()[1], options(beam=3, coverage_penalty=0.2))


def test_a_saved_model_gives_the_same_logits_and_decodes_the_same(tmp_path):
    model = build(cell="lstm", attention="bahdanau", layers=2)
    inputs = draw(6, 5)[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(inputs)), numpy(model(inputs)), atol=1e-6)
    inputs.pop("previous")
    outputs = [numpy(encoder_decoder.decode(one, fields()[1], options())(inputs)["output"]) for one in (model, again)]
    np.testing.assert_array_equal(*outputs)
