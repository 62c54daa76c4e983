import keras
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from harness.differentiation import differentiate
from models import classifier
from models.calibration import can_calibrate, divide_logits
from models.layers.losses import WeightedCrossEntropy
from models.layers.pooling import POOLINGS, AttentionPool, Pool
from models.streaming import RunningAttention
from pipeline.errors import BadInput
from pipeline.fields import Histogram, Label, Labels, Number
from tests.models import CELLS, SENTENCES, encode, fit, numpy, options, random_inputs, randomize, text_field

TEXTS = [" ".join(sentence) for sentence in SENTENCES]


def pool(kind, states, mask, bidirectional=True):
    return numpy(Pool(kind, bidirectional)(states, mask)).astype("float32")


def expected_pool(kind, states, length):
    real, half = states[:length], states.shape[1] // 2
    kinds = {
        "last": np.concatenate([real[-1, :half], real[0, half:]]),
        "max": real.max(axis=0),
        "mean": real.mean(axis=0),
    }
    return np.concatenate([kinds[name] for name in kind.split("+")])


@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_is_over_the_real_steps_alone(kind):
    lengths = [1, 4, 6]
    states, mask = random_inputs(lengths, 9, 4)
    expected = [expected_pool(kind, row, length) for row, length in zip(states, lengths, strict=True)]
    np.testing.assert_allclose(pool(kind, states, mask), expected, atol=1e-6)
    np.testing.assert_allclose(pool(kind, states[:, :6], mask[:, :6]), expected, atol=1e-6)


def test_last_state_of_one_direction_is_the_whole_one_at_the_end():
    states, mask = random_inputs([2, 5], 5, 3)
    np.testing.assert_array_equal(pool("last", states, mask, bidirectional=False), states[[0, 1], [1, 4]])


@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_in_bfloat16_is_that_of_float32_up_to_its_precision(kind):
    # bfloat16 counts exactly up to 256 only.
    lengths = [1, 301, 303]
    states, mask = random_inputs(lengths, 310, 4)
    states = numpy(keras.ops.cast(keras.ops.cast(states, "bfloat16"), "float32"))
    layer = Pool(kind, True, dtype="mixed_bfloat16")
    found = numpy(keras.ops.cast(layer(states, mask), "float32"))
    expected = [expected_pool(kind, row, length) for row, length in zip(states, lengths, strict=True)]
    np.testing.assert_allclose(found, expected, atol=0.02)


def attention(units):
    layer = AttentionPool()
    layer.build((None, None, units))
    return randomize(layer)


def test_attention_weighs_the_real_steps_by_their_scores():
    lengths = [1, 4, 6]
    states, mask = random_inputs(lengths, 9, 4)
    layer = attention(4)
    kernel, bias, context = map(numpy, (layer.kernel, layer.bias, layer.context))
    expected = []
    for row, length in zip(states.astype("float64"), lengths, strict=True):
        weights = np.exp(np.tanh(row[:length] @ kernel + bias) @ context)
        expected.append(weights @ row[:length] / weights.sum())
    np.testing.assert_allclose(numpy(layer(states, mask)), expected, atol=1e-5)
    np.testing.assert_allclose(numpy(layer(states[:, :6], mask[:, :6])), expected, atol=1e-5)


def test_attention_step_by_step_is_that_of_the_sequence_so_far():
    states, mask = random_inputs([7], 7, 4)
    layer = attention(4)
    step = RunningAttention(layer)
    for number in range(7):
        found = numpy(step(states[:, number : number + 1], mask[:, number : number + 1]))
        so_far = slice(number + 1)
        np.testing.assert_allclose(found, numpy(layer(states[:, so_far], mask[:, so_far])), atol=1e-5)


def test_logits_with_ngrams_do_not_see_the_padding_and_are_divided_whole():
    field = text_field()
    labels = fit(Label(), ["a", "b", "c"])
    model = build(labels, ngrams=2, ngram_buckets=64, pooling="attention")
    logits = numpy(model(encode(field, TEXTS, 5)))
    assert logits.shape == (3, 3)
    np.testing.assert_allclose(numpy(model(encode(field, TEXTS, 9))), logits, atol=1e-5)
    assert can_calibrate(model, labels)
    divide_logits(model, 2.5)
    np.testing.assert_allclose(numpy(model(encode(field, TEXTS, 5))), logits / 2.5, atol=1e-5)


