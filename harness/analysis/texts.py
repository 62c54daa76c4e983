"""Texts: what a model writes, such as a translation, a caption, a transcript or a name."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.analysis import frequency, groups
from harness.analysis.answered import Answered, find_hypotheses
from harness.analysis.section import Row, Section, Sections, count, shorten
from harness.hypothesis import Hypothesis
from pipeline.example import Alternatives, Example, Value, first

if TYPE_CHECKING:
    from jiwer import WordOutput

# Examples that are listed, and those of which the score is computed one by one: a metric may take milliseconds.
MOST, MEASURED = 20, 200
# Inputs whose n-best are shown where there is nothing to compare them with.
INPUTS = 8
# Edits of each kind that are listed.
EDITS = 10


def analyse(answered: Answered) -> Sections:
    """Yield what is seen of texts."""
    yield from groups.by_category(answered)
    yield from groups.by_length(answered)
    yield from frequency.by_rarest_token(answered)
    if answered.from_answers:
        yield from by_edit(answered)
        yield from list_worst(answered)
    else:
        yield from list_unlikely(answered)


def show_text(value: Value) -> str:
    """Return an expected text; of a passage what is asked for, of several right ones all."""
    if isinstance(value, Alternatives):
        return " | ".join(map(shorten, value))
    # What stands before a passage, and the passage.
    return shorten(value[-1] if isinstance(value, tuple) else value)


# Edits.


def by_edit(answered: Answered) -> Sections:
    """Yield which words are written in place of which, left out and added, the most frequent first (jiwer)."""
    pairs = [pair for pair in zip(answered.expected, answered.outputs, strict=True) if all(map(first, pair))]
    if not pairs or not all(isinstance(first(one), str) and isinstance(other, str) for one, other in pairs):
        return
    import jiwer

    nearest = [choose_nearest(one, other) for one, other in pairs]
    found = jiwer.process_words(nearest, [other for _, other in pairs])
    counts = Counter(list_edits(found))
    words = found.hits + found.substitutions + found.deletions
    rows: list[Row] = []
    for kind in ("substitution", "deletion", "insertion"):
        own = [(edit, number) for edit, number in counts.most_common() if edit[0] == kind][:EDITS]
        rows += [{"edit": kind, "expected": one, "written": other, "count": number} for (_, one, other), number in own]
    yield Section(
        "edits",
        "Words that are written wrong",
        f"Which words? Of {count(words, 'expected word')} {found.substitutions:,} are written as another, "
        f"{found.deletions:,} are left out, and {found.insertions:,} are added.",
        rows,
        facts={"words": words, "substitutions": found.substitutions, "deletions": found.deletions}
        | {"insertions": found.insertions},
    )


def choose_nearest(expected: Value, written: str) -> str:
    """Return the expected text; of several right ones the one with the fewest wrong words."""
    if not isinstance(expected, Alternatives):
        return expected
    import jiwer

    return min((one for one in expected if one.strip()), key=lambda one: jiwer.wer(one, written))


def list_edits(found: "WordOutput") -> Iterator[tuple[str, str, str]]:
    """Yield each edit of an alignment: its kind, the expected word, and the written one."""
    for alignment, reference, written in zip(found.alignments, found.references, found.hypotheses, strict=True):
        for part in alignment:
            one = reference[part.ref_start_idx : part.ref_end_idx]
            other = written[part.hyp_start_idx : part.hyp_end_idx]
            if part.type == "substitute":
                yield from (("substitution", *pair) for pair in zip(one, other, strict=True))
            elif part.type == "delete":
                yield from (("deletion", word, "") for word in one)
            elif part.type == "insert":
                yield from (("insertion", "", word) for word in other)


# The worst, and what else was found.


def list_worst(answered: Answered) -> Sections:
    """Yield the examples with the worst scores by the task's own metric, and what beam search finds for them."""
    wrong = np.flatnonzero(~answered.right)
    # The likeliest to be bad: those of whose right texts the model thinks least.
    wrong = wrong[np.argsort(-answered.losses[wrong], kind="stable")][:MEASURED]
    sign = -1 if answered.experiment.task.lower_is_better else 1
    scored = [(score, member) for member in wrong.tolist() if (score := answered.measure([member])) is not None]
    worst = sorted(scored, key=lambda pair: sign * pair[0])[:MOST]
    if not worst:
        return
    rows: list[Row] = [
        {
            answered.monitor: score,
            "expected": show_text(answered.expected[member]),
            "written": shorten(answered.outputs[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for score, member in worst
    ]
    yield Section(
        "worst",
        "The worst",
        f"{int((~answered.right).sum()):,} of {count(len(answered.outputs), 'text')} are not what is expected, to the "
        f"letter. Those that have the worst {answered.monitor} by themselves come first.",
        rows,
        brief=5,
    )
    examples = [answered.examples[member] for _, member in worst]
    found = find_hypotheses(answered.trained, examples)
    hits = sum(_is_among(example.output, texts) for example, texts in zip(examples, found, strict=True))
    yield from show_hypotheses(
        examples,
        found,
        "Did it nearly write the right text? What beam search finds for the same inputs, the best first; the right "
        f"text is among them in {hits} of {len(examples)}.",
    )


def list_unlikely(answered: Answered) -> Sections:
    """Yield the texts that the model thinks least likely, and the likeliest ones of some inputs."""
    order = np.argsort(-answered.losses, kind="stable")[:MOST]
    rows: list[Row] = [
        {
            "nats per symbol": float(answered.losses[member]),
            "text": show_text(answered.expected[member]),
            "input": shorten(answered.examples[member].input),
            "origin": answered.name_origin(member),
        }
        for member in order
    ]
    yield Section(
        "worst",
        "The least likely texts",
        "Which texts surprise it? By the loss of each, in nats per symbol: the higher, the less it expected them.",
        rows,
        brief=5,
    )
    inputs: dict[str, Example] = {}
    for example in answered.examples:
        inputs.setdefault(str(example.input), example)
    examples = list(inputs.values())[:INPUTS]
    yield from show_hypotheses(
        examples,
        find_hypotheses(answered.trained, examples),
        "What would it write if nothing were drawn by chance? What beam search finds, the best first.",
        compared=False,
    )


def show_hypotheses(
    examples: Sequence[Example], found: Sequence[Sequence[Hypothesis]], sentence: str, *, compared: bool = True
) -> Sections:
    """Yield the n-best of some examples; nothing where there are none. compared: say which is the expected text."""
    rows: list[Row] = []
    for example, texts in zip(examples, found, strict=True):
        for rank, one in enumerate(texts, 1):
            row: Row = {
                "input": shorten(example.input, 80) if rank == 1 else "",
                "rank": rank,
                "log-probability": one.log_probability,
                "text": shorten(one.output),
            }
            rows.append(row | {"right": _is_among(example.output, [one])} if compared else row)
    if rows:
        yield Section("n_best", "N-best", sentence, rows, brief=10)


def _is_among(expected: Value, texts: Sequence[Hypothesis]) -> bool:
    right = expected if isinstance(expected, Alternatives) else (expected,)
    return any(one.output in right for one in texts)
