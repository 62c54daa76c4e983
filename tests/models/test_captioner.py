"""The captioner, against numpy and against its own training pass computed the slow way."""

import keras
import numpy as np
import pytest

from harness.evaluate import read_contexts
from models import captioner
from models.captioner import GRID, ColourHistogram, Coordinates, WeightStandardizedConv2D
from pipeline.batches.bucketing import Batches
from pipeline.fields import Image, TargetText
from tests.models import fit, numpy, options, randomize

SIZE = 20
IMAGES = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE, 3), dtype="uint8")


def make(attention: str, colours: int = 0):
    """Return a small model with random weights, its decoder and its output field."""
    settings = options(cell="gru", attention=attention, colour_histogram=colours, beam=1)
    words = fit(TargetText("word", 20), ["a red cat", "the blue dog sits"])
    model = randomize(captioner.build(Image(SIZE), words, settings))
    # Small enough that the first states, of which each sums thousands of numbers, do not all end at 1 or -1.
    model.set_weights([weight * 0.6 for weight in model.get_weights()])
    return model, captioner.decode(model, words, settings), words


@pytest.fixture(scope="module", params=[("none", 0), ("bahdanau", 0), ("luong", 0), ("bahdanau", 4)])
def made(request: pytest.FixtureRequest):
    return make(*request.param)


def test_coordinates_stand_beside_the_features():
    grid = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    found = numpy(Coordinates()(grid))
    np.testing.assert_array_equal(found[..., :4], grid)
    for row in range(3):
        for column in range(5):
            np.testing.assert_allclose(found[:, row, column, 4:], [[column / 2 - 1, row - 1]] * 2, atol=1e-6)


def test_the_shares_of_colours_are_those_that_numpy_counts():
    # Each value is one of the four shades.
    image = np.random.default_rng(0).integers(0, 4, (2, 6, 6, 3)) * 85
    found = numpy(ColourHistogram(4)(image.astype("uint8")))
    for each, shares in zip(image, found, strict=True):
        counted, _ = np.histogramdd(each.reshape(-1, 3), bins=[np.arange(5) * 85 - 40] * 3)
        np.testing.assert_allclose(shares**2, counted.reshape(-1) / 36, atol=1e-6)


def test_what_lies_between_two_shades_is_shared_between_them():
    found = numpy(ColourHistogram(2)(np.full((1, 3, 3, 3), (51, 0, 255), "uint8")))[0] ** 2
    np.testing.assert_allclose(found.reshape(2, 2, 2)[:, 0, 1], [0.8, 0.2], atol=1e-6)
    np.testing.assert_allclose(found.sum(), 1, atol=1e-6)


def test_a_standardised_convolution_is_that_of_kernels_with_mean_0_and_length_1():
    generator = np.random.default_rng(0)
    grid, kernel = (generator.normal(1, 1, shape).astype("float32") for shape in [(2, 8, 8, 4), (3, 3, 4, 6)])
    layer, plain = (
        kind(6, 3, 2, padding="same", use_bias=False) for kind in (WeightStandardizedConv2D, keras.layers.Conv2D)
    )
    for each in (layer, plain):
        each.build(grid.shape)
    layer.set_weights([kernel])
    flat = kernel.reshape(-1, 6)
    flat = (flat - flat.mean(axis=0)) / np.linalg.norm(flat - flat.mean(axis=0), axis=0)
    plain.set_weights([flat.reshape(kernel.shape)])
    np.testing.assert_allclose(numpy(layer(grid)), numpy(plain(grid)), atol=1e-5)


@pytest.mark.parametrize("size", [16, 20, 48, 100, 512])
def test_the_grid_is_small_whatever_the_image(size: int):
    model = captioner.build(Image(size), fit(TargetText("word", 9), ["a"]), options(attention="luong", beam=1))
    height, width = model.get_layer("grid").output.shape[1:3]
    assert GRID / 2 < height == width <= GRID
    assert model.get_layer("memory").output.shape[1] == height * width


def test_decoding_writes_what_the_training_pass_finds_likeliest(made):
    model, decoder, words = made
    found = decoder.predict({"image": IMAGES}, verbose=0)
    written = numpy(found["output"])
    previous = np.full((3, words.longest + 1), words.start, "int32")
    likely = np.ones(3)
    ended = np.zeros(3, bool)
    for step in range(words.longest):
        logits = numpy(model({"image": IMAGES, "previous": previous[:, :-1]}))[:, step]
        chosen = logits.argmax(axis=1)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        likely *= np.where(ended, 1.0, shares.max(axis=1) / shares.sum(axis=1))
        previous[:, step + 1] = chosen
        assert (written[:, step] == np.where(ended, 0, chosen)).all()
        ended |= chosen == words.end
    np.testing.assert_allclose(found["probability"], likely, rtol=1e-3)


