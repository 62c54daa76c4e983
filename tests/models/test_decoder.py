"""The decoder, against its own training pass computed the slow way."""

import numpy as np
import pytest
from keras import ops

from models.decoder import Decoder, Greedy
from models.recurrent import CELLS

START, END, SIZE, LONGEST = 2, 3, 7, 9


def make(cell: str, depth: int) -> Decoder:
    decoder = Decoder(SIZE, cell, units=6, depth=depth, features=5, dropout=0.5)
    decoder(np.zeros((1, 2), "int32"), np.zeros((1, 4), "float32"))
    # Weights large enough that different contexts write different sequences.
    generator = np.random.default_rng(0)
    for variable in decoder.trainable_variables:
        variable.assign(generator.normal(size=variable.shape) * 1.5)
    return decoder


def write_slowly(decoder: Decoder, contexts: np.ndarray) -> list[list[int]]:
    """Return what the decoder writes for each context: all steps from the first again for every symbol."""
    previous = np.full((len(contexts), LONGEST + 1), START, "int32")
    for step in range(LONGEST):
        logits = ops.convert_to_numpy(decoder(previous[:, :LONGEST], contexts))
        previous[:, step + 1] = logits[:, step].argmax(axis=-1)
    rows = previous[:, 1:].tolist()
    return [row[: row.index(END) + 1] if END in row else row for row in rows]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_greedy_writes_what_the_training_pass_finds_likeliest(cell: str, depth: int) -> None:
    decoder = make(cell, depth)
    contexts = np.random.default_rng(1).normal(size=(12, 4)).astype("float32")
    found = ops.convert_to_numpy(Greedy(decoder, START, END, LONGEST)(contexts))
    wanted = write_slowly(decoder, contexts)
    assert len({tuple(row) for row in wanted}) > 1
    for row, slow in zip(found, wanted, strict=True):
        assert row.tolist() == slow + [0] * (LONGEST - len(slow))


def test_greedy_stops_at_the_end_symbol() -> None:
    decoder = make("simple", 1)
    decoder.logits.bias.assign([0, 0, 0, 1e6, 0, 0, 0])
    found = ops.convert_to_numpy(Greedy(decoder, START, END, LONGEST)(np.zeros((3, 4), "float32")))
    assert found.tolist() == [[END] + [0] * (LONGEST - 1)] * 3


def test_training_pass_does_not_see_what_comes_later() -> None:
    decoder = make("gru", 2)
    context = np.ones((1, 4), "float32")
    short = ops.convert_to_numpy(decoder(np.array([[START, 4, 5]], "int32"), context))
    longer = ops.convert_to_numpy(decoder(np.array([[START, 4, 5, 6, 6]], "int32"), context))
    np.testing.assert_allclose(longer[:, :3], short, atol=1e-6)
