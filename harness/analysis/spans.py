"""Spans: what BIO tags mark, such as the names in a sentence, and in which ways they are got wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis import categories, frequency, groups, tags
from harness.analysis.answered import Answered
from harness.analysis.section import Row, Section, Sections, count

# The kinds of error, in the order in which they are shown.
KINDS = {
    "missed": "nothing was answered there",
    "invented": "nothing was expected there",
    "wrong type": "the right words, of another type",
    "wrong boundary": "the right type, but other words, some of which are right",
    "both": "another type, and other words, some of which are right",
}
# Tokens between spans.
NOTHING = "O"
MOST = 20


@dataclass(frozen=True)
class Span:
    """A span of a sentence: steps from `begin` up to `end`, which is not in it."""

    kind: str
    begin: int
    end: int

    def overlap(self, other: "Span") -> int:
        """Return how many steps two spans share."""
        return min(self.end, other.end) - max(self.begin, other.begin)


@dataclass(frozen=True)
class Error:
    """One error. expected, answered: None where there is none, one of them at most."""

    kind: str
    expected: Span | None
    answered: Span | None


def find_spans(sequence: Sequence[str]) -> list[Span]:
    """Return the spans that BIO tags mark (seqeval)."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [Span(kind, begin, last + 1) for kind, begin, last in get_entities(list(sequence))]


