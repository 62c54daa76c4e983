"""TensorFlow Datasets by name: train, validation and test examples.

A kind of task names what its input and its output can be read from (`KINDS`); a new kind, an image and its
caption say, is one more entry there.
"""

import contextlib
import difflib
import os
import re
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import numpy

from pipeline.errors import BadInput, unknown
from pipeline.example import Example, Input, Output, Splits
from pipeline.quiet import import_tensorflow
from pipeline.readers import recordings
from pipeline.readers.tabular.columns import Columns

# Our splits and the names that datasets give them; the first that holds labelled examples is used.
SPLITS = {
    "train": ("train", "train_clean100"),
    "validation": ("validation", "dev", "valid", "val", "validation_matched", "dev_clean"),
    "test": ("test", "test_matched", "test_clean"),
}

# Without a network a download fails only after minutes of retries, so it is tried here first. A dataset has
# hosts of its own; these two hold many of them, and one that answers shows that there is a network.
HOSTS = (("storage.googleapis.com", 443), ("github.com", 443))
PATIENCE = 1.5  # seconds

NAME = re.compile(r"(?P<dataset>\w+)(/(?P<config>[\w.-]+))?(:(?P<version>[\d*]+(\.[\d*]+){2}))?")


# What TensorFlow Datasets has: it is imported late, and has no types. Raw: NumPy values, or dictionaries of them.
Feature: TypeAlias = Any
Builder: TypeAlias = Any
Raw: TypeAlias = Any


@dataclass(frozen=True)
class Leaf:
    """One feature of a dataset, found at `path` in its nested features.

    connector: the TensorFlow Datasets feature, without the sequences around it.
    type: what messages call it. forms: what it can be read as; empty when it is nothing we read.
    """

    path: tuple[str, ...]
    connector: Feature
    type: str
    forms: frozenset[str]

    @property
    def name(self) -> str:
        return "/".join(self.path)


@dataclass(frozen=True)
class Side:
    """What one side of an example can be read from.

    guessed: the forms, the preferred one first, that a feature may have which nobody named.
    named: the forms that are read as well when the feature is named.
    value: from a leaf and its NumPy value to the side of an example; None for a label that is hidden (-1).
    """

    guessed: tuple[str, ...]
    named: tuple[str, ...]
    value: Callable[[Leaf, Raw], Input | Output]


