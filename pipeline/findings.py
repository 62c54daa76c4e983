"""Findings: what is worth knowing of examples before a model is trained on them, in one line each."""

import hashlib
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter

import numpy as np

from pipeline.errors import BadInput, list_names, shorten, unknown
from pipeline.example import Alternatives, Example, Input, Output, Splits, first
from pipeline.fields import InputField, OutputField, Signal
from pipeline.option import Value

# Labels that are named, with their counts.
SHOWN = 20
# A share of one label from which accuracy says little.
MOST = 0.9
# Examples of a split that are looked at for spaces, for their label, and for flaws.
SEEN = 1000
# Examples of a test below which a score is a rough one.
FEW = 100
# What is true of more values than this share is how the data is, and no flaw.
USUAL = 0.5
# The first words of a text, which are compared before the rest of it.
WORDS = 6
UNREADABLE = "files that cannot be read, which training refuses"
# The share of texts that name their own label, and how many times that of the others, from which it gives it away.
NAMED, TIMES = 0.2, 5


class Weight(IntEnum):
    """How much a finding matters. NOTE: it is no warning."""

    NOTE = 0
    # The model sees less than there is.
    LOST = 1
    # Examples are not what they should be.
    DAMAGED = 2
    # The score would not say what it seems to say.
    MISLEADING = 3


@dataclass(frozen=True)
class Finding:
    """One line. share: of the examples of which it is true."""

    text: str
    weight: Weight = Weight.NOTE
    share: float = 0.0


