"""Displays: how an answer is shown, which follows from the output field and from what the family's decoder gives."""

import math
from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from harness.demo.fragments import colour, encode_png, render
from harness.demo.question import Question, compute_logits, decode, follow, sample
from harness.demo.steps import clean, find_notes, name_steps, quote_some
from pipeline.fields import (
    AutoregressiveField,
    Histogram,
    Label,
    Labels,
    NextWord,
    Number,
    OutputField,
    Tags,
    Transcript,
    is_autoregressive,
)
from pipeline.fields.log_mel import STEP
from pipeline.fields.vocabulary import PADDING_ID, REPLACEMENT
from pipeline.multi_label import name_labels

# Labels that are shown with their probability: the likeliest.
LABELS = 8
# Stars that are drawn, where the numbers of the training data are so many points.
STARS = 10
# The side of a picture of where attention was, in pixels.
THUMBNAIL = 144
RANDOM = np.random.default_rng()


def answer(question: Question) -> str:
    """Return the answer to a question as HTML, with what is worth knowing of how the input was read."""
    experiment = question.trained.experiment
    shown = show(experiment.output_field, question)
    if question.value is None:
        return shown
    return shown + render("notes", notes=find_notes(experiment.input_field, question.value, question.arrays))


@singledispatch
def show(field: OutputField, question: Question) -> str:
    """Return the answer to a question as HTML."""
    if is_autoregressive(field):
        return show_written(field, question)
    found = decode(question)
    return render("text", text=str(field.compose(found)), probability=found.get("probability"))


def name_input(question: Question) -> list[str]:
    """Return what each time step of the input stands for; numbers where nobody has asked."""
    if question.value is None:
        return [str(number) for number in range(question.steps or 0)]
    return name_steps(question.trained.experiment.input_field, question.value, question.arrays)


@show.register
def _(field: Tags, question: Question) -> str:
    tags = field.decode(decode(question)["output"])
    names = name_input(question)
    if not field.spans:
        numbers = {tag: number for number, tag in enumerate(field.tags)}
        return render("tagged", words=[(name, tag, numbers[tag]) for name, tag in zip(names, tags, strict=True)])
    kinds = sorted({tag[1:] or "-" for tag in field.tags if tag != "O"})
    parts = [(words, kind[1:] or kind, kinds.index(kind) if kind else 0) for words, kind in join(names, tags)]
    return render("spans", parts=parts, found=any(kind for _, kind, _ in parts))


def join(words: Sequence[str], tags: Sequence[str]) -> list[tuple[str, str]]:
    """Return a sentence as (words, kind) of its spans and of what is between them, whose kind is "".

    tags: BIO tags. kind: what follows B or I, its dash included, and "-" where nothing does.
    """
    parts: list[tuple[list[str], str]] = []
    for word, tag in zip(words, tags, strict=True):
        kind = "" if tag == "O" else tag[1:] or "-"
        if parts and parts[-1][1] == kind and not tag.startswith("B"):
            parts[-1][0].append(word)
        else:
            parts.append(([word], kind))
    return [(" ".join(some), kind) for some, kind in parts]


@show.register
def _(field: Label, question: Question) -> str:
    best = field.decode(decode(question)["output"])
    shares = softmax(compute_logits(question))
    order = np.argsort(-shares, kind="stable")[:LABELS]
    places, logits = follow(question, logits=True)
    number = field.labels.index(best)
    names, points = name_input(question), []
    for place, found in zip(places, logits, strict=True):
        share = softmax(found)
        points.append((names[place - 1], float(share[number]), f"{share[number]:.0%}", bool(share.argmax() == number)))
    return render(
        "label",
        best=best,
        shares=[(field.labels[place], float(shares[place])) for place in order],
        others=len(field.labels) - len(order),
        points=points,
        skipped=len(places) < len(names),
        unit=question.trained.experiment.input_field.unit or "step",
    )


@show.register
def _(field: Labels, question: Question) -> str:
    found = decode(question)["output"]
    likely = sorted(field.name_probabilities(found).items(), key=lambda pair: -pair[1])
    return render(
        "label",
        best=name_labels(field.decode(found)),
        shares=likely[:LABELS],
        others=len(likely) - len(likely[:LABELS]),
        points=[],
        skipped=False,
        unit="word",
    )


@show.register
def _(field: NextWord, question: Question) -> str:
    shares = softmax(compute_logits(question)[(question.steps or 1) - 1])
    likeliest = field.decode(decode(question)["output"])[-1]
    likely = [(word, float(shares[field.symbols.index(word)])) for word in likeliest]
    return render("label", best=likeliest[0], shares=likely, others=0, points=[], skipped=False, unit="word")