def build(output_field, **changes):
    return randomize(classifier.build(text_field(), output_field, options(**changes)))


@pytest.mark.parametrize("cell", CELLS)
def test_logits_are_one_a_label_and_do_not_see_the_padding(cell):
    field = text_field()
    model = build(fit(Label(), ["a", "b", "c"]), cell=cell)
    logits = numpy(model(encode(field, TEXTS, 5)))
    assert logits.shape == (3, 3)
    np.testing.assert_allclose(numpy(model(encode(field, TEXTS, 9))), logits, atol=1e-5)


def test_loss_is_the_cross_entropy_averaged_over_the_real_rows():
    field, labels = text_field(), fit(Label(), ["a", "b"])
    model = build(labels)
    model.compile(loss=classifier.loss(labels, options()))
    batch, answers = encode(field, TEXTS, 5), np.array([1, 0, 1])
    logits = numpy(model(batch)).astype("float64")
    entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(3), answers]
    for weights in ([1, 1, 1], [1, 1, 0]):
        loss = model.test_on_batch(batch, answers, np.array(weights, "float32"), return_dict=True)["loss"]
        assert float(loss) == pytest.approx(np.average(entropy, weights=weights), rel=1e-5)
        model.reset_metrics()


def test_loss_of_numbers_is_the_squared_error_averaged_over_the_real_rows():
    field, number = text_field(), fit(Number(), [1.0, 2.0, 6.0])
    model = build(number)
    model.compile(loss=classifier.loss(number, options()))
    batch, answers = encode(field, TEXTS, 5), np.array([0.5, -1.0, 2.0], "float32")
    output = numpy(model(batch))
    assert output.shape == (3, 1)
    weights = np.array([1, 1, 0], "float32")
    loss = model.test_on_batch(batch, answers, weights, return_dict=True)["loss"]
    assert float(loss) == pytest.approx(np.average((output[:, 0] - answers) ** 2, weights=weights), rel=1e-5)
    decoded = classifier.decode(model, number, None)(batch)
    np.testing.assert_allclose(numpy(decoded["output"]), output[:, 0], rtol=1e-6)


def test_loss_of_a_histogram_is_its_cross_entropy_and_the_answer_how_likely_each_bin_is():
    field, histogram = text_field(), fit(Histogram(), [1.0, 2.0, 6.0])
    model = build(histogram)
    model.compile(loss=classifier.loss(histogram, options()))
    batch, weights = encode(field, TEXTS, 5), np.array([1, 1, 0], "float32")
    answers = np.stack([histogram.encode(number)["output"] for number in (1, 2.5, 6)])
    logits = numpy(model(batch)).astype("float64")
    assert logits.shape == (3, histogram.BINS)
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = model.test_on_batch(batch, answers, weights, return_dict=True)["loss"]
    entropy = -(answers * np.log(likely)).sum(axis=1)
    assert float(loss) == pytest.approx(np.average(entropy, weights=weights), rel=1e-5)
    np.testing.assert_allclose(numpy(classifier.decode(model, histogram, None)(batch)["output"]), likely, rtol=1e-5)


def test_ngrams_have_no_more_numbers_than_fit_however_many_labels_there_are():
    labels = fit(Label(), [str(number) for number in range(100)])
    layer = classifier.build(text_field(), labels, options(ngrams=1, ngram_buckets=2**20)).get_layer("ngrams")
    assert (layer.buckets, layer.ratios.shape) == (83_886, (83_886, 100))


def test_levels_are_as_likely_as_the_chances_of_passing_each_say():
    field, levels = text_field(), fit(Histogram(loss="ordinal"), [1.0, 2.0, 4.0, 5.0])
    model = build(levels)
    model.compile(loss=classifier.loss(levels, options()))
    batch, weights = encode(field, TEXTS, 5), np.array([1, 1, 0], "float32")
    before = keras.Model(model.input, model.get_layer("logits").output)
    passed = 1 / (1 + np.exp(-numpy(before(batch)).astype("float64")))
    above = np.cumprod(passed, axis=1)
    likely = np.concatenate([1 - above[:, :1], above[:, :-1] - above[:, 1:], above[:, -1:]], axis=1)
    assert likely.shape == (3, 4) and not can_calibrate(model, levels)
    np.testing.assert_allclose(numpy(classifier.decode(model, levels, None)(batch)["output"]), likely, rtol=1e-4)
    answers = np.stack([levels.encode(number)["output"] for number in (1, 4, 5)])
    loss = model.test_on_batch(batch, answers, weights, return_dict=True)["loss"]
    # CORN as it is published: a binary cross-entropy for each step, of those examples that passed the one before.
    expected = 0.0
    for row, level in enumerate((0, 2)):
        for step in range(min(level + 1, 3)):
            expected -= np.log(passed[row, step] if level > step else 1 - passed[row, step])
    assert float(loss) == pytest.approx(expected / 2, rel=1e-4)


