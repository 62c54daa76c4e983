"""Residual blocks around any cell, against their formula in NumPy, and in all that a stack of cells is used for."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from models import tagger, transcriber
from models.layers.block import EPSILON, EXPANSION
from models.layers.decoder import Decoder
from models.recurrent import stack_layers
from models.streaming import Step
from pipeline.fields import Transcript
from tests.models import TAGS, fit, numpy, options, random_inputs, randomize, sentence_fields
from tests.models.test_streaming import SENTENCE, Frames, answer_steps, answer_whole

LENGTHS, STEPS, FEATURES, UNITS = [3, 7, 1, 5], 7, 3, 4


def build(cell: str, **given: object) -> keras.Model:
    inputs, mask = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
    stacked = stack_layers(inputs, mask, cell=cell, units=UNITS, block=True, longest=9, **given)
    return randomize(keras.Model([inputs, mask], stacked))


def weights_of(model: keras.Model, name: str) -> dict[str, np.ndarray]:
    return {"/".join(one.path.split("/")[1:]): numpy(one).astype("float64") for one in model.get_layer(name).weights}


def normalise(numbers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return numbers / np.sqrt((numbers**2).mean(axis=-1, keepdims=True) + EPSILON) * scale


def gelu(numbers: np.ndarray) -> np.ndarray:
    return 0.5 * numbers * (1 + np.tanh(math.sqrt(2 / math.pi) * (numbers + 0.044715 * numbers**3)))


def run_simple(weights: list[np.ndarray], sequence: np.ndarray) -> np.ndarray:
    kernel, recurrent, bias = weights
    state, every = np.zeros(UNITS), []
    for x in sequence:
        state = np.tanh(x @ kernel + state @ recurrent + bias)
        every.append(state)
    return np.stack(every)


def refer(model: keras.Model, sequence: np.ndarray, depth: int) -> np.ndarray:
    """Return what leaves the blocks around a simple cell in both directions, (time, 2 units), for one sequence."""

    def dense(weights: dict, name: str, numbers: np.ndarray) -> np.ndarray:
        return numbers @ weights[f"{name}kernel"] + weights[f"{name}bias"]

    stream = dense(weights_of(model, "block_entry"), "", sequence)
    for number in range(depth):
        entering = normalise(stream, weights_of(model, f"block_{number}_norm")["scale"])
        forward, backward = (
            model.get_layer(f"simple_{number}_{direction}").get_weights() for direction in ("forward", "backward")
        )
        both = [run_simple(forward, entering), run_simple(backward, entering[::-1])[::-1]]
        weights = weights_of(model, f"block_{number}")
        stream = stream + dense(weights, "mix/", np.concatenate(both, axis=1))
        wide = dense(weights, "expand/", normalise(stream, weights["norm/scale"]))
        gate, value = np.split(wide, 2, axis=1)
        assert gate.shape[1] == EXPANSION * 2 * UNITS
        stream = stream + dense(weights, "contract/", gelu(gate) * value)
    return normalise(stream, weights_of(model, "block_exit")["scale"])


def test_two_blocks_in_both_directions_are_their_formula_and_see_no_padding() -> None:
    model = build("simple", depth=2, bidirectional=True)
    noise, mask = random_inputs(LENGTHS, STEPS, FEATURES)
    found = numpy(model([np.where(mask[:, :, None], noise, 100.0).astype("float32"), mask]))
    assert found.shape == (4, STEPS, 2 * UNITS)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(found[row, :length], refer(model, noise[row, :length], 2), atol=1e-4)


@pytest.mark.parametrize("cell", ["lru", "dnn"])
def test_every_kind_of_cell_can_be_in_a_block_and_is_saved_with_it(cell: str, tmp_path) -> None:
    model = build(cell, bidirectional=True, dropout=0.5)
    noise, mask = random_inputs(LENGTHS, STEPS, FEATURES)
    expected = numpy(model([noise, mask]))
    shorter = numpy(model([noise[:, :6], mask[:, :6]]))
    np.testing.assert_allclose(shorter[mask[:, :6]][:3], expected[:, :6][mask[:, :6]][:3], atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(again([noise, mask])), expected, atol=1e-6)


def test_dropout_leaves_the_stream_and_thins_what_is_added_to_it() -> None:
    model = build("simple", dropout=0.9)
    for name in ("block_0", "block_entry"):
        layer = model.get_layer(name)
        layer.set_weights([weight * (name == "block_entry") + 1e-3 for weight in layer.get_weights()])
    noise, mask = random_inputs([STEPS] * 4, STEPS, FEATURES)
    quiet, noisy = numpy(model([noise, mask])), numpy(model([noise, mask], training=True))
    assert not np.array_equal(quiet, noisy)
    np.testing.assert_allclose(noisy, quiet, atol=0.1)


def test_a_tagger_in_blocks_answers_each_step_as_the_whole_sentence_does() -> None:
    tokens, tags = sentence_fields()
    given = options(cell="mingru", signed=True, block=True, layers=2, bidirectional=False, dropout=0.3)
    model = randomize(tagger.build(tokens, tags, given))
    assert model.get_layer("mingru_1_forward").cell.signed
    arrays = tokens.encode(SENTENCE)
    found = np.concatenate(answer_steps(Step(model), arrays))
    np.testing.assert_allclose(found, answer_whole(model, arrays, len(SENTENCE)), atol=1e-5)
    assert set(TAGS[0]) <= set(tags.categories)


def test_a_transcriber_has_blocks_and_the_options_of_its_cell() -> None:
    given = options(downsample=2, cell="minlstm", signed=True, chrono=9, block=True, bidirectional=False)
    model = randomize(transcriber.build(Frames(), fit(Transcript(2), ["abc ab"]), given.replace(spec_augment=0.0)))
    cell = model.get_layer("minlstm_0_forward").cell
    assert (cell.signed, cell.chrono) == (True, 9)
    arrays = {"frames": np.random.default_rng(0).normal(size=(8, 3)).astype("float32")}
    found = np.concatenate(answer_steps(Step(model), arrays))
    np.testing.assert_allclose(found, answer_whole(model, arrays, 8), atol=1e-5)


def test_a_decoder_in_blocks_writes_step_by_step_what_it_is_taught_all_at_once() -> None:
    given = {"units": 6, "depth": 2, "features": 5, "dropout": 0.5, "attention": "luong", "merge": True}
    decoder = Decoder(7, "minlstm", **given, block=True, cell_options={"signed": True})
    decoder = Decoder.from_config(decoder.get_config())
    generator = np.random.default_rng(3)
    context, memory = (generator.normal(size=shape).astype("float32") for shape in ((4, 4), (4, 5, 3)))
    previous = generator.integers(0, 7, (4, 5)).astype("int32")
    decoder(previous, context, memory)
    randomize(decoder)
    assert all(layer.cell.signed for layer in decoder.layers)
    taught = numpy(decoder(previous, context, memory))
    states, prepared = decoder.make_first_states(context), decoder.prepare_attention(memory)
    for step in range(5):
        logits, states, _ = decoder.step(ops.convert_to_tensor(previous[:, step]), states, prepared)
        np.testing.assert_allclose(numpy(logits), taught[:, step], atol=1e-4)
