"""The decoder and its searches, against its own training pass computed the slow way."""

from functools import cache
from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from models import recurrent
from models.decoding.search import FEWEST, SHARE, Beam, Greedy
from models.decoding.viterbi import FORBIDDEN
from models.layers.attention import KINDS
from models.layers.decoder import Decoder
from tests.models import CELLS, numpy

START, END, SIZE, LONGEST = 2, 3, 7, 6
ROWS, POSITIONS = 12, 5
# A cell and a depth with each attention, and each cell of Keras, and the context merged or not; of the other cells,
# test_whole.py compares every step.
KIND_OF = [
    ("simple", 1, "none", False),
    ("gru", 2, "bahdanau", False),
    ("lstm", 1, "luong", False),
    ("lstm", 2, "none", True),
    ("gru", 1, "bahdanau", True),
]


def make(cell: str, depth: int, attention: str = "none", merge: bool = False, size: int = SIZE) -> Decoder:
    decoder = Decoder(size, cell, units=6, depth=depth, features=5, dropout=0.5, attention=attention, merge=merge)
    decoder(np.zeros((1, 2), "int32"), np.zeros((1, 4), "float32"), np.zeros((1, POSITIONS, 3), "float32"))
    # Weights large enough that different contexts write different sequences.
    generator = np.random.default_rng(0)
    for variable in decoder.trainable_variables:
        variable.assign(generator.normal(size=variable.shape) * 1.5)
    return decoder


