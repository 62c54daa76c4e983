"""Every scheme of span tags becomes BIO; seqeval is the reference."""

import random

import pytest
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Tokens

from pipeline.errors import BadInput
from pipeline.readers import span_schemes as tags


def random_spans(draw: random.Random) -> tuple[int, list[tuple[str, int, int]]]:
    length, position, spans = draw.randint(0, 15), 0, []
    while position < length:
        end = min(length, position + draw.randint(1, 4))
        if draw.random() < 0.6:
            spans.append((draw.choice(["PER", "LOC"]), position, end))
        position = end
    return length, spans


def encode(length: int, spans: list[tuple[str, int, int]], single: str, first: str, last: str) -> list[str]:
    encoded = ["O"] * length
    for kind, start, end in spans:
        letters = [first] + ["I"] * (end - start - 2) + [last] if end - start > 1 else [single]
        encoded[start:end] = [f"{letter}-{kind}" for letter in letters]
    return encoded


def encode_iob1(length: int, spans: list[tuple[str, int, int]]) -> list[str]:
    encoded = encode(length, spans, "I", "I", "I")
    for (kind, _, end), (following, start, _) in zip(spans, spans[1:], strict=False):
        if kind == following and end == start:
            encoded[start] = f"B-{kind}"
    return encoded


ENCODERS = {
    IOB1: encode_iob1,
    IOB2: lambda length, spans: encode(length, spans, "B", "B", "I"),
    IOBES: lambda length, spans: encode(length, spans, "S", "B", "E"),
    BILOU: lambda length, spans: encode(length, spans, "U", "B", "L"),
}


def entities(sequence: list[str], scheme: type) -> list[tuple[str, int, int]]:
    return [(entity.tag, entity.start, entity.end) for entity in Tokens(sequence, scheme).entities]


@pytest.mark.parametrize("scheme", ENCODERS, ids=lambda scheme: scheme.__name__)
def test_spans_of_a_scheme_are_those_seqeval_finds(scheme):
    draw = random.Random(0)
    for _ in range(500):
        length, spans = random_spans(draw)
        sequence = ENCODERS[scheme](length, spans)
        expected = entities(sequence, scheme)
        assert expected == spans  # the encoder and seqeval agree
        assert tags.spans(sequence) == expected
        assert entities(list(tags.to_bio(sequence)), IOB2) == expected


@pytest.mark.parametrize("letters", ["OBI", "OBIES"])
def test_sequences_that_break_their_scheme_are_read_as_seqeval_does_by_default(letters):
    draw = random.Random(1)
    for _ in range(2000):
        sequence = [draw.choice(letters) for _ in range(draw.randint(1, 10))]
        sequence = [letter if letter == "O" else f"{letter}-{draw.choice('XY')}" for letter in sequence]
        expected = [(kind, start, end + 1) for kind, start, end in get_entities(sequence)]
        assert tags.spans(sequence) == expected
        assert entities(list(tags.to_bio(sequence)), IOB2) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("I-X I-X O I-X", "B-X I-X O B-X"),  # IO
        ("I-X I-Y I-Y", "B-X B-Y I-Y"),  # IO
        ("I-X B-X I-X", "B-X B-X I-X"),  # IOB1
        ("B-X I-X O B-Y", "B-X I-X O B-Y"),  # IOB2
        ("B-X I-X E-X S-X", "B-X I-X I-X B-X"),  # BIOES
        ("B-X L-X U-X O", "B-X I-X B-X O"),  # BILOU
        ("B I O B", "B I O B"),  # one type, without a name
        ("B-X-Y I-X-Y", "B-X-Y I-X-Y"),  # a type with a dash
        ("", ""),
    ],
)
def test_to_bio(given, expected):
    assert tags.to_bio(given.split()) == tuple(expected.split())


@pytest.mark.parametrize("tag", ["NOUN", "B-", "PER-B", "B_PER", "o", "0", "", "X-PER", "O-PER", "BI-PER"])
def test_what_is_no_span_tag_is_refused(tag):
    with pytest.raises(BadInput, match="is not a span tag"):
        tags.to_bio(["O", tag])


def test_a_mix_of_bioes_and_bilou_is_refused():
    with pytest.raises(BadInput, match="mix BIOES"):
        tags.to_bio(["B-X", "E-X", "U-X"])
