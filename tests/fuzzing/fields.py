"""Fields: values and options by chance, through the life that a field has: fitted, encoded, saved, restored, decoded.

Values are drawn by hypothesis. They come as the source of a task would give them, so that all that looks at data before
training sees them too.
"""

import dataclasses
import math
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import tasks
from harness import data
from harness.data_report.examples import show_examples
from harness.experiment import Experiment
from harness.options import defaults
from pipeline import findings, survey
from pipeline.example import Alternatives, Example, Splits, first
from pipeline.fields import Picture, Signal, is_autoregressive
from pipeline.fields.subwords import SPACE
from pipeline.fields.tokenizers import JOINER
from pipeline.fields.vocabulary import REPLACEMENT
from pipeline.option import Option, Options, Value
from pipeline.readers import drafts, passages, running_text
from tasks.task import Source, Task
from tests.fuzzing.readers import check_batches, check_parsed, check_said, check_saved
from tests.fuzzing.sandbox import Broken
from tests.fuzzing.starts import sound


def is_marked(text: str) -> bool:
    """Return whether a text has a mark by which words or subwords say where blanks are: U+FFED, U+2581."""
    return JOINER in text or SPACE in text


# Words in many scripts, of which some change their length in another case, and some mean something to a program.
TELLING = (
    "a dog The ran 42 don't "
    "İstanbul straße ﬁn 日本語 é e\u0301 🏳️‍🌈 <unk> <padding> {+a+} [-b-] : - ... a:b \u200d ٣ \ufeff \u202e"
).split()
WORDS = st.one_of(
    st.sampled_from([*TELLING, "x" * 60]), st.text(min_size=1, max_size=6).filter(lambda word: not is_marked(word))
)
TEXTS = st.one_of(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), st.text(max_size=30)).filter(
    lambda text: bool(text.strip()) and not is_marked(text)
)
# As labels.label leaves them.
LABELS = (
    st.one_of(st.sampled_from(["pos", "neg", "0", "1", "B", "é", "a b", ":"]), st.text(min_size=1, max_size=5))
    .map(str.strip)
    .filter(bool)
)
TOKENS = WORDS.map(lambda word: "".join(word.split())).filter(bool)
TYPES = st.sampled_from(["-PER", "-LOC", "-a-b", "", "-I"])
NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, 5.0, -1.0, 0.1, 1e-30, 1e10]),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False),
)
Pairs = list[tuple[Any, Any]]