def test_weighted_labels_count_as_scikit_learn_balances_them():
    given = ["a", "a", "a", "b", "a", "b", "c"]
    labels = fit(Label(class_weights="balanced"), given)
    weights = labels.arrays["output"].weights
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=given))
    logits, wanted = np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), np.array([2, 0, 1, 2])
    loss = classifier.loss(labels, options())
    likely = np.log(softmax(logits, axis=1))[np.arange(4), wanted]
    expected = -np.array(weights)[wanted] * likely
    assert float(loss(wanted, logits)) == pytest.approx(expected.mean(), rel=1e-5)
    asked = np.array([1, 0, 1, 1], "float32")
    assert float(loss(wanted, logits, asked)) == pytest.approx(np.average(expected, weights=asked), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_focal_loss_is_that_of_keras(gamma):
    labels = fit(Label(), ["a", "b", "c"])
    logits, wanted = np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), np.array([2, 0, 1, 2])
    reference = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, from_logits=True)
    found = classifier.loss(labels, options(focal=gamma))(wanted, logits)
    assert float(found) == pytest.approx(float(reference(np.eye(3, dtype="float32")[wanted], logits)), rel=1e-5)


def test_a_focal_loss_has_a_slope_where_the_answer_is_right_for_sure():
    loss = WeightedCrossEntropy(gamma=0.5)
    logits = keras.ops.convert_to_tensor([[60.0, -60.0]])
    slope = differentiate(lambda at: loss(np.array([0]), at), logits)
    assert np.isfinite(numpy(slope)).all()


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_loss_of_several_labels_is_the_binary_one_of_keras_weighted_as_scikit_learn_does(gamma):
    sets = [("a",), (), ("a", "b"), ("a",)]
    logits = np.random.default_rng(0).normal(size=(4, 2)).astype("float32") * 3
    plain, weighted = fit(Labels(), sets), fit(Labels(class_weights="balanced"), sets)
    wanted = np.stack([plain.encode(one)["output"] for one in sets])
    stock = keras.losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction=None)
    each = np.transpose([numpy(stock(wanted[:, [k]], logits[:, [k]])) for k in range(2)])
    chosen = options(focal=gamma)
    np.testing.assert_allclose(numpy(classifier.loss(plain, chosen).call(wanted, logits)), each.mean(axis=1), rtol=1e-5)
    weights = np.transpose([compute_sample_weight("balanced", column) for column in wanted.T])
    found = classifier.loss(weighted, chosen)(wanted, logits)
    np.testing.assert_allclose(numpy(found), (weights * each).mean(), rtol=1e-5)
    assert classifier.loss(weighted, chosen).get_config()["gamma"] == gamma


def test_a_focal_loss_without_labels_is_refused():
    with pytest.raises(BadInput, match="--focal 2: the answer is a number"):
        classifier.loss(fit(Number(), [1.0, 2.0]), options(focal=2.0))


def test_answer_is_the_best_label_and_its_probability():
    field, labels = text_field(), fit(Label(), ["a", "b", "c"])
    model = build(labels)
    batch = encode(field, TEXTS, 5)
    logits = numpy(model(batch))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answer = classifier.decode(model, labels, None)(batch)
    np.testing.assert_array_equal(numpy(answer["output"]), logits.argmax(axis=1))
    np.testing.assert_allclose(numpy(answer["probability"]), odds.max(axis=1), rtol=1e-5)


def test_a_saved_model_gives_the_same_logits(tmp_path):
    model = build(fit(Label(), ["a", "b"]), embedding="onehot", dropout=0.1)
    batch = encode(text_field(), TEXTS, 5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(batch)), numpy(model(batch)), atol=1e-6)