def find_errors(expected: Iterable[Span], answered: Iterable[Span]) -> list[Error]:
    """Return the errors of one sentence; each wrong span is of one error, and of an expected one at most.

    Of those that overlap, spans of the same words are paired first, then those of the same type, then the others; of
    several the pair that shares the most words.
    """
    # Not by nervaluate, which counts five outcomes by four schemes, and does not say which spans they are of.
    wanted, found = set(expected), set(answered)
    missed, invented = wanted - found, found - wanted

    def rank(pair: tuple[Span, Span]) -> tuple:
        one, other = pair
        same_words = (one.begin, one.end) == (other.begin, other.end)
        return not same_words, one.kind != other.kind, -one.overlap(other), one.begin, other.begin, one.kind, other.kind

    pairs = [(one, other) for one in missed for other in invented if one.overlap(other) > 0]
    errors = []
    for one, other in sorted(pairs, key=rank):
        if one in missed and other in invented:
            missed.remove(one)
            invented.remove(other)
            same_words = (one.begin, one.end) == (other.begin, other.end)
            kind = "wrong type" if same_words else "wrong boundary" if one.kind == other.kind else "both"
            errors.append(Error(kind, one, other))
    errors += [Error("missed", one, None) for one in missed]
    return errors + [Error("invented", None, one) for one in invented]


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of spans."""
    yield from by_type(answered)
    errors = list_errors(answered)
    yield from by_error(errors)
    words = [[cut_prefix(tag) for tag in tags.flatten(side)] for side in (answered.expected, answered.outputs)]
    yield from categories.confusions(words[0], words[1], "tag")
    yield from tags.calibrate(answered)
    yield from groups.by_length(answered)
    yield from by_rarest_token(answered)
    yield from list_mistakes(answered, errors)


def cut_prefix(tag: str) -> str:
    """Return the type of a BIO tag, whether it begins a span or goes on with one."""
    return tag if tag == NOTHING else tag[2:] or "span"


def by_type(answered: Answered) -> Sections:
    """Yield precision, recall and F1 of each type of span (seqeval), the most frequent first."""
    from seqeval.metrics import classification_report

    sides = ([list(tags) for tags in side] for side in (answered.expected, answered.outputs))
    if not any(tag != NOTHING for side in (answered.expected, answered.outputs) for tags in side for tag in tags):
        return
    report = classification_report(*sides, output_dict=True, zero_division=0)
    rows: list[Row] = [
        {
            "type": name,
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "F1": float(row["f1-score"]),
            "support": int(row["support"]),
        }
        for name, row in sorted(report.items(), key=lambda pair: -pair[1]["support"])
        if not name.endswith(" avg")
    ]
    yield Section(
        "by_type",
        "Score by type",
        "Which types are hard? Precision: the share right of the spans answered. Recall: the share found of the spans "
        "expected, of which support says how many there are.",
        rows,
    )


def list_errors(answered: Answered) -> list[tuple[int, Error]]:
    """Return each error with the number of its example."""
    return [
        (number, error)
        for number, (expected, output) in enumerate(zip(answered.expected, answered.outputs, strict=True))
        if expected != output
        for error in find_errors(find_spans(expected), find_spans(output))
    ]


def by_error(errors: Sequence[tuple[int, Error]]) -> Sections:
    """Yield how many errors are of each kind."""
    if not errors:
        return
    counts = Counter(error.kind for _, error in errors)
    rows: list[Row] = []
    for kind, meaning in KINDS.items():
        named = Counter(_name_types(error) for _, error in errors if error.kind == kind).most_common(3)
        rows.append(
            {
                "error": kind,
                "count": counts[kind],
                "share of the errors": counts[kind] / len(errors),
                "most often": ", ".join(f"{name} {number:,}" for name, number in named),
                "what it is": meaning,
            }
        )
    yield Section("errors", "Kinds of error", "In which way is a span wrong? Each is counted once.", rows)


def _name_types(error: Error) -> str:
    kinds = [span.kind for span in (error.expected, error.answered) if span]
    return " → ".join(dict.fromkeys(kinds))


def by_rarest_token(answered: Answered) -> Sections:
    """Yield the share of the expected spans that are found, by the rarest token of each."""
    if not any(answered.tokens):
        return
    classifier = frequency.make_classifier(answered)
    order = classifier.names
    found: dict[str, list[bool]] = {name: [] for name in order}
    for expected, output, tokens in zip(answered.expected, answered.outputs, answered.tokens, strict=True):
        right = set(find_spans(output))
        for span in find_spans(expected):
            rarest = frequency.find_rarest(tokens[span.begin : span.end], classifier)
            found[order[rarest]].append(span in right)
    unit = answered.experiment.input_field.counted
    rows: list[Row] = [
        {f"the rarest {unit}": name, "spans": len(each), "recall": float(np.mean(each))}
        for name, each in found.items()
        if each
    ]
    if len(rows) > 1:
        yield Section(
            "by_frequency",
            f"Recall by {unit} frequency",
            f"Does it know the names? Each expected span goes by its rarest {unit}: {classifier.explanation}.",
            rows,
        )


def list_mistakes(answered: Answered, errors: Sequence[tuple[int, Error]]) -> Sections:
    """Yield the wrong spans of which the model is surest: by the least sure of their tags."""
    if not errors:
        return
    certainties = tags.list_certainties(answered)

    def certain(number: int, error: Error) -> float:
        # Where nothing was answered: how sure it is of that.
        span = error.answered or error.expected
        return float(certainties[number][span.begin : span.end].min()) if span else 0.0

    rows: list[Row] = []
    for number, error in sorted(errors, key=lambda pair: -certain(*pair))[:MOST]:
        sentence = answered.examples[number].input
        named = [span for span in (error.expected, error.answered) if span]
        rows.append(
            {
                "error": error.kind,
                "expected": _show(sentence, error.expected),
                "answered": _show(sentence, error.answered),
                "probability": certain(number, error) if answered.certainties else None,
                "input": tags.show_place(sentence, min(span.begin for span in named), max(span.end for span in named)),
                "origin": answered.name_origin(number),
            }
        )
    yield Section(
        "mistakes",
        "The most confident mistakes",
        f"{count(len(errors), 'span')} are wrong. Those that it is surest of come first; how sure, its least sure tag "
        "says. Is the expected span right, and what misleads it?",
        rows,
        brief=5,
    )


def _show(sentence: Sequence[str], span: Span | None) -> str:
    return f"{span.kind}: {' '.join(sentence[span.begin : span.end])}" if span else ""