def test_an_image_is_answered_alike_whatever_else_is_in_the_batch(made):
    model, _, words = made
    previous = np.tile(np.array([[words.start, 4, 5]], "int32"), (3, 1))
    together = numpy(model({"image": IMAGES, "previous": previous}))
    assert np.ptp(together, axis=0).max() > 0.01
    repeated = numpy(model({"image": IMAGES[[1, 1, 1]], "previous": previous}))
    np.testing.assert_allclose(repeated, together[[1, 1, 1]], atol=1e-4)


@pytest.mark.parametrize("attention", ["bahdanau", "luong"])
def test_the_weights_of_the_grids_positions_add_up_to_one(attention: str):
    model, decoder, words = make(attention)
    found = decoder.predict({"image": IMAGES}, verbose=0)
    weights, written = numpy(found["attention"]), numpy(found["output"])
    assert weights.shape == (3, words.longest, model.get_layer("memory").output.shape[1])
    np.testing.assert_allclose(weights.sum(axis=2)[written > 0], 1, atol=1e-5)


def test_contexts_are_read_in_the_order_of_the_examples(made):
    model, _, words = made
    images = np.random.default_rng(1).integers(0, 255, (7, SIZE, SIZE, 3), dtype="uint8")
    inputs, outputs = [{"image": image} for image in images], [words.encode("a red cat")] * 7
    fields = Image(SIZE).arrays, 3, outputs, words.arrays
    contexts = read_contexts(model, Batches(inputs, *fields, seed=0, start=words.start))
    whole = keras.Model(model.input, model.get_layer("context").output)
    alone = [numpy(whole({"image": image[None], "previous": np.zeros((1, 1), "int32")}))[0] for image in images]
    np.testing.assert_allclose(contexts, alone, rtol=1e-3, atol=1e-3)


def test_in_training_alone_the_decoder_is_not_told_some_of_what_it_has_written():
    keras.utils.set_random_seed(0)
    settings = options(cell="gru", attention="luong", beam=1, dropout=0.0, word_dropout=0.95)
    words = fit(TargetText("word", 20), ["a red cat", "the blue dog sits"])
    model = randomize(captioner.build(Image(SIZE), words, settings))
    one = {"image": IMAGES[:1], "previous": np.array([[words.start, *range(4, 9)]], "int32")}
    other = one | {"previous": np.array([[words.start, *range(8, 3, -1)]], "int32")}
    unknown = one | {"previous": np.ones((1, 6), "int32")}
    assert np.abs(numpy(model(one)) - numpy(model(other)))[:, 1:].max() > 1e-3
    nearest = [np.abs(numpy(model(one, training=True)) - numpy(model(unknown))).max() for _ in range(20)]
    # All six are forgotten with a chance of 0.74.
    assert 8 <= sum(distance < 1e-4 for distance in nearest) < 20


@pytest.mark.slow
def test_what_changes_images_and_residual_blocks_change_nothing_at_the_start_but_in_training(tmp_path):
    words = fit(TargetText("word", 20), ["a red cat", "the blue dog sits"])
    plain = options(cell="gru", attention="bahdanau", colour_histogram=2, beam=1)
    changed = {"random_affine": 0.2, "random_crop": 0.3, "random_mirror": True, "colour_jitter": 0.3}
    whole = captioner.build(Image(SIZE), words, plain.replace(**changed, residual_blocks=1))
    small = captioner.build(Image(SIZE), words, plain)
    own = {weight.path: weight for weight in whole.weights}
    for weight in small.weights:
        weight.assign(own[weight.path])
    inputs = {"image": IMAGES, "previous": np.full((3, 4), words.start, "int32")}
    # A block begins as the identity of what has been rectified.
    np.testing.assert_allclose(numpy(whole(inputs)), numpy(small(inputs)), atol=1e-4)
    trained = numpy(whole(inputs, training=True))
    assert np.isfinite(trained).all() and np.abs(trained - numpy(small(inputs))).max() > 1e-3
    whole.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(inputs)), numpy(whole(inputs)), atol=1e-6)
