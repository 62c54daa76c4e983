"""Sampling, against probabilities and a decoder's own training pass, both computed the slow way."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras import ops

from models.decoding.sampling import Sample
from models.decoding.search import Greedy
from models.layers.decoder import Decoder
from tests.models import CELLS
from tests.models.layers.test_decoder import END, LONGEST, START, make

# Every symbol is a character here, so that all of them may be written, as they may by Greedy.
CODES = [ord(letter) for letter in "?!<>abc"]
CONTEXTS = np.random.default_rng(1).normal(size=(12, 4)).astype("float32")
NO_SEED = np.zeros((12, 3), "int32")


def seeds(*texts: str, width: int = 3) -> np.ndarray:
    return np.array([[ord(letter) for letter in text.ljust(width, "\0")] for text in texts], "int32")


def write(decoder: Decoder, contexts: Any = CONTEXTS, seed: Any = NO_SEED, position: Any = None, **given: Any) -> list:
    given["seed"] = given.pop("number", 0)
    sample = Sample(
        decoder, given.pop("codes", CODES), start=START, end=given.pop("end", END), padding=0, longest=LONGEST, **given
    )
    position = np.arange(len(contexts), dtype="int32") if position is None else np.array(position, "int32")
    return ops.convert_to_numpy(sample(contexts, seed[: len(contexts)], position)).tolist()


def go_on_slowly(decoder: Decoder, context: np.ndarray, written: list[int]) -> list[int]:
    """Return what the likeliest symbols after `written` are, all steps from the first again for every symbol."""
    while len(written) < LONGEST and END not in written:
        logits = ops.convert_to_numpy(decoder(np.array([[START, *written]], "int32"), context[None]))
        written = [*written, int(logits[0, -1].argmax())]
    return written


@pytest.mark.parametrize("cell", CELLS)
def test_the_likeliest_symbol_only_is_greedy_decoding(cell: str) -> None:
    decoder = make(cell, 2)
    greedy = ops.convert_to_numpy(
        Greedy(decoder, start=START, end=END, padding=0, longest=LONGEST)(CONTEXTS)["output"]
    ).tolist()
    assert len(set(map(tuple, greedy))) > 1
    assert write(decoder, top_k=1) == greedy
    assert write(decoder, top_p=1e-6) == greedy


def choose(sample: Sample, logits: np.ndarray, chances: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(sample.choose(ops.convert_to_tensor(logits), ops.convert_to_tensor(chances)))


def expected_shares(logits: np.ndarray, temperature: float, top_k: int | None, top_p: float | None) -> np.ndarray:
    shares = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    kept: list[int] = []
    for symbol in sorted(range(len(shares)), key=lambda symbol: -shares[symbol])[:top_k]:
        within = shares[kept].sum() / shares[sorted(range(len(shares)), key=lambda s: -shares[s])[:top_k]].sum()
        if not kept or top_p is None or within < top_p:
            kept.append(symbol)
    shares[[symbol for symbol in range(len(shares)) if symbol not in kept]] = 0
    return shares / shares.sum()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, None, None), (0.5, None, None), (2.0, 3, None), (1.0, None, 0.6), (0.8, 4, 0.7), (1.0, 99, 1.0)],
)
def test_symbols_are_chosen_by_their_probability(temperature: float, top_k: int | None, top_p: float | None) -> None:
    logits = np.array([0.3, -1.0, 2.0, 0.0, 1.5, -0.5, 1.0], "float32")
    sample = Sample(
        SimpleNamespace(size=7),
        CODES,
        start=START,
        end=END,
        padding=0,
        longest=5,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )  # type: ignore[arg-type]
    count = 10_000
    chances = ((np.arange(count) + 0.5) / count).astype("float32")[:, None]
    found = choose(sample, np.tile(logits, (count, 1)), chances)
    shares = np.bincount(found, minlength=7) / count
    np.testing.assert_allclose(shares, expected_shares(logits, temperature, top_k, top_p), atol=2 / count)


def test_a_symbol_without_a_share_is_never_chosen() -> None:
    codes = [0, ord("a"), 0, ord("b"), 0]
    sample = Sample(SimpleNamespace(size=5), codes, start=START, end=None, padding=0, longest=5)  # type: ignore[arg-type]
    chances = np.array([0, 0.25, 0.5, 0.999999], "float32")[:, None]
    assert choose(sample, np.zeros((4, 5), "float32"), chances).tolist() == [1, 1, 3, 3]


def test_random_numbers_are_uniform_and_differ_between_examples() -> None:
    sample = Sample(SimpleNamespace(size=7), CODES, start=START, end=END, padding=0, longest=20)  # type: ignore[arg-type]
    chances = ops.convert_to_numpy(sample.draw_chances(np.arange(3000, dtype="int32")))
    assert chances.min() >= 0 and chances.max() < 1
    np.testing.assert_allclose(np.histogram(chances, 10, (0, 1))[0] / chances.size, 0.1, atol=0.005)
    assert len({tuple(row) for row in chances.tolist()}) == 3000
    assert abs(np.corrcoef(chances[:-1].ravel(), chances[1:].ravel())[0, 1]) < 0.02


def test_an_example_is_the_same_in_any_batch_and_another_elsewhere() -> None:
    decoder = make("gru", 1)
    found = write(decoder)
    assert write(decoder) == found
    assert write(decoder, CONTEXTS[[7, 3]], position=[7, 3]) == [found[7], found[3]]
    assert write(decoder, seed=np.zeros((12, 9), "int32")) == found
    same = np.tile(CONTEXTS[:1], (12, 1))
    assert len(set(map(tuple, write(decoder, same)))) > 6
    assert write(decoder, number=1) != found


def test_nothing_is_written_after_the_end_symbol() -> None:
    decoder = make("simple", 1)
    decoder.logits.bias.assign([0, 0, 0, 3, 0, 0, 0])
    rows = write(decoder, temperature=3.0)
    ended = [row for row in rows if END in row]
    assert len({row.index(END) for row in ended}) > 1
    for row in ended:
        assert set(row[row.index(END) + 1 :]) <= {0} and row.count(END) == 1


def test_symbols_that_are_no_character_are_never_written() -> None:
    decoder = make("simple", 1)
    decoder.logits.bias.assign([9, 9, 9, 0, 0, 0, 0])
    rows = write(decoder, codes=[0, 0, 0, 0, *CODES[4:]])
    assert {symbol for row in rows for symbol in row[: row.index(END) if END in row else None]} <= {4, 5, 6}
    rows = write(decoder, codes=[0, 0, 0, 0, *CODES[4:]], end=None)
    assert {symbol for row in rows for symbol in row} <= {4, 5, 6}


def test_a_seed_is_written_first_and_gone_on_from() -> None:
    decoder = make("gru", 1)
    texts = ("a", "", "cab", "bb")
    given = [[CODES.index(ord(letter)) for letter in text] for text in texts]
    wanted = [go_on_slowly(decoder, CONTEXTS[row], given[row]) for row in range(4)]
    found = write(decoder, CONTEXTS[:4], seeds(*texts), top_k=1)
    assert found == [row + [0] * (LONGEST - len(row)) for row in wanted]
    # Characters that are no symbol are skipped.
    assert write(decoder, CONTEXTS[:4], seeds("éa", "ñ", "céab", "bbé", width=4), top_k=1) == found


def test_what_follows_a_seed_may_be_all_that_is_written() -> None:
    decoder = make("lstm", 1)
    texts = ("a", "", "cab", "bb")
    whole = write(decoder, CONTEXTS[:4], seeds(*texts), top_k=1, end=None)
    rest = write(decoder, CONTEXTS[:4], seeds(*texts), top_k=1, end=None, whole=False)
    for text, all_of_it, after in zip(texts, whole, rest, strict=True):
        assert len(after) == LONGEST and after[: LONGEST - len(text)] == all_of_it[len(text) :]