@st.composite
def sentences(draw: st.DrawFn, spans: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tokens, and as many tags; of spans in BIO, in which no I begins one."""
    tokens = draw(st.lists(TOKENS, min_size=1, max_size=9))
    if not spans:
        return tuple(tokens), tuple(draw(st.lists(LABELS, min_size=len(tokens), max_size=len(tokens))))
    tags: list[str] = []
    for _ in tokens:
        before = tags[-1] if tags else "O"
        choices = ["O", f"B{draw(TYPES)}"] + ([f"I{before[1:]}"] if before != "O" else [])
        tags.append(draw(st.sampled_from(choices)))
    return tuple(tokens), tuple(tags)


@st.composite
def signals(draw: st.DrawFn, channels: int) -> Signal:
    """Measured series, with gaps, and often with time stamps."""
    count = draw(st.integers(1, 12))
    cells = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(math.nan), st.sampled_from([0.0, 3e38, -3e38, 1e-40]))
    values = draw(st.lists(st.lists(cells, min_size=channels, max_size=channels), min_size=count, max_size=count))
    times = None
    if draw(st.booleans()):
        steps = draw(st.lists(st.floats(1e-3, 1e6), min_size=count, max_size=count))
        times = np.cumsum(steps)
    return Signal(np.array(values, "float32"), times)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    side, seed = draw(st.sampled_from([4, 5, 8, 31])), draw(st.integers(0, 50))
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype("uint8")
    return Picture.from_pixels(pixels * draw(st.sampled_from([0, 1])), f"{side}-{seed}")


@cache
def recordings() -> tuple[str, ...]:
    """Paths of some short recordings, in a folder that is there for as long as the process."""
    import tempfile

    folder = Path(_kept.append(tempfile.TemporaryDirectory()) or _kept[-1].name)
    for number, kind in enumerate(("WAV", "FLAC", "OGG")):
        (folder / f"{number}.{kind.lower()}").write_bytes(sound(number, kind))
    return tuple(map(str, sorted(folder.iterdir())))


_kept: list[Any] = []


def pair(left: SearchStrategy[Any], right: SearchStrategy[Any]) -> SearchStrategy[Pairs]:
    return st.lists(st.tuples(left, right), min_size=4, max_size=14)


def _join_drafts(found: Pairs) -> Pairs:
    marked = drafts.mark_all({"train": [Example(*one, f"a:{place}") for place, one in enumerate(found, 1)]})
    return [(one.input, one.output) for one in marked["train"]]


def _arrange_passages(found: Pairs) -> Pairs:
    splits = passages.arrange({"train": [Example(*one, f"a:{place}") for place, one in enumerate(found, 1)]})
    return [(one.input, one.output) for one in splits["train"]]


def _cut_text(found: list[list[str]]) -> Pairs:
    lines = [running_text.Line((*words, "<end>"), f"a:{number}") for number, words in enumerate(found, 1)]
    return [(one.input, one.output) for one in running_text.cut(lines)]


def _write_steps(steps: list[tuple[float, float]]) -> str:
    return " ".join(f"{a!r},{b!r}" for a, b in steps)


SENTENCES = {name: st.lists(sentences(spans=name == "ner"), min_size=4, max_size=14) for name in ("ner", "pos")}
RUNNING = st.lists(st.text(max_size=40), min_size=3, max_size=14).map(lambda parts: "".join(parts) * 9 + "\n" * 100)
SEVERAL = st.lists(TEXTS, min_size=2, max_size=3, unique=True).map(Alternatives)
STEPS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8).map(_write_steps)
LINES = st.lists(st.lists(TOKENS, min_size=1, max_size=30), min_size=1, max_size=14)
COPIED = st.text("abcdefgh", min_size=1, max_size=9).map(lambda text: (text, tuple(text)))
# The inputs and outputs of examples, as a source of the task gives them.
EXAMPLES: dict[str, SearchStrategy[Pairs]] = {
    "sentiment": pair(TEXTS, LABELS),
    "rating": pair(TEXTS, NUMBERS),
    "translation": pair(TEXTS, TEXTS),
    **SENTENCES,
    "correct": pair(TEXTS, TEXTS).map(_join_drafts),
    "novel": st.one_of(
        st.one_of(pair(TEXTS, LABELS), pair(TEXTS, st.just(""))).map(_arrange_passages),
        RUNNING.map(lambda text: _arrange_passages([(text, "")])),
    ),
    "suggest": LINES.map(_cut_text),
    "caption": pair(pictures(), st.one_of(TEXTS, SEVERAL)),
    "digits": pair(pictures(), LABELS),
    "speech": pair(st.deferred(lambda: st.sampled_from(recordings())), TEXTS),
    "series": st.integers(1, 3).flatmap(lambda channels: pair(signals(channels), LABELS)),
    "adding": pair(STEPS, NUMBERS),
    "copy": st.lists(COPIED, min_size=1, max_size=14),
}


def draw_options(task: Task) -> SearchStrategy[dict[str, Value]]:
    """Options of the fields, and of what is said before training, each within its bounds; most as they are."""
    known: dict[str, Option] = {**task.input.declared("data"), **task.output.declared("data")}
    known |= {
        name: one for one in defaults(task).declarations if (name := one.name) in ("limit", "stratify", "split_seed")
    }
    return st.fixed_dictionaries({}, optional={name: draw_value(one) for name, one in known.items()})


def draw_value(one: Option) -> SearchStrategy[Value]:
    """Values that an option takes."""
    none: list[SearchStrategy[Value]] = [st.none()] if one.optional else []
    if one.choices:
        # To learn subwords takes a twentieth of a second.
        usual = [choice for choice in one.choices if choice != "subword"]
        return st.one_of(*none, *[st.sampled_from(usual)] * 7, st.sampled_from(one.choices))
    if one.type is bool:
        return st.booleans()
    if one.type is str:
        return st.one_of(*none, st.text(max_size=8))
    low = one.low if one.low is not None else -(10**6)
    # Large pictures take seconds, and are the business of other tests.
    high = 40 if one.name == "image_size" else one.high if one.high is not None else 10**6
    if one.type is int:
        near = st.integers(int(low), int(min(high, low + 40)))
        return st.one_of(*none, near, near, st.integers(int(low), int(high)))
    return st.one_of(*none, st.floats(low, high, allow_nan=False))


def _join_lines(text: str) -> str:
    return " ".join(text.splitlines())


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[Pairs, dict[str, Value], list[str]]:
    """Examples of a task, options of its fields, and texts that a user may type."""
    return (
        draw(EXAMPLES[name]),
        draw(draw_options(tasks.get(name))),
        draw(st.lists(st.text(max_size=20).map(_join_lines), max_size=3)),
    )


def ask(name: str, found: Pairs, options: dict[str, Value], typed: list[str], folder: Path) -> None:
    """Prepare examples as training does, and check each field; BadInput, or Broken where an invariant is not true."""
    if not found:
        return
    examples = [Example(*one, f"a.txt:{place}") for place, one in enumerate(found, 1)]
    # Divided by the harness, or as they come; the same examples in several splits do no harm.
    splits: Splits = {"train": examples}
    if len(examples) % 3:
        splits |= {"validation": examples[:2], "test": examples[-2:]}
    whole: Callable[[Options], Splits] = lambda options: splits  # noqa: E731
    task = dataclasses.replace(
        tasks.get(name), sources={**tasks.get(name).sources, "chance": Source("by chance", "none", whole)}
    )
    chosen = defaults(task).replace(data="chance", **options)
    said: list[str] = []
    prepared = data.prepare(task, chosen, said.append)
    given, wanted = prepared.input_field, prepared.output_field
    check_said(said)
    list(findings.find_flaws(prepared.examples, given, wanted))
    found_survey = survey.survey(prepared.examples, given, wanted)
    list(survey.find_lost(prepared.examples, found_survey, given))
    show_examples(prepared.examples["train"], given, wanted)
    experiment = Experiment(task, chosen, folder, given, wanted, prepared.fingerprint)
    for split, some in prepared.examples.items():
        check_batches(experiment.encode(some, seed=0 if split == "train" else None), len(some))
    for field in (given, wanted):
        check_saved(task, chosen, field)
    for example in prepared.examples["train"]:
        check_decoded(wanted, first(example.output), example.input)
    for text in typed:
        check_parsed(given, text)


def check_decoded(field: Any, value: Any, given: Any) -> None:
    """Check that what was encoded is read back as it was, where all of it is known."""
    encoded = field.encode(value)["output"]
    kind = type(field).__name__
    if kind in ("Label", "Tags"):
        if field.decode(encoded) != value:
            raise Broken(f"{value!r} is read back as {field.decode(encoded)!r}")
    elif kind == "Number":
        back = field.decode(encoded)
        if not math.isclose(back, value, rel_tol=1e-5, abs_tol=1e-5 * field.deviation):
            raise Broken(f"{value!r} is read back as {back!r}")
    elif kind in ("TargetText", "Passages", "Transcript"):
        text = "".join(value) if isinstance(value, tuple) else value
        back = field.decode(encoded)
        # What is unknown is shown by a character, which may be in the text too.
        if REPLACEMENT in back:
            return
        if is_autoregressive(field) and field.unit == "subword":
            same = _fold(field, back) == _fold(field, text)
        elif field.unit == "word":
            same = "".join(back.split()) == "".join(_fold(field, text).split())
        else:
            same = back == (text.strip() if kind == "Transcript" else _fold(field, text))
        if not same:
            raise Broken(f"{text!r} is read back as {back!r}")
    # Tags that the training data has: all of these, unless they are too rare.
    elif kind == "Corrections" and field.min_count == 1 and (encoded >= 0).all():
        draft = field.draft.encode(given)
        back = field.compose({"output": encoded, "characters": draft["characters"]})
        if field.restate(back) != field.restate(value):
            raise Broken(f"{value!r} is read back as {back!r}")


def _fold(field: Any, text: str) -> str:
    """Return a text as its field keeps it: in small letters, and as subwords in NFKC, whose blanks are not kept."""
    if is_autoregressive(field):
        text = text.lower() if field.lowercase else text
        text = "".join(unicodedata.normalize("NFKC", text).split()) if field.unit == "subword" else text
    return text