@show.register
def _(field: Number, question: Question) -> str:
    found = decode(question)["output"]
    number = field.decode(found)
    places, outputs = follow(question, logits=False)
    names, points = name_input(question), []
    for place, output in zip(places, outputs, strict=True):
        value = field.decode(output)
        points.append((names[place - 1], place_between(value, field.low, field.high), f"{value:.1f}", True))
    return render(
        "number",
        number=number,
        low=field.low,
        high=field.high,
        share=place_between(number, field.low, field.high),
        stars=round(field.high) if has_stars(field) else 0,
        bins=list_bins(field, found) if isinstance(field, Histogram) else [],
        points=points,
        skipped=len(places) < len(names),
        unit=question.trained.experiment.input_field.unit or "step",
    )


def place_between(value: float, low: float, high: float) -> float:
    """Return where a value is from low, 0, to high, 1."""
    return float(np.clip((value - low) / ((high - low) or 1.0), 0.0, 1.0))


def has_stars(field: Number) -> bool:
    """Return whether the numbers of the training data are points, from 0 or 1 to a few."""
    return field.low in (0.0, 1.0) and field.high.is_integer() and 3 <= field.high <= STARS


def list_bins(field: Histogram, shares: np.ndarray) -> list[tuple[str, float]]:
    """Return each range or level, and how likely it is, of those that the training data has. shares: of all of them."""
    return [(name, float(share)) for name, share in zip(field.range_names, shares, strict=True) if name]


def show_written(field: AutoregressiveField, question: Question) -> str:
    """Return a text that is written symbol by symbol, and what it looked at; or several that are drawn."""
    if question.temperature is not None:
        return show_samples(field, question)
    found = decode(question)
    text = field.decode(found["output"])
    shown = render("text", text=text, probability=found.get("probability"))
    if "attention" not in found:
        return shown
    # The end symbol is written as the others are; after it, all weights are 0.
    count = int(found["attention"].any(axis=1).sum())
    symbols = ["end" if number == field.end else clean(field.symbols[number]) for number in found["output"][:count]]
    weights = found["attention"][:count]
    if question.steps is None:
        return shown + show_attention_over_image(question, symbols, weights)
    names = name_input(question)
    rows = [
        (symbol, [(float(share), place == row.argmax()) for place, share in enumerate(row)])
        for symbol, row in zip(symbols, weights[:, : len(names)], strict=True)
    ]
    return shown + render("alignment", names=names, rows=rows)


def show_attention_over_image(question: Question, symbols: Sequence[str], weights: np.ndarray) -> str:
    """Return a picture for each symbol: the brighter a place, the more it was looked at.

    weights: (symbols, positions of a square grid, row by row).
    """
    pixels = next(array for array in question.arrays.values() if array.ndim == 3)
    side = math.isqrt(weights.shape[1])
    pictures = []
    for symbol, row in zip(symbols, weights, strict=True):
        light = resize(row.reshape(side, side) / (row.max() or 1.0))[..., None]
        lit = resize(pixels.astype("float32")) * (0.2 + 0.8 * light)
        pictures.append((symbol, encode_png(lit.clip(0, 255).astype("uint8"))))
    return render("looks", pictures=pictures)


def resize(values: np.ndarray) -> np.ndarray:
    """Return (THUMBNAIL, THUMBNAIL, ...) of float32, interpolated between the places of (side, side, ...)."""
    from PIL import Image

    layers = values[..., None] if values.ndim == 2 else values
    scaled = [
        np.asarray(
            Image.fromarray(layers[..., number].astype("float32")).resize(
                (THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR
            )
        )
        for number in range(layers.shape[-1])
    ]
    return np.stack(scaled, axis=-1).reshape(THUMBNAIL, THUMBNAIL, *values.shape[2:])


def show_samples(field: AutoregressiveField, question: Question) -> str:
    """Return several texts, each drawn anew."""
    texts = [field.decode(one) for one in sample(question, RANDOM)]
    known = set(field.symbols)
    typed = [chr(code) for code in question.arrays.get("seed", np.zeros(0, "int32")) if code]
    skipped = [character for character in dict.fromkeys(typed) if character not in known]
    notes = [f"Not in the training data, so skipped: {quote_some(skipped)}."] if skipped else []
    return render("samples", texts=texts) + render("notes", notes=notes)


@show.register
def _(field: Transcript, question: Question) -> str:
    text = field.decode(decode(question)["output"])
    shown = render("text", text=text, probability=None)
    # The likeliest symbol of each step of the model; the same at several steps in a row is one.
    ids = compute_logits(question).argmax(axis=-1)
    sound = next(iter(question.arrays.values()))
    heard, before = [], field.blank
    for step, number in enumerate(ids[: -(-len(sound) // field.downsample)]):
        if number not in (before, field.blank, PADDING_ID):
            symbol = field.symbols[number] if not field.symbols[number].startswith("<") else REPLACEMENT
            heard.append((symbol, step * field.downsample / len(sound)))
        before = number
    # Low tones below.
    picture = encode_png(colour(sound.T[::-1]))
    return shown + render("heard", picture=picture, heard=heard, seconds=len(sound) * STEP)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities from logits, over the last axis."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)