def sort_worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Return the warnings among findings, the worst first."""
    return sorted((one for one in found if one.weight), key=lambda one: (-one.weight, -one.share))


def inspect_data(
    splits: Splits, input_field: InputField, output_field: OutputField, *, strict: bool = False
) -> Iterator[Finding]:
    """Yield what is found in examples, once the fields are fitted to those of training; nothing that takes long.

    strict: of `find_unseen`. BadInput where no output of a split is one
    of the training data, and for numbers that are all the same.
    """
    if output_field.categorical:
        counts = Counter(_labels(splits["train"], "output"))
        yield Finding(f"{len(counts):,} labels: {list_counts(counts)}")
        yield from _find_alike(counts)
        if isinstance(splits["train"][0].output, str):
            yield from _find_most(counts)
        yield from find_unseen(splits, output_field, strict=strict)
        yield from _find_named(splits["train"], list(counts))
    _check_numbers(splits)
    if input_field.categorical and len(counts := Counter(_labels(splits["train"], "input"))) > 1:
        yield Finding(f"{len(counts):,} categories: {list_counts(counts)}")
    yield from _find_unspaced(splits, input_field)
    if input_field.unread:
        yield Finding(f"inputs: {input_field.unread}", Weight.LOST, 1.0)
    yield from find_equal(splits, input_field, output_field)


def _check_numbers(splits: Splits) -> None:
    numbers = (example.output for example in splits["train"] if isinstance(example.output, float))
    first_number = next(numbers, None)
    if first_number is not None and all(number == first_number for number in numbers):
        raise BadInput(
            f"the training data has one number only, {first_number:g}; at least two are needed to tell apart"
        )


def _labels(examples: Sequence[Example], side: str) -> Iterator[str]:
    for example in examples:
        yield from _split(getattr(example, side))


def _split(value: Input | Output) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def list_counts(counts: Counter) -> str:
    """Return names with their counts, the most frequent first; of many the first, and how many more there are."""
    return list_names((f"{shorten(label) or '(none)'} {count:,}" for label, count in counts.most_common()), SHOWN)


def _find_alike(counts: Counter) -> Iterator[Finding]:
    folded: dict[str, list[str]] = {}
    for label in counts:
        folded.setdefault("".join(label.split()).casefold(), []).append(label)
    for labels in folded.values():
        if len(labels) > 1:
            share = sum(counts[label] for label in labels) / counts.total()
            names = list_names(map(repr, labels), SHOWN)
            yield Finding(f"labels that differ in case or blanks alone: {names}; are they one?", Weight.DAMAGED, share)


def _find_most(counts: Counter) -> Iterator[Finding]:
    (label, count), total = counts.most_common(1)[0], counts.total()
    if count > MOST * total and len(counts) > 1:
        text = f"{count / total:.1%} are {shorten(label)!r}: one who always answers that is as accurate; see macro_f1"
        yield Finding(text, Weight.MISLEADING, count / total)


def find_unseen(splits: Splits, output_field: OutputField, *, strict: bool = False) -> Iterator[Finding]:
    """Yield how many examples of a split have outputs that are not in the training data; nothing of training itself.

    BadInput where no output of a split is; if strict, for the first that is not.
    """
    if not output_field.categorical:
        return
    for split, examples in splits.items():
        unseen: Counter[str] = Counter()
        count, example = 0, None
        for one in examples:
            if one.output is not None and (labels := output_field.find_unseen(one.output)):
                unseen.update(labels)
                count, example = count + 1, example or one
        if not example:
            continue
        if strict or unseen.keys() == {label for one in examples for label in _split(one.output)}:
            label = min(output_field.find_unseen(example.output))
            raise BadInput(f"{example.origin}: {unknown('label', label, output_field.categories)}")
        yield Finding(
            f"{split}: {count:,} of {len(examples):,} examples have labels that are not in the training data "
            f"({list_counts(unseen)}); they count as wrong, and have no loss{name_place(example)}",
            Weight.MISLEADING,
            count / len(examples),
        )


def _find_named(training: Sequence[Example], labels: Sequence[str]) -> Iterator[Finding]:
    """Yield labels that stand in their own texts, and seldom in others."""
    some = [one for one in training[:: -(-len(training) // SEEN)] if isinstance(one.output, str)]
    if not some or not isinstance(some[0].input, str) or len(labels) > SHOWN:
        return
    texts = [one.input.casefold() for one in some]
    for label in labels:
        # A number, or a letter, stands in any text.
        if not any(map(str.isalpha, label)) or len(label) < 3:
            continue
        name = label.casefold()
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        naming = [name in text and word.search(text) is not None for text in texts]
        own = [named for named, one in zip(naming, some, strict=True) if one.output == label]
        others = [named for named, one in zip(naming, some, strict=True) if one.output != label]
        share = sum(own) / max(1, len(own))
        if sum(own) > 1 and share >= NAMED and share >= TIMES * sum(others) / max(1, len(others)):
            example = next(one for one, named in zip(some, naming, strict=True) if named and one.output == label)
            yield Finding(
                f"the label stands in the text: {shorten(label)!r} in {share:.0%} of the texts that have it"
                f"{name_place(example)}",
                Weight.MISLEADING,
                share,
            )


def _find_unspaced(splits: Splits, input_field: InputField) -> Iterator[Finding]:
    texts = [example.input for example in splits["train"][:SEEN] if isinstance(example.input, str)]
    if input_field.unit != "word" or not texts:
        return
    whole = sum(len(text) >= 10 and len(text.split()) == 1 for text in texts)
    if whole > len(texts) / 2:
        yield Finding(
            f"{whole / len(texts):.0%} of the texts have no space, so that each is one word; --unit character or "
            "--unit subword divides them",
            Weight.DAMAGED,
            whole / len(texts),
        )


def find_equal(splits: Splits, input_field: InputField, output_field: OutputField) -> Iterator[Finding]:
    """Yield what occurs more than once, but for case and blanks: within a split, and in another split too.

    What is compared are the inputs, of recordings what is in their files; the outputs, where the inputs are categories;
    both, where an input has several right outputs. Equal inputs with different labels are told too.
    """
    side, what, files = _choose_side(input_field)
    disagree = side == "input" and output_field.categorical
    shared = {pair: Tally() for pair in SHARED}
    exact = dict.fromkeys(SHARED, 0)
    again, disagreeing = ({split: Tally() for split in splits} for _ in range(2))
    other = attrgetter("input" if side == "output" else "output")
    for group in _group_equal(splits, side, files=files):
        members = {split: [one for where, one in group if where == split] for split in splits}
        for pair in SHARED:
            split, other_split = pair
            own, known = members.get(split, []), members.get(other_split, [])
            if own and known:
                spelled = {_known(getattr(one, side)) for one in known}
                shared[pair].add(own)
                exact[pair] += sum(_known(getattr(one, side)) in spelled for one in own)
        for split, own in members.items():
            others: set[Hashable] = set()
            # Of a text to translate, or an image, there may be several right outputs.
            for one in own:
                again[split].add([one] if other(one) in others else [])
                others.add(other(one))
            if disagree and len(others) > 1:
                disagreeing[split].add([own[1]])
    for pair, (name, weight) in SHARED.items():
        split, found = pair[0], shared[pair]
        if found.first:
            count = len(splits[split])
            rest = found.count - exact[pair]
            but = f", {rest:,} of them but for case or blanks" if rest and not files else ""
            yield Finding(
                f"{split}: {found.count:,} of {count:,} {what} are in the {name} data too{but}"
                f"{name_place(found.first)}",
                weight,
                found.count / count,
            )
    for split, examples in splits.items():
        for found, text, weight in (
            (again[split], "examples are there again", Weight.LOST),
            (disagreeing[split], "inputs are there again with another label", Weight.DAMAGED),
        ):
            if found.first:
                yield Finding(
                    f"{split}: {found.count:,} of {len(examples):,} {text}{name_place(found.first)}",
                    weight,
                    found.count / len(examples),
                )


def find_learned(
    name: str, examples: Sequence[Example], training: Sequence[Example], input_field: InputField
) -> Iterator[Finding]:
    """Yield how many examples of other data a run was trained on, by what `find_equal` compares. name: of the data."""
    side, what, files = _choose_side(input_field)
    found = Tally()
    for group in _group_equal({"train": training, "asked": examples}, side, files=files):
        own = [one for where, one in group if where == "asked"]
        found.add(own if len(own) < len(group) else [])
    if found.first:
        yield Finding(
            f"{name}: the run has learned {found.count:,} of {len(examples):,} {what}; what it scores on them says "
            f"nothing of others{name_place(found.first)}",
            Weight.MISLEADING,
            found.count / len(examples),
        )


def _choose_side(input_field: InputField) -> tuple[str, str, bool]:
    """Return the side of an example that is compared, what it is called, and whether it is in files: recordings."""
    if input_field.categorical:
        return "output", "texts", False
    return "input", "inputs", input_field.file == "recording"


# What the score is said of, and where else it is: learned, or what the best epoch was chosen by.
SHARED = {
    ("validation", "train"): ("training", Weight.MISLEADING),
    ("test", "train"): ("training", Weight.MISLEADING),
    ("test", "validation"): ("validation", Weight.DAMAGED),
}


@dataclass
class Tally:
    """How many examples something is true of, and the first of them."""

    count: int = 0
    first: Example | None = None

    def add(self, examples: Sequence[Example]) -> None:
        """Count some more."""
        if examples:
            self.count, self.first = self.count + len(examples), self.first or examples[0]


def _group_equal(splits: Splits, side: str, *, files: bool = False) -> Iterator[list[tuple[str, Example]]]:
    """Yield the (split, example) that are equal on a side but for case and blanks, two at least.

    files: the values are paths, and what is in the files is compared.
    """
    # The first words, and the sizes of files, are soon compared; most have others.
    first_key, key = (_read_size, _read_content) if files else (_read_head, _normalise)
    parts = list(splits.items())
    sizes = [len(examples) for _, examples in parts]
    ends, read = np.cumsum(sizes), attrgetter(side)
    # In place of the values their hashes: the examples may be on the disk.
    heads = (hash(first_key(read(one))) for _, examples in parts for one in examples)
    alike = _find_repeated(np.fromiter(heads, "int64", sum(sizes)))

    def find(place: int) -> tuple[str, Example]:
        number = int(np.searchsorted(ends, place, side="right"))
        split, examples = parts[number]
        return split, examples[place - int(ends[number]) + sizes[number]]

    order = np.concatenate(alike) if alike else np.array([], "int64")
    hashes = np.fromiter((hash(key(read(find(place)[1]))) for place in order.tolist()), "int64", len(order))
    start = 0
    for members in alike:
        own = hashes[start : start + len(members)]
        start += len(members)
        for places in _find_repeated(own):
            # Two values may have one hash.
            yield from _group([find(place) for place in members[places].tolist()], side, key)


def _find_repeated(hashes: np.ndarray) -> list[np.ndarray]:
    """Return the positions of the hashes that are equal, for each that is there twice at least, the first one first."""
    order = np.argsort(hashes, kind="stable")
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(hashes[order])) + 1, [len(order)]])
    begins, ends = bounds[:-1], bounds[1:]
    several = ends - begins > 1
    groups = [order[begin:end] for begin, end in zip(begins[several], ends[several], strict=True)]
    return sorted(groups, key=lambda group: int(group[0]))


def _group(
    members: Iterable[tuple[str, Example]], side: str, key: Callable[[Input | Output], Hashable]
) -> Iterator[list[tuple[str, Example]]]:
    read, groups = attrgetter(side), defaultdict(list)
    for member in members:
        groups[key(read(member[1]))].append(member)
    return (group for group in groups.values() if len(group) > 1)


def _read_size(path: Input) -> Hashable:
    # One that is missing, or cannot be read, is equal to itself alone.
    try:
        return os.stat(path).st_size
    except OSError:
        return path


def _read_content(path: Input) -> Hashable:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return path


def _read_head(value: Input | Output) -> Hashable:
    return " ".join(value.split(maxsplit=WORDS)[:WORDS]).casefold() if isinstance(value, str) else _normalise(value)


def _normalise(value: Input | Output) -> Hashable:
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    return tuple(map(_normalise, value)) if isinstance(value, tuple) else value


def find_few(splits: Splits) -> Iterator[Finding]:
    """Yield how rough the score of a test of few examples is."""
    count = len(splits["test"])
    if count < FEW:
        text = f"test: {count:,} example{'s' * (count != 1)} only: a share of right answers is known to about"
        yield Finding(f"{text} ±{min(1, 0.98 / math.sqrt(count)):.0%}", Weight.LOST, 1.0)


def find_cut(splits: Splits, input_field: InputField, longest: Value) -> Iterator[Finding]:
    """Yield how many inputs of each split are longer than the input field reads. longest: --max-length."""
    cut = {"train": input_field.truncated}
    for split in splits.keys() - {"train"}:
        cut[split] = sum(input_field.count_cut(one.input) > 0 for one in splits[split])
    total = sum(map(len, splits.values()))
    if any(cut.values()):
        kept = "their two ends" if input_field.unit else "their beginning"
        where = ", ".join(
            f"{cut[split]:,} of {len(splits[split]):,} ({split})" for split in splits if cut[split] and splits[split]
        )
        yield Finding(
            f"inputs longer than --max-length {longest} {input_field.counted}s, which keep {kept}: {where}",
            Weight.LOST,
            sum(cut.values()) / total,
        )


def sample_flaws(splits: Splits, input_field: InputField, output_field: OutputField) -> Iterator[Finding]:
    """Yield what `find_flaws` finds in some examples, evenly spaced, of inputs that are in no files of their own."""
    value = splits["train"][0].input
    if isinstance(value, str | tuple | Signal) and not input_field.fingerprint(value):
        some = {split: examples[:: -(-len(examples) // SEEN) or 1] for split, examples in splits.items()}
        yield from find_flaws(some, input_field, output_field)


def find_flaws(splits: Splits, input_field: InputField, output_field: OutputField) -> Iterator[Finding]:
    """Yield what is odd about the values of examples, as their fields say."""
    total = sum(map(len, splits.values()))
    for side, field in (("input", input_field), ("output", output_field)):
        flawed: dict[str, dict[str, list[Example]]] = {}
        for split, examples in splits.items():
            for example in examples:
                value = first(getattr(example, side))
                for flaw in _list_flaws(field, value):
                    flawed.setdefault(flaw, {}).setdefault(split, []).append(example)
        for flaw, found in flawed.items():
            count = sum(map(len, found.values()))
            if count <= USUAL * total:
                where = ", ".join(f"{len(some):,} of {len(splits[split]):,} ({split})" for split, some in found.items())
                example = next(iter(found.values()))[0]
                text = f"{side}s with {flaw}: {where}{name_place(example)}"
                yield Finding(text, Weight.DAMAGED, count / total)


def _list_flaws(field: InputField | OutputField, value: Input | Output) -> list[str]:
    """Return what is odd about a value; of one whose file cannot be read, that."""
    if value is None:
        return []
    try:
        return list(field.find_flaws(value))
    except BadInput:
        return [UNREADABLE]


def name_place(example: Example) -> str:
    """Return where an example was read, to be put after a sentence."""
    return f" ({example.origin})" if example.origin else ""


def _known(value: Input | Output) -> Hashable:
    return tuple(value) if isinstance(value, Alternatives) else value
