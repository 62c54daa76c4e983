"""On TensorFlow, a graph need know neither how many rows a batch has nor how many steps: what it computes is the same.

Once batches of two shapes have come, Keras makes such graphs of all that it compiles.
"""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from models.captioner import ColourHistogram, Coordinates
from models.decoding.ctc import CTC, CertainBlank, collapse, search_prefixes
from models.decoding.fusion import Fusion
from models.decoding.sampling import Sample
from models.decoding.search import FEWEST, SHARE, Beam, Greedy
from models.decoding.viterbi import viterbi
from models.layers.attention import KINDS
from models.layers.decoder import Decoder
from models.layers.ngrams import NGrams
from models.layers.pooling import POOLINGS, AttentionPool, Pool
from models.layers.random_changes import RandomAffine, SpecAugment, VocalTractPerturbation
from models.layers.subsample import Subsample
from models.recurrent import CELLS, stack_layers
from tests.models import random_inputs

tensorflow = pytest.importorskip("tensorflow")
if keras.config.backend() != "tensorflow":
    pytest.skip("other backends know all shapes", allow_module_level=True)

FRAMES, MASK = random_inputs((5, 2, 4), 5, 6)


def compare(function, *arrays):
    """Assert that a function gives in a graph, with and without a known number of rows, what it gives of arrays."""
    arrays = [ops.convert_to_tensor(array) for array in arrays]
    wanted = keras.tree.flatten(function(*arrays))
    for rows in (None, len(arrays[0])):
        # The features of a vector are known, and so is an image but for its rows; numbers and masks go over time.
        known = [
            (rows, *array.shape[1:]) if array.ndim in (1, 4) else (rows, None, *array.shape[2:]) for array in arrays
        ]
        known = [
            (rows, array.shape[1]) if array.ndim == 2 and array.dtype == "float32" else shape
            for array, shape in zip(arrays, known, strict=True)
        ]
        signature = [
            tensorflow.TensorSpec(*pair) for pair in zip(known, (array.dtype for array in arrays), strict=True)
        ]
        found = tensorflow.function(function, input_signature=signature, autograph=False)(*arrays)
        for one, other in zip(keras.tree.flatten(found), wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_layers_and_their_gradients(cell):
    inputs = keras.Input((None, 6)), keras.Input((None,), dtype="bool")
    model = keras.Model(inputs, stack_layers(*inputs, cell=cell, units=4, bidirectional=True, longest=5))

    def differentiate(frames, mask):
        with tensorflow.GradientTape() as tape:
            tape.watch(frames)
            states = model((frames, mask))
            total = ops.sum(ops.square(states))
        return states, *tape.gradient(total, [frames, *(weight.value for weight in model.trainable_variables)])

    compare(differentiate, FRAMES, MASK)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in ("simple", "lstm", "gru", "dnn")])
def test_recurrent_layers_with_a_mask(cell):
    layer = CELLS[cell](4, return_sequences=True)
    compare(lambda frames, mask: layer(frames, mask=mask), FRAMES, MASK)


def decode(attention, rows):
    """Return a decoder, and what it is given: symbols, contexts, memories and masks."""
    decoder = Decoder(7, "gru", units=6, depth=2, features=5, dropout=0.0, attention=attention)
    symbols = np.resize([[2, 4, 5, 6]], (rows, 4)).astype("int32")
    return (
        decoder,
        symbols,
        np.resize(FRAMES[:, 0], (rows, 6)),
        np.resize(FRAMES, (rows, 5, 6)),
        np.resize(MASK, (rows, 5)),
    )


@pytest.mark.parametrize("attention", KINDS)
def test_a_decoder(attention):
    compare(*decode(attention, 3))


@pytest.mark.parametrize("search", [Greedy, partial(Beam, width=3)], ids=["greedy", "beam"])
def test_a_search_that_leaves_out_what_has_ended(search):
    decoder, symbols, *given = decode("luong", SHARE * FEWEST)
    decoder(symbols, *given)
    find = search(decoder, start=2, end=3, padding=0, longest=4)
    compare(lambda *given: find(*given), *given)

    def forget_rows(contexts, memories, mask):
        # Less is known of a memory that native kernels have made than of the context.
        return find(contexts, tensorflow.reshape(memories, tensorflow.shape(memories) + 0), mask)

    compare(forget_rows, *given)


def test_sampling():
    decoder = Decoder(7, "lstm", units=6, depth=1, features=5, dropout=0.0)
    decoder(np.zeros((1, 2), "int32"), FRAMES[:1, 0])
    sample = Sample(decoder, [0, 0, 0, 0, 97, 98, 99], start=2, end=3, padding=0, longest=6, top_k=3, top_p=0.9)
    width = np.array([[97, 98], [98, 0], [0, 0]], "int32")
    contexts, position = FRAMES[:, 0], np.arange(3, dtype="int32")
    compare(lambda contexts, position: sample(contexts, ops.convert_to_tensor(width), position), contexts, position)


def test_the_best_path_and_connectionist_temporal_classification():
    scores, texts = FRAMES, np.array([[1, 2], [3, 0], [2, 1]], "int32")
    first, transitions = np.zeros(6, "float32"), np.eye(6, dtype="float32")
    compare(lambda scores, mask: viterbi(scores, mask, first=first, transitions=transitions), scores, MASK)
    certain = CertainBlank(5)
    compare(lambda scores, mask: collapse(certain(scores, mask), 5, padding=0), scores, MASK)
    compare(lambda scores, mask: search_prefixes(certain(scores, mask), 5, width=3, padding=0), scores, MASK)
    generator = np.random.default_rng(0)
    fusion = Fusion(
        generator.random((2, 6), "float32"), generator.integers(0, 2, (2, 6), "int32"), np.ones(2, "float32"), 0
    )
    compare(
        lambda scores, mask: search_prefixes(certain(scores, mask), 5, width=3, padding=0, fusion=fusion), scores, MASK
    )
    compare(lambda scores, mask, texts: CTC(5, padding=0)(texts, certain(scores, mask)), scores, MASK, texts)


def test_what_comes_before_and_after_the_recurrent_layers():
    halve = Subsample(4)
    compare(halve, FRAMES, MASK)
    for kind in POOLINGS:
        compare(Pool(kind, bidirectional=True), FRAMES, MASK)
    compare(AttentionPool(), FRAMES, MASK)
    compare(NGrams(2, 4, 3, 64), np.array([[1, 2, 1, 2, 3]] * 3, "int32")[:, : MASK.shape[1]], MASK[:, :5])
    image = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3)).astype("float32")
    for layer in (Coordinates(), ColourHistogram(2)):
        compare(layer, image)


def test_what_is_changed_at_random_keeps_its_shape():
    image = np.ones((3, 8, 8, 3), "float32")
    for layer, arrays in (
        (SpecAugment(0.0), (FRAMES, MASK)),
        (VocalTractPerturbation(0.0), (FRAMES,)),
        (RandomAffine(0.0), (image,)),
    ):
        compare(lambda *arrays, change=layer: change(*arrays, training=True), *arrays)
