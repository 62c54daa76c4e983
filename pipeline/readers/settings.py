"""Settings: the YAML files in which OpenNMT-tf and joeynmt name their data.

OpenNMT-tf:                                  joeynmt:
    data:                                        data:
      train_features_file: src-train.txt           train: data/train
      train_labels_file: tgt-train.txt             dev: data/dev
      eval_features_file: src-val.txt              src: {lang: de}
      eval_labels_file: tgt-val.txt                trg: {lang: en}
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import REASON, BadInput, list_names, shorten
from pipeline.files import exists, expand_home
from pipeline.readers import files
from pipeline.readers.aligned import Pair
from pipeline.readers.boundary import ALLOW, Boundary
from pipeline.readers.request import Request, Say

SUFFIXES = (".yml", ".yaml")
# Their names for the splits.
OPENNMT = {"train": "train", "eval": "validation", "test": "test"}
JOEYNMT = {"train": "train", "dev": "validation", "test": "test"}
# Values that settings may hold, aliases unfolded: a few lines of them can stand for more than any memory has.
MOST = 100_000


def is_settings(path: Path) -> bool:
    """Tell whether a path is a file of settings, by its name."""
    return files.suffix(path) in SUFFIXES and path.is_file()


def read(request: Request, say: Say, *, outputs: bool = True) -> dict[str, list[Pair]]:
    """Return the pairs of files that settings name for each split, train always among them.

    outputs: whether files of outputs are needed; those of the test may be missing all the same.

    Paths begin in the current directory, as in both suites, else where the file of settings is. All else that it says
    (vocabularies, tokenization, sizes, training) is not taken over, and that is said.
    Raises BadInput where there are no such settings, or no such files.
    """
    path = request.path
    if request.files:
        raise BadInput(f"{path}: it names the files of the splits itself; leave --train-file and the like out")
    data = _parse(path).get("data")
    if not isinstance(data, dict):
        raise BadInput(f"{path}: expected the settings of OpenNMT-tf or joeynmt, with a block 'data' that names files")
    if "train_features_file" in data:
        found = _read_opennmt(request, data)
    elif isinstance(data.get("src"), dict) and isinstance(data.get("trg"), dict) and "train" in data:
        found = _read_joeynmt(request, data)
    else:
        raise BadInput(
            f"{path}: its block 'data' has neither train_features_file (OpenNMT-tf) nor train, src and trg (joeynmt), "
            f"but {list_names(data) or 'nothing'}"
        )
    for split, pairs in found.items():
        missing = [source.name for source, target in pairs if target is None]
        if outputs and missing and split != "test":
            raise BadInput(f"{path}: no file of labels for {list_names(missing)}, of the {split} split")
    say(f"{path}: its files of data are read; its vocabularies, its tokenization and all other settings are not")
    return found


def _parse(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError:
        raise BadInput(f"{path}: PyYAML, which reads it, is not installed; run: pip install pyyaml") from None
    try:
        found = yaml.safe_load(files.read_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(
            f"{path}{line}: not YAML: {shorten(str(getattr(error, 'problem', None) or error), REASON)}."
        ) from None
    if _is_larger(found, MOST):
        raise BadInput(f"{path}: its aliases unfold to more than {MOST:,} values; settings name some files")
    return found if isinstance(found, dict) else {}


def _is_larger(value: object, most: int) -> bool:
    """Return whether a value holds more than `most` others, those that several names stand for counted each time."""
    left, count = [value], 0
    while left and count <= most:
        one = left.pop()
        count += 1
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set)):
            left += one
    return count > most


def _read_opennmt(request: Request, data: Mapping[str, Any]) -> dict[str, list[Pair]]:
    path = request.path
    found: dict[str, list[Pair]] = {}
    for theirs, split in OPENNMT.items():
        key = f"{theirs}_features_file"
        if not data.get(key):
            continue
        inputs = list(_list_files(request, data[key], key))
        outputs: Sequence[Path | None] = [None] * len(inputs)
        if data.get(labels := f"{theirs}_labels_file"):
            outputs = list(_list_files(request, data[labels], labels))
            if len(outputs) != len(inputs):
                raise BadInput(f"{path}: {len(inputs)} files in {key} and {len(outputs)} in {labels}; as many are due")
        found[split] = list(zip(inputs, outputs, strict=True))
    return found


def _list_files(request: Request, value: object, key: str) -> Iterator[Path]:
    """Yield the file, or the several files one after the other, that a key names."""
    path = request.path
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str):
            raise BadInput(f"{path}: {key}: expected the name of a file, or a list of names, got {one!r:.60}")
        if one.endswith((".records", ".tfrecord")):
            raise BadInput(f"{path}: {key}: {one} holds vectors (TFRecord); files of text are read")
        yield _find_file(request, one, key)


def _read_joeynmt(request: Request, data: Mapping[str, Any]) -> dict[str, list[Pair]]:
    path = request.path
    source, target = (str(data[side].get("lang", side)) for side in ("src", "trg"))
    kind = data.get("dataset_type", "plain")
    if kind == "tsv":
        folder = Path(str(data["train"])).parent
        raise BadInput(
            f"{path}: its data are tables, which are read without it: --data {folder} --text-column {source} "
            f"--label-column {target}"
        )
    if kind != "plain":
        raise BadInput(f"{path}: dataset_type: {kind}: 'plain' is read, and the tables of 'tsv'")
    found: dict[str, list[Pair]] = {}
    for theirs, split in JOEYNMT.items():
        if not data.get(theirs):
            continue
        text = _find_file(request, f"{data[theirs]}.{source}", theirs)
        try:
            translation = _find_file(request, f"{data[theirs]}.{target}", theirs)
        except BadInput:
            # Their test may have no translation.
            if split != "test":
                raise
            translation = None
        found[split] = [(text, translation)]
    return found


def _find_file(request: Request, name: str, key: str) -> Path:
    path = request.path
    inside = Boundary.of(request).within(Path.cwd())
    for file in (expand_home(name), path.parent / name):
        if exists(file) and file.is_file():
            if not inside.holds(file):
                raise BadInput(f"{path}: {key}: {file} is outside of {inside.describe()}; {ALLOW}")
            return file
    raise BadInput(f"{path}: {key}: there is no {shorten(name)}, neither in {Path.cwd()} nor beside these settings")