def _text(leaf: Leaf, value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _label(leaf: Leaf, value: Raw) -> str | None:
    if "class" in leaf.type:
        return leaf.connector.int2str(int(value)) if value >= 0 else None
    return _text(leaf, value) if isinstance(value, bytes) else str(value)


def _number(leaf: Leaf, value: Raw) -> float | None:
    number = _label(leaf, value) if leaf.type == "class" else value
    return None if number is None else float(number)


def _words(leaf: Leaf, values: Raw) -> tuple[str, ...]:
    return tuple(_text(leaf, value) for value in values)


def _tags(leaf: Leaf, values: Raw) -> tuple[str, ...] | None:
    tags = tuple(_label(leaf, value) for value in values)
    return None if None in tags else tags  # type: ignore[return-value]


def _sound(leaf: Leaf, value: Raw) -> str:
    rate = leaf.connector.sample_rate
    if rate is None:
        raise BadInput(f"the feature {leaf.name} does not say its samples per second. Choose another dataset.")
    return recordings.save_samples(value, rate)


TEXT = Side(("text",), (), _text)
WORDS = Side(("sequence of text",), (), _words)
TAGS = Side(("sequence of class", "sequence of text"), ("sequence of integer",), _tags)
LABEL = Side(("class", "integer"), ("text", "bool"), _label)
NUMBER = Side(("number",), (), _number)
SOUND = Side(("sound",), (), _sound)
SPOKEN = Side(("text", "class"), ("integer",), _label)

# Kind of task -> what its input and its output are; None: there is none, "" stands for it.
KINDS: dict[str, tuple[Side, Side | None]] = {
    "tagged": (WORDS, TAGS),
    "labelled": (TEXT, LABEL),
    "number": (TEXT, NUMBER),
    "translated": (TEXT, TEXT),
    "text": (TEXT, None),
    "spoken": (SOUND, SPOKEN),
}


def read(name: str, kind: str, *, columns: Columns, limit: int | None = None) -> Splits:
    """Return the splits of the TensorFlow dataset `name`, downloading it the first time.

    name: "conll2003", "glue/sst2", "imdb_reviews/plain_text:1.0.0".
    kind: a key of `KINDS`: "tagged" (tuple of tokens -> tuple of tag names), "labelled" (text -> name of the
        label), "number" (text -> float), "translated" (text -> text), "text" (text -> ""), "spoken" (path of a
        sound file, kept in the cache -> text).
    columns: names of the input and the output feature, whole ("data/review_body") or the last part alone.
        When no candidate is there, those that the dataset itself calls its input and output, if it does; else the
        only feature that fits the kind.
    limit: read the first so many examples of each split only.

    Validation and test are left out where the dataset has none or hides their labels. Examples without a
    label (-1), sentences without a token and empty texts are skipped. An origin "tfds:NAME train[17]"
    counts as TensorFlow Datasets does.

    Raises BadInput: an unknown name, configuration or feature; several features that fit; data that is
    neither in the data folder ($TFDS_DATA_DIR or ~/tensorflow_datasets) nor to be had; tokens and tags of
    unequal number.
    """
    input_side, output_side = KINDS[kind]
    if kind == "spoken":
        # Features of sound import it, and not quietly.
        import_tensorflow()
    builder = _builder(name)
    source, target = _choose_sides(name, builder, columns, sides=(input_side, output_side))
    if not builder.data_path.exists():
        _check_download(builder, name)
        _download(builder, name)
    splits: Splits = {}
    for split, candidates in SPLITS.items():
        for candidate in candidates:
            if split not in splits and candidate in builder.info.splits:
                examples = []
                for index, raw in enumerate(_raw_examples(builder, candidate, limit)):
                    given = input_side.value(source, _at(raw, source.path))
                    wanted = output_side.value(target, _at(raw, target.path)) if output_side and target else ""
                    if given not in ((), "") and wanted is not None and (wanted != "" or not target):
                        examples.append(Example(given, wanted, f"tfds:{name} {candidate}[{index}]"))
                        if target:
                            _check_length(examples[-1], source, target)
                if examples:
                    splits[split] = examples
    if "train" not in splits:
        raise BadInput(
            f"TensorFlow dataset {name!r} has no split 'train' with labelled examples; "
            f"its splits are: {', '.join(builder.info.splits) or 'none'}. Choose another dataset."
        )
    return splits


def _choose_sides(
    name: str, builder: Builder, columns: Columns, *, sides: tuple[Side, Side | None]
) -> tuple[Leaf, Leaf | None]:
    """Return the features of the input and of the output, which is None where there is none."""
    leaves = list(_leaves(builder.info.features))
    keys = builder.info.supervised_keys or ()
    # A dataset may name a structure, or a third thing beside the two.
    inputs, outputs = ((key,) for key in keys) if [*map(type, keys)] == [str, str] else ((), ())
    source = _choose_feature(
        name, leaves, sides[0], given=columns.given_input, candidates=(*columns.input, *inputs), option="--text-column"
    )
    if sides[1]:
        return source, _choose_feature(
            name,
            leaves,
            sides[1],
            given=columns.given_output,
            candidates=(*columns.output, *outputs),
            option="--label-column",
            taken=source,
        )
    if columns.given_output:
        raise BadInput(f"--label-column {columns.given_output}: only texts are read of TensorFlow datasets here")
    return source, None


def describe(name: str) -> str:
    """Return the full name of the dataset `name`, with its version, its home page and its licence.

    Needs no download. Raises BadInput for an unknown name.
    """
    info = _builder(name).info
    licence = " ".join(info.redistribution_info.license.split()) or "see its home page"
    return f"TensorFlow dataset {info.full_name}, {info.homepage or 'no home page'}; licence: {licence}"


def _check_length(example: Example, source: Leaf, target: Leaf) -> None:
    if isinstance(example.output, tuple) and len(example.output) != len(example.input):
        raise BadInput(
            f"{example.origin}: {len(example.input)} tokens in {source.name} but {len(example.output)} tags "
            f"in {target.name}. Choose two features that go together by --text-column and --label-column."
        )


def _folder() -> str:
    return os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def _builder(name: str) -> Builder:
    """Return the builder of the dataset `name`; this needs neither TensorFlow nor a network."""
    parts = NAME.fullmatch(name)
    if not parts:
        raise BadInput(
            f"{name!r} cannot be the name of a TensorFlow dataset: expected name, name/configuration or "
            "name/configuration:version, such as imdb_reviews, glue/sst2 or imdb_reviews/plain_text:1.0.0."
        )
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=_folder())
    except tfds.core.registered.DatasetNotFoundError as error:
        known = set(tfds.list_builders(with_community_datasets=False))
        close = " or ".join(map(repr, difflib.get_close_matches(parts["dataset"], known)))
        hint = f" Did you mean {close}?" if close else ""
        raise BadInput(
            f"unknown TensorFlow dataset {parts['dataset']!r}.{hint} It is not in {_folder()}, nor one of "
            f"the {len(known)} at https://www.tensorflow.org/datasets/catalog."
        ) from error
    except Exception as error:  # whatever the code of a dataset raises
        if parts["config"] and "BuilderConfig" in str(error):
            configurations = tfds.builder_cls(parts["dataset"]).builder_configs
            raise unknown(f"configuration of {parts['dataset']}", parts["config"], configurations) from error
        raise BadInput(f"TensorFlow dataset {name!r} cannot be used: {error}") from error


