import keras
import numpy as np
import pytest

from models import transcriber
from models.decoding.ctc import CTC
from models.layers.random_changes import SpecAugment, VocalTractPerturbation
from models.layers.subsample import Subsample
from pipeline.errors import BadInput
from pipeline.fields import Array, Transcript
from tests.models import CELLS, fit, numpy, options, random_inputs, randomize

BANDS, LENGTHS = 3, [9, 4, 1]


class Frames:
    """As much of an input field as a model asks for."""

    def __init__(self):
        self.arrays = {"frames": Array((None, BANDS), "float32")}


def build(downsample=2, masking=0.0, warping=0.0, **changes):
    output = fit(Transcript(downsample), ["abc ab"])
    augment = {"spec_augment": masking, "vocal_tract_perturbation": warping}
    chosen = options(downsample=downsample, beam=1, **augment, **changes)
    return randomize(transcriber.build(Frames(), output, chosen)), output, chosen


def batch(steps):
    """The same three recordings, with other noise on the padding for every number of steps."""
    frames, mask = random_inputs(LENGTHS, 9, BANDS)
    noise = np.random.default_rng(steps).normal(size=(3, steps, BANDS)).astype("float32")
    noise[:, :9] = np.where(mask[:, :, None], frames, noise[:, :9])
    return {"frames": noise, "mask": np.arange(steps) < np.array(LENGTHS)[:, None]}


@pytest.mark.slow
@pytest.mark.parametrize("downsample", [1, 2, 4])
def test_more_padding_changes_no_logits_and_no_loss(downsample):
    model, _, _ = build(downsample)
    steps = [-(-length // downsample) for length in LENGTHS]
    short = numpy(model(batch(9)))
    assert short.shape[1] == steps[0]
    texts = np.array([[3, 4], [5, 0], [4, 0]], "int32")
    for padded in (10, 13):
        long = numpy(model(batch(padded)))
        for row, length in enumerate(steps):
            np.testing.assert_allclose(long[row, :length], short[row, :length], atol=1e-5)
        np.testing.assert_allclose(
            float(CTC(2, padding=0)(texts, long)), float(CTC(2, padding=0)(texts, short)), rtol=1e-5
        )


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_gives_logits_and_is_restored_with_them(cell, tmp_path):
    model, output, chosen = build(masking=0.5, warping=0.2, cell=cell, layers=2, dropout=0.2)
    logits = numpy(model(batch(9)))
    assert logits.shape == (3, 5, output.arrays["output"].size) and np.isfinite(logits).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again(batch(9))), logits, atol=1e-6)
    assert numpy(transcriber.decode(again, output, chosen)(batch(9))["output"]).shape == (3, 5)


def test_halving_is_the_convolution_of_its_definition():
    layer = Subsample(4)
    frames, mask = random_inputs([5], 5, BANDS)
    layer(frames, mask)
    randomize(keras.Sequential([layer.convolution]))
    kernel, bias = (numpy(weight) for weight in layer.convolution.weights)
    zeros = np.zeros((1, BANDS))
    around = np.concatenate([zeros, frames[0], zeros])
    expected = [np.maximum(0, np.einsum("kb,kbf->f", around[2 * j : 2 * j + 3], kernel) + bias) for j in range(3)]
    states, halved = layer(frames, mask)
    np.testing.assert_allclose(numpy(states)[0], expected, atol=1e-5)
    assert numpy(halved).tolist() == [[True] * 3]


def test_hiding_is_for_training_alone_and_of_whole_frames_and_bands():
    frames, mask = np.ones((50, 40, 20), "float32"), np.ones((50, 40), "bool")
    layer = SpecAugment(0.5)
    assert (numpy(layer(frames, mask)) == 1).all()
    heard = numpy(layer(frames, mask, training=True))
    times, bands = heard.any(axis=2), heard.any(axis=1)
    np.testing.assert_array_equal(heard, times[:, :, None] * bands[:, None, :])
    for part in (times, bands):
        assert part.mean(axis=1).min() >= 0.5 and 0.6 < part.mean() < 0.85


def test_stretching_is_for_training_alone_and_moves_a_peak_in_proportion_to_its_band():
    frames = np.zeros((200, 2, 40), "float32")
    frames[:, :, [10, 20]] = 1.0
    layer = VocalTractPerturbation(0.2)
    np.testing.assert_array_equal(numpy(layer(frames)), frames)
    heard = numpy(layer(frames, training=True))
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    bands = np.arange(40)
    low, high = heard[:, 0, :15] @ bands[:15], heard[:, 0, 15:] @ bands[15:]
    low, high = low / heard[:, 0, :15].sum(axis=1), high / heard[:, 0, 15:].sum(axis=1)
    np.testing.assert_allclose(high, 2 * low, atol=0.8)
    assert 8 <= low.min() < 9 and 11.5 < low.max() <= 12.8


def test_a_beam_of_1_is_the_likeliest_symbol_of_each_step_and_a_wider_one_compiles():
    model, output, chosen = build()
    found = transcriber.decode(model, output, chosen).predict_on_batch(batch(9))["output"]
    best = numpy(model(batch(9))).argmax(axis=2)
    before = np.concatenate([np.full((3, 1), 2), best[:, :-1]], axis=1)
    np.testing.assert_array_equal(found, np.where((best == 2) | (best == before), 0, best))
    chosen = options(downsample=2, spec_augment=0.0, beam=3)
    wide = transcriber.decode(model, output, chosen).predict_on_batch(batch(9))["output"]
    assert wide.shape == (3, 5) and all(isinstance(output.decode(row), str) for row in wide)


def test_a_language_model_weighs_in_the_beam_and_without_counted_ngrams_it_is_refused():
    output = fit(Transcript(2, language_model_order=3), ["abc", "abc ab", "b"])
    chosen = options(downsample=2, spec_augment=0.0, beam=4, language_model_weight=50.0)
    model = randomize(transcriber.build(Frames(), output, chosen))
    found = transcriber.decode(model, output, chosen).predict_on_batch(batch(9))
    # So heavy a model lets nothing be said but what was said in training.
    assert {output.decode(row) for row in found["output"]} <= {"abc", "ab", "b", "abc ab"}
    alone = options(downsample=2, spec_augment=0.0, beam=1, word_bonus=-20.0)
    words = transcriber.decode(model, output, alone).predict_on_batch(batch(9))
    assert words["hypotheses"].shape == (3, 1, 5)
    assert {output.decode(row) for row in words["output"]} == {""}
    bare = fit(Transcript(2), ["abc"])
    with pytest.raises(BadInput, match="no n-grams were counted .* train with --language-model-order"):
        transcriber.decode(model, bare, chosen)
