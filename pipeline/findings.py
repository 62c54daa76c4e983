"""Findings: what is worth knowing of examples before a model is trained on them, in one line each."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from pipeline.errors import BadInput, unknown
from pipeline.example import Alternatives, Example, Input, Output, Splits
from pipeline.fields import InputField, OutputField
from pipeline.option import Value

# Labels that are named, with their counts.
SHOWN = 20
# A share of one label from which accuracy says little.
MOST = 0.9
# Texts that are looked at for spaces.
SEEN = 1000


def inspect_data(
    splits: Splits, input_field: InputField, *, output_field: OutputField, longest: Value, strict: bool = False
) -> Iterator[str]:
    """Yield what is found in examples, once the fields are fitted to those of training.

    longest: where the input field cuts its inputs. strict: of `find_unseen`. BadInput where no output of a split is one
    of the training data, and for numbers that are all the same.
    """
    if output_field.categorical:
        counts = Counter(_labels(splits["train"], "output"))
        yield f"{len(counts):,} labels: {_list(counts)}"
        yield from _find_alike(counts)
        if isinstance(splits["train"][0].output, str):
            yield from _find_most(counts)
        yield from find_unseen(splits, output_field, strict=strict)
    _check_numbers(splits)
    if input_field.categorical and len(counts := Counter(_labels(splits["train"], "input"))) > 1:
        yield f"{len(counts):,} categories: {_list(counts)}"
    yield from _find_unspaced(splits, input_field)
    if cut := input_field.truncated:
        count = len(splits["train"])
        yield (
            f"{cut:,} of {count:,} training texts ({cut / count:.0%}) are longer than "
            f"--max-length {longest} {input_field.unit}s and keep their two ends"
        )
    yield from _find_shared(splits, "input" if not input_field.categorical else "output")


def _check_numbers(splits: Splits) -> None:
    outputs = {example.output for example in splits["train"] if isinstance(example.output, float)}
    if len(outputs) == 1:
        raise BadInput(
            f"the training data has one number only, {outputs.pop():g}; at least two are needed to tell apart"
        )


def _labels(examples: Sequence[Example], side: str) -> Iterator[str]:
    for example in examples:
        yield from _split(getattr(example, side))


def _split(value: Input | Output) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _list(counts: Counter) -> str:
    named = [f"{label or '(none)'} {count:,}" for label, count in counts.most_common(SHOWN)]
    return ", ".join(named) + (f", and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else "")


def _find_alike(counts: Counter) -> Iterator[str]:
    folded: dict[str, list[str]] = {}
    for label in counts:
        folded.setdefault("".join(label.split()).casefold(), []).append(label)
    for labels in folded.values():
        if len(labels) > 1:
            yield f"labels that differ in case or blanks alone: {', '.join(map(repr, labels))}; are they one?"


def _find_most(counts: Counter) -> Iterator[str]:
    (label, count), total = counts.most_common(1)[0], counts.total()
    if count > MOST * total and len(counts) > 1:
        yield f"{count / total:.1%} are {label!r}: one who always answers that is as accurate; see macro_f1"


def find_unseen(splits: Splits, output_field: OutputField, *, strict: bool = False) -> Iterator[str]:
    """Yield how many examples of a split have outputs that are not in the training data; nothing of training itself.

    BadInput where no output of a split is; if strict, for the first that is not.
    """
    if not output_field.categorical:
        return
    for split, examples in splits.items():
        labelled = [one for one in examples if one.output is not None]
        found = [output_field.find_unseen(one.output) for one in labelled]
        unseen = Counter(label for labels in found for label in labels)
        if not unseen:
            continue
        if strict or unseen.keys() == {label for one in examples for label in _split(one.output)}:
            example, labels = next((one, labels) for one, labels in zip(labelled, found, strict=True) if labels)
            raise BadInput(f"{example.origin}: {unknown('label', min(labels), output_field.categories)}")
        yield (
            f"{split}: {sum(map(bool, found)):,} of {len(examples):,} examples have labels that are not in the "
            f"training data ({_list(unseen)}); they count as wrong, and have no loss"
        )


def _find_unspaced(splits: Splits, input_field: InputField) -> Iterator[str]:
    texts = [example.input for example in splits["train"][:SEEN] if isinstance(example.input, str)]
    if input_field.unit != "word" or not texts:
        return
    whole = sum(len(text) >= 10 and len(text.split()) == 1 for text in texts)
    if whole > len(texts) / 2:
        yield (
            f"{whole / len(texts):.0%} of the texts have no space, so that each is one word; --unit character or "
            "--unit subword divides them"
        )


def _find_shared(splits: Splits, side: str) -> Iterator[str]:
    train = {_known(getattr(example, side)) for example in splits["train"]}
    for split in ("validation", "test"):
        shared = sum(_known(getattr(example, side)) in train for example in splits.get(split, []))
        if shared:
            what = "inputs" if side == "input" else "texts"
            yield f"{split}: {shared:,} of {len(splits[split]):,} {what} are in the training data too"


def _known(value: Input | Output) -> Hashable:
    return tuple(value) if isinstance(value, Alternatives) else value