def _leaves(feature: Feature, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[Leaf]:
    """Yield the features inside `feature`; depth counts the sequences around it."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.FeaturesDict):
        for key, inner in feature.items():
            yield from _leaves(inner, (*path, key), depth)
    elif isinstance(feature, tfds.features.Sequence) and not isinstance(feature, tfds.features.Dataset):
        yield from _leaves(feature.feature, path, depth + 1)
    else:
        yield _leaf(feature, path, depth)


def _leaf(connector: Feature, path: tuple[str, ...], depth: int) -> Leaf:
    import tensorflow_datasets as tfds

    if isinstance(connector, tfds.features.ClassLabel):
        form = "class"
        forms = {"class", "number"} if _are_numbers(connector) else {"class"}
    elif isinstance(connector, tfds.features.Audio):  # a tensor too
        form, depth = "sound", 0
        forms = {form}
    elif isinstance(connector, tfds.features.Tensor):  # a text too; not an image
        depth += len(connector.shape)
        form = {"O": "text", "i": "integer", "u": "integer", "f": "number", "b": "bool"}.get(
            numpy.dtype(connector.np_dtype).kind, "other"
        )
        forms = {"integer", "number"} if form == "integer" else {form}
    else:
        form, forms = type(connector).__name__, set()
    prefix = "sequence of " * depth
    return Leaf(path, connector, type=prefix + form, forms=frozenset(prefix + form for form in forms))


def _are_numbers(label: Feature) -> bool:
    try:
        return bool([float(label.int2str(index)) for index in range(label.num_classes or 0)])
    except ValueError:
        return False


def _choose_feature(
    name: str,
    leaves: list[Leaf],
    side: Side,
    *,
    given: str | None,
    candidates: tuple[str, ...],
    option: str,
    taken: Leaf | None = None,
) -> Leaf:
    """Return the leaf for one side: the one asked for, else the first candidate, else the only one that fits.

    taken: the leaf of the other side, which is not chosen twice.
    """
    has = f"TensorFlow dataset {name!r} has: {_listing(leaves)}."
    expected = " or ".join(side.guessed)
    leaves = [leaf for leaf in leaves if leaf is not taken]
    for candidate in (given,) if given else candidates:
        named = [leaf for leaf in leaves if candidate in (leaf.name, leaf.path[-1])]
        fitting = [leaf for leaf in named if not leaf.forms.isdisjoint(side.guessed + side.named)]
        exact = [leaf for leaf in fitting if leaf.name == candidate]
        if exact or len(fitting) == 1:
            return (exact or fitting)[0]
        if given and not fitting:
            problem = f"is {named[0].type}, expected {expected}" if named else "is no feature to choose"
            raise BadInput(f"{option} {given!r} {problem}. {has}")
        if fitting:
            break
    else:
        fits = ([leaf for leaf in leaves if form in leaf.forms] for form in side.guessed)
        fitting = next(filter(None, fits), [])
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(
            f"several features of TensorFlow dataset {name!r} fit: {_listing(fitting)}. Choose one by {option}."
        )
    raise BadInput(f"no feature fits, expected {expected} ({option}). {has} Choose another dataset.")


def _listing(leaves: list[Leaf]) -> str:
    return ", ".join(sorted(f"{leaf.name} ({leaf.type})" for leaf in leaves))


def _check_download(builder: Builder, name: str) -> None:
    """Raise BadInput, before anything slow is tried, where the data cannot be had."""
    manual = os.path.join(_folder(), "downloads", "manual")
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        if not (os.path.isdir(manual) and os.listdir(manual)):
            raise BadInput(
                f"TensorFlow dataset {name!r} must be downloaded by hand into {manual}: "
                f"{' '.join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())}"
            )
    elif not _network():
        raise BadInput(
            f"TensorFlow dataset {name!r} is not in {_folder()}, and no network was reached to download it "
            f"({' and '.join(host for host, _ in HOSTS)} did not answer). Run the same command once on a "
            f"machine with a network and copy {builder.name} from its data folder to here, or set "
            "TFDS_DATA_DIR to a folder that has it."
        )


def _network() -> bool:
    """Return whether one of the hosts, or the proxy on the way to it, takes a connection."""
    reached = threading.Event()

    def connect(host: str, port: int) -> None:
        proxy = urllib.request.getproxies().get("https")
        if proxy and not urllib.request.proxy_bypass(host):
            parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            host, port = parts.hostname or host, parts.port or 80
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), timeout=PATIENCE).close()
            reached.set()

    # In threads because resolving the name of a host has no time limit of its own.
    threads = [threading.Thread(target=connect, args=host, daemon=True) for host in HOSTS]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return reached.is_set()


def _download(builder: Builder, name: str) -> None:
    import_tensorflow()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            builder.download_and_prepare()
    except Exception as error:  # whatever the code of a dataset, or its server, raises
        raise BadInput(
            f"TensorFlow dataset {name!r} could not be prepared in {_folder()}: {type(error).__name__}: {error}"
        ) from error


def _raw_examples(builder: Builder, split: str, limit: int | None) -> Iterator[dict]:
    """Yield the examples of a split, as nested dictionaries of NumPy values."""
    import_tensorflow()
    import tensorflow_datasets as tfds

    # One file at a time, so that an index means what it means in the split's own notation, "train[17:18]".
    order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    dataset = builder.as_dataset(split=split, read_config=order)
    yield from tfds.as_numpy(dataset if limit is None else dataset.take(limit))


def _at(example: dict, path: tuple[str, ...]) -> Raw:
    for key in path:
        example = example[key]
    return example