def draw(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return contexts, memories, and masks of lengths from 1 on."""
    generator = np.random.default_rng(1)
    contexts = generator.normal(size=(rows, 4)).astype("float32")
    memories = generator.normal(size=(rows, POSITIONS, 3)).astype("float32")
    return contexts, memories, np.arange(POSITIONS) < 1 + np.arange(rows)[:, None] % POSITIONS


@cache
def training_pass(decoder: Decoder) -> keras.Model:
    """Return the decoder as a model, whose calls are compiled once."""
    inputs = (
        keras.Input((None,), dtype="int32"),
        keras.Input((4,)),
        keras.Input((POSITIONS, 3)),
        keras.Input((POSITIONS,), dtype="bool"),
    )
    return keras.Model(inputs, decoder(*inputs))


def find(search: Greedy | Beam, *given: np.ndarray) -> dict[str, np.ndarray]:
    return {name: ops.convert_to_numpy(array) for name, array in search(*given).items()}


def likelihoods(decoder: Decoder, written: np.ndarray, *given: np.ndarray) -> np.ndarray:
    """Return the log-probability of each symbol of `written`, (rows, steps), by one training pass."""
    previous = np.concatenate([np.full((len(written), 1), START, "int32"), written[:, :-1]], axis=1)
    logits = np.asarray(training_pass(decoder).predict_on_batch((previous, *given))).astype("float64")
    logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
    return np.take_along_axis(logits, written[:, :, None], axis=2)[:, :, 0]


def log_probability(decoder: Decoder, written: np.ndarray, *given: np.ndarray) -> np.ndarray:
    """Return that of whole sequences, to their end symbol."""
    ended = np.cumsum(written == END, axis=1) - (written == END)
    return (likelihoods(decoder, written, *given) * (ended == 0)).sum(axis=1)


def write_slowly(decoder: Decoder, *given: np.ndarray) -> list[list[int]]:
    """Return what the decoder writes for each context: all steps from the first again for every symbol."""
    previous = np.full((len(given[0]), LONGEST + 1), START, "int32")
    for step in range(LONGEST):
        logits = np.asarray(training_pass(decoder).predict_on_batch((previous[:, :LONGEST], *given)))
        previous[:, step + 1] = logits[:, step].argmax(axis=-1)
    rows = previous[:, 1:].tolist()
    return [row[: row.index(END) + 1] if END in row else row for row in rows]


def test_every_cell_and_every_attention_is_tested_here() -> None:
    assert {cell for cell, *_ in KIND_OF} == set(CELLS)
    assert {kind for *_, kind, _ in KIND_OF} == set(KINDS)


def test_a_merged_context_is_added_to_what_the_logits_are_computed_from() -> None:
    merged, (contexts, memories, mask) = make("gru", 1, "luong", merge=True), draw()
    plain = make("gru", 1, "luong")
    # Both have the other weights in the same order.
    kernel, bias = (weight.numpy() for weight in merged.shown.trainable_variables)
    kept = [weight for weight in merged.trainable_variables if weight.path.split("/")[-2] != "shown"]
    for weight, value in zip(plain.trainable_variables, kept, strict=True):
        weight.assign(value)
    previous = np.array([[START, 4, 5]] * ROWS, "int32")
    both = (numpy(each(previous, contexts, memories, mask)) for each in (merged, plain))
    added = (contexts @ kernel + bias) @ numpy(plain.logits.kernel)
    np.testing.assert_allclose(next(both) - next(both), np.broadcast_to(added[:, None], (ROWS, 3, SIZE)), atol=1e-4)


def test_stacked_cells_of_a_users_own_write_what_the_training_pass_finds_likeliest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stack(units: int, **options):
        return keras.layers.RNN([keras.layers.LSTMCell(units), keras.layers.GRUCell(units)], **options)

    monkeypatch.setitem(recurrent.CELLS, "stacked", stack)
    decoder, given = make("stacked", 1, "luong"), draw()
    wanted = write_slowly(decoder, *given)
    assert len({tuple(row) for row in wanted}) > 1
    for row, slow in zip(
        find(Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST), *given)["output"], wanted, strict=True
    ):
        assert row.tolist() == slow + [0] * (LONGEST - len(slow))


@pytest.mark.parametrize(("cell", "depth", "attention", "merge"), KIND_OF)
def test_greedy_and_a_beam_of_one_write_what_the_training_pass_finds_likeliest(
    cell: str, depth: int, attention: str, merge: bool
) -> None:
    decoder, given = make(cell, depth, attention, merge), draw()
    greedy = find(Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST), *given)
    wanted = write_slowly(decoder, *given)
    assert len({tuple(row) for row in wanted}) > 1
    for row, slow in zip(greedy["output"], wanted, strict=True):
        assert row.tolist() == slow + [0] * (LONGEST - len(slow))
    beam = find(Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=1), *given)
    assert beam.keys() == greedy.keys() | {"hypotheses", "log_probabilities", "scores"}
    np.testing.assert_array_equal(beam["output"], greedy["output"])
    for name in greedy:
        np.testing.assert_allclose(beam[name], greedy[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("cell", "depth", "attention", "merge"), KIND_OF)
@pytest.mark.parametrize("width", [1, 4])
def test_the_score_is_the_log_probability_of_the_sequence_by_the_training_pass(
    cell: str, depth: int, attention: str, merge: bool, width: int
) -> None:
    decoder, given = make(cell, depth, attention, merge), draw()
    found = find(Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=width), *given)
    wanted = log_probability(decoder, found["output"], *given)
    np.testing.assert_allclose(found["log_probability"], wanted, rtol=1e-4, atol=1e-4)


def search_slowly(decoder: Decoder, width: int, penalty: float, *given: np.ndarray) -> list[int]:
    """Return the symbols that a beam writes for one context, hypothesis by hypothesis."""
    live, ended = [((), 0.0)], []
    for _ in range(LONGEST):
        continued = []
        for written, _ in live:
            length = len(written) + 1
            every = np.array([[*written, symbol, *[0] * (LONGEST - length)] for symbol in range(SIZE)], "int32")
            scores = likelihoods(decoder, every, *(np.repeat(one, SIZE, axis=0) for one in given))[:, :length]
            continued += [(tuple(row[:length]), sum(steps)) for row, steps in zip(every.tolist(), scores, strict=True)]
        best = sorted(continued, key=lambda pair: -pair[1])[: width - len(ended)]
        ended += [pair for pair in best if pair[0][-1] == END]
        live = [pair for pair in best if pair[0][-1] != END]
    written, _ = max(ended + live, key=lambda pair: pair[1] / ((5 + len(pair[0])) / 6) ** penalty)
    return list(written)


@pytest.mark.parametrize(("attention", "penalty"), [("none", 0.0), ("none", 4.0), ("luong", 1.0)])
def test_a_beam_is_the_search_written_out(attention: str, penalty: float) -> None:
    decoder, given = make("gru", 1, attention), draw(4)
    found = find(
        Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=3, length_penalty=penalty), *given
    )["output"]
    for row in range(4):
        wanted = search_slowly(decoder, 3, penalty, *(one[row : row + 1] for one in given))
        assert found[row].tolist() == wanted + [0] * (LONGEST - len(wanted))


@pytest.mark.parametrize(("attention", "alpha", "beta"), [("none", 1.0, 0.0), ("luong", 2.0, 0.7)])
def test_a_beam_wide_enough_for_all_sequences_ranks_all_of_them(attention: str, alpha: float, beta: float) -> None:
    size, longest, rows = 5, 3, 3
    decoder, given = make("simple", 1, attention, size=size), draw(rows)
    sequences = {row[: row.index(END) + 1] if END in row else row for row in product(range(size), repeat=longest)}
    padded = np.array([[*row, *[0] * (longest - len(row))] for row in sequences], "int32")
    length = np.array([len(row) for row in sequences])
    penalties = {"length_penalty": alpha, "coverage_penalty": beta}
    search = Beam(decoder, start=START, end=END, padding=0, longest=longest, width=len(sequences), **penalties)
    every = find(search, *given)
    for row in range(rows):
        found = {name: array[row] for name, array in every.items()}
        one = [np.repeat(array[row : row + 1], len(padded), axis=0) for array in given]
        likely = log_probability(decoder, padded, *one)
        scores = likely / ((5 + length) / 6) ** alpha
        if beta:
            previous = np.concatenate([np.full((len(padded), 1), START, "int32"), padded[:, :-1]], axis=1)
            looked = numpy(decoder.unroll(decoder.embedding(previous), *one[:2], mask_in=one[2])[2]).astype("float64")
            looked *= (np.arange(longest) < length[:, None])[:, :, None]
            seen = looked.sum(axis=1)[:, given[2][row]]
            scores = scores + beta * np.log(np.clip(seen, 1e-6, 1)).sum(axis=1)
        ranked = (-scores).argsort()
        assert found["output"].tolist() == padded[ranked[0]].tolist()
        # And all others after it.
        np.testing.assert_array_equal(found["hypotheses"][:20], padded[ranked[:20]])
        np.testing.assert_allclose(found["log_probabilities"], likely[ranked], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found["scores"], scores[ranked], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("attention", ["none", "luong"])
def test_hypotheses_differ_from_each_other_and_have_the_probability_of_the_training_pass(attention: str) -> None:
    decoder, given = make("gru", 1, attention), draw()
    found = find(Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=4), *given)
    np.testing.assert_array_equal(found["hypotheses"][:, 0], found["output"])
    np.testing.assert_array_equal(found["log_probabilities"][:, 0], found["log_probability"])
    for rank in range(4):
        wanted = log_probability(decoder, found["hypotheses"][:, rank], *given)
        np.testing.assert_allclose(found["log_probabilities"][:, rank], wanted, rtol=1e-4, atol=1e-4)
    for texts in found["hypotheses"]:
        assert len({tuple(text) for text in texts.tolist()}) == 4


def test_where_there_are_fewer_texts_than_the_beam_is_wide_the_others_have_no_probability() -> None:
    decoder, (contexts, *_) = make("simple", 1, size=5), draw(1)
    found = find(Beam(decoder, start=START, end=END, padding=0, longest=1, width=8), contexts)
    assert (found["log_probabilities"][0] > FORBIDDEN / 2).sum() == 5


@pytest.mark.parametrize("width", [1, 3])
def test_decoding_stops_at_the_end_symbol(width: int) -> None:
    decoder = make("simple", 1)
    decoder.logits.bias.assign([0, 0, 0, 1e6, 0, 0, 0])
    found = find(
        Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=width), np.zeros((3, 4), "float32")
    )
    assert found["output"].tolist() == [[END] + [0] * (LONGEST - 1)] * 3


@pytest.mark.parametrize("width", [1, 3])
def test_nothing_is_written_after_the_end_symbol(width: int) -> None:
    found = find(
        Beam(make("gru", 1, "luong"), start=START, end=END, padding=0, longest=LONGEST, width=width), *draw(40)
    )
    ended = np.cumsum(found["output"] == END, axis=1) - (found["output"] == END) > 0
    assert ended.any()
    assert (found["output"][ended] == 0).all()
    assert (found["attention"][ended] == 0).all()


@pytest.mark.parametrize(("width", "attention"), [(1, "luong"), (3, "luong"), (3, "none")])
def test_what_is_written_does_not_depend_on_how_many_are_left(width: int, attention: str) -> None:
    decoder, given = make("gru", 1, attention), draw(40)
    decoder.logits.bias.assign([0, 0, 0, 3, 0, 0, 0])
    search = (
        Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST)
        if width == 1
        else Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=width)
    )
    # Of 40 sequences the last 10 go on by themselves; 10 are too few for that.
    assert 10 < SHARE * FEWEST <= 40
    together = find(search, *given)
    length = (together["output"] > 0).sum(axis=1)
    assert np.sort(length)[29] < LONGEST and len(set(length.tolist())) > 2
    for begin in range(0, 40, 10):
        apart = find(search, *(one[begin : begin + 10] for one in given))
        np.testing.assert_array_equal(together["output"][begin : begin + 10], apart["output"])
        for name in apart:
            np.testing.assert_allclose(together[name][begin : begin + 10], apart[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("attention", ["bahdanau", "luong"])
def test_attention_is_a_distribution_over_real_positions_and_does_not_see_the_padding(
    attention: str, width: int
) -> None:
    decoder, (contexts, memories, mask) = make("gru", 1, attention), draw()
    search = Beam(decoder, start=START, end=END, padding=0, longest=LONGEST, width=width)
    found = find(search, contexts, memories, mask)
    weights = found["attention"]
    assert weights.shape == (ROWS, LONGEST, POSITIONS)
    assert (weights[np.broadcast_to(~mask[:, None], weights.shape)] == 0).all()
    ended = np.cumsum(found["output"] == END, axis=1) - (found["output"] == END) > 0
    np.testing.assert_allclose(weights.sum(axis=2), ~ended, atol=1e-5)
    longer = np.pad(np.where(mask[:, :, None], memories, 50.0), ((0, 0), (0, 3), (0, 0)), constant_values=9.0)
    same = find(search, contexts, longer.astype("float32"), np.pad(mask, ((0, 0), (0, 3))))
    np.testing.assert_array_equal(same["output"], found["output"])
    np.testing.assert_allclose(same["attention"][:, :, :POSITIONS], weights, atol=1e-5)


def test_without_a_mask_all_positions_are_looked_at() -> None:
    decoder, (contexts, memories, _) = make("gru", 1, "luong"), draw()
    without = find(Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST), contexts, memories)
    every = find(
        Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST),
        contexts,
        memories,
        np.ones((ROWS, POSITIONS), "bool"),
    )
    np.testing.assert_array_equal(without["output"], every["output"])


@pytest.mark.parametrize(("cell", "depth", "merge"), [("gru", 2, False), ("lstm", 1, True)])
def test_with_input_feeding_each_step_reads_the_attentional_vector_of_the_one_before(
    cell: str, depth: int, merge: bool
) -> None:
    given: dict = {"units": 6, "depth": depth, "features": 5, "dropout": 0.5, "attention": "luong", "merge": merge}
    decoder = Decoder.from_config(Decoder(SIZE, cell, **given, input_feeding=True).get_config())
    contexts, memories, mask = draw(3)
    previous = np.array([[START, 4, 5, 6]] * 3, "int32")
    decoder(previous, contexts, memories, mask)
    for variable in decoder.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.path)).normal(size=variable.shape))
    logits, every, weights = decoder.unroll(decoder.embedding(previous), contexts, memories, mask_in=mask)
    # Step by step, with the parts of the decoder that have no loop.
    first = [list(map(numpy, group)) for group in decoder.make_first_states(contexts)]
    states, fed = [list(group) for group in first[:depth]], np.zeros((3, 6), "float32")
    for step in range(4):
        read = np.concatenate([numpy(decoder.embedding(previous[:, step])), fed], axis=1)
        for number, layer in enumerate(decoder.layers):
            np.testing.assert_allclose(numpy(every[number][0])[:, step], read, atol=1e-5)
            read, after = layer.cell(read, list(map(ops.convert_to_tensor, states[number])))
            read, states[number] = numpy(read), list(map(numpy, after))
        looked, seen = decoder.attend(read[:, None], memories, mask)
        fed = numpy(looked)[:, 0]
        np.testing.assert_allclose(numpy(weights)[:, step], numpy(seen)[:, 0], atol=1e-5)
        told = fed + first[depth][0] if merge else fed
        np.testing.assert_allclose(numpy(logits)[:, step], numpy(decoder.tell(told)), rtol=1e-4, atol=1e-4)
    # And what a search writes is likeliest by the training pass.
    search = Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST)
    found = find(search, contexts, memories, mask)["output"]
    for row, slow in zip(found, write_slowly(decoder, contexts, memories, mask), strict=True):
        assert row.tolist() == slow + [0] * (LONGEST - len(slow))


@pytest.mark.parametrize("attention", ["none", "luong"])
def test_scheduled_sampling_reads_more_and_more_of_what_the_decoder_would_have_written(attention: str) -> None:
    given = {"units": 6, "depth": 1, "features": 5, "dropout": 0.0, "attention": attention}
    decoder = Decoder(SIZE, "gru", **given, scheduled_sampling=1.0)
    contexts, memories, mask = draw()
    previous = np.random.default_rng(2).integers(4, SIZE, (ROWS, LONGEST)).astype("int32")
    previous[:, 0] = START
    taught = numpy(decoder(previous, contexts, memories, mask))
    own = np.concatenate([previous[:, :1], taught.argmax(axis=2)[:, :-1].astype("int32")], axis=1)
    wanted = numpy(decoder(own, contexts, memories, mask))
    assert abs(wanted - taught).max() > 1e-3
    decoder.plan_training(2)

    def train() -> np.ndarray:
        return numpy(decoder(previous, contexts, memories, mask, training=True))

    np.testing.assert_allclose(train(), taught, atol=1e-5)
    mixed = train()
    assert abs(mixed - taught).max() > 1e-3 and abs(mixed - wanted).max() > 1e-3
    for _ in range(2):
        np.testing.assert_allclose(train(), wanted, atol=1e-5)
    np.testing.assert_allclose(numpy(decoder(previous, contexts, memories, mask)), taught, atol=1e-5)


def test_locked_dropout_leaves_out_the_same_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder(SIZE, "gru", units=6, depth=2, features=5, dropout=0.5, locked=True, attention="luong")
    contexts, memories, mask = draw()
    decoder(np.full((ROWS, 4), START), contexts, memories, mask)
    original, seen = decoder.dropout_layer.call, []

    def watch(inputs: Any, training: bool = False) -> Any:
        seen.append(numpy(original(inputs, training=training)))
        return ops.convert_to_tensor(seen[-1])

    monkeypatch.setattr(decoder.dropout_layer, "call", watch)
    decoder(np.full((ROWS, 4), START), contexts, memories, mask, training=True)
    # Before each layer, and before the logits.
    assert [array.shape for array in seen] == [(ROWS, 4, 5), (ROWS, 4, 6), (ROWS, 4, 6)]
    for array in seen:
        dropped = array == 0
        assert (dropped == dropped[:, :1]).all() and 0.3 < dropped.mean() < 0.7


@pytest.mark.parametrize("attention", KINDS)
def test_training_pass_does_not_see_what_comes_later(attention: str) -> None:
    decoder, given = make("gru", 2, attention), draw(1)
    short = ops.convert_to_numpy(decoder(np.array([[START, 4, 5]], "int32"), *given))
    longer = ops.convert_to_numpy(decoder(np.array([[START, 4, 5, 6, 6]], "int32"), *given))
    np.testing.assert_allclose(longer[:, :3], short, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell, depth, attention, merge", KIND_OF)
def test_unrolled_it_gives_the_states_and_attention_of_its_steps(
    cell: str, depth: int, attention: str, merge: bool
) -> None:
    decoder, (contexts, memories, mask) = make(cell, depth, attention, merge), draw(3)
    written = np.array([[START, 4, 5], [START, 6, 6], [START, 1, 3]], "int32")
    vectors = decoder.embedding(written)
    logits, states, weights = decoder.unroll(vectors, contexts, memories, mask_in=mask)
    expected = decoder(written, contexts, memories, mask)
    np.testing.assert_allclose(numpy(logits), numpy(expected), rtol=1e-4, atol=1e-4)
    assert len(states) == depth and (weights is None) == (attention == "none")
    now = decoder.make_first_states(ops.convert_to_tensor(contexts))
    prepared = decoder.prepare_attention(ops.convert_to_tensor(memories), ops.convert_to_tensor(mask))
    for step in range(written.shape[1]):
        _, now, looked = decoder.step(ops.convert_to_tensor(written[:, step]), now, prepared)
        for (_, every), one in zip(states, now[:depth], strict=True):
            # The first state of every cell here is its output.
            np.testing.assert_allclose(numpy(every)[:, step], numpy(one[0]), rtol=1e-4, atol=1e-4)
        if weights is not None:
            np.testing.assert_allclose(numpy(weights)[:, step], numpy(looked), rtol=1e-4, atol=1e-4)
