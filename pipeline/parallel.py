"""Parallel texts: line N of one file and line N of the other say the same in two languages."""

from pathlib import Path

from pipeline import files, tables
from pipeline.columns import Columns
from pipeline.errors import BadInput, unknown
from pipeline.example import Example, Splits


def read(path: Path, columns: Columns) -> Splits:
    """Return the pairs of a folder's parallel files, such as train.en and train.de; else what tables.read does.

    The suffixes are those of the two train files; columns.given_input or given_output says which is the input. A pair
    of empty lines is left out. Raises BadInput for files of unequal length, and for an empty line beside one that is
    not, with file and line.
    """
    path = Path(path)
    suffixes = _suffixes(path) if path.is_dir() else []
    if not suffixes:
        return tables.read(path, columns)
    source, target = _choose(path, suffixes, columns)
    left, right = files.find(path, (f".{source}",)), files.find(path, (f".{target}",))
    for split in left.keys() ^ right.keys():
        there, missing = (left[split], target) if split in left else (right[split], source)
        raise BadInput(f"{there}: there is no {there.stem}.{missing} beside it; each split needs both files.")
    return {split: _pair(left[split], right[split]) for split in left}


def _suffixes(path: Path) -> list[str]:
    """Return the suffixes, without the dot, of the train files in a folder that are no tables."""
    names = (file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    found = {file.suffix[1:].lower() for file in names if "train" in file.stem.lower().replace("-", "_").split("_")}
    return sorted(found - {"", *(suffix[1:] for suffix in tables.SUFFIXES)})


def _choose(path: Path, suffixes: list[str], columns: Columns) -> tuple[str, str]:
    """Return the suffix of the input and that of the output: as asked for; of two, one is enough to say."""
    asked = {"--text-column": columns.given_input, "--label-column": columns.given_output}
    for option, name in asked.items():
        if name and name.lower() not in suffixes:
            raise unknown(f"{option}, for {path}", name, suffixes)
    source, target = (name and name.lower() for name in asked.values())
    if len(suffixes) == 2 and (source or target):
        other = next(suffix for suffix in suffixes if suffix != (source or target))
        source, target = source or other, target or other
    if not source or not target or source == target:
        raise BadInput(
            f"--data {path}: parallel files in {', '.join(suffixes)}. Say which is the input and which the output, "
            f"such as --text-column {suffixes[0]} --label-column {suffixes[-1] if len(suffixes) > 1 else 'OTHER'}."
        )
    return source, target


def _pair(source: Path, target: Path) -> list[Example]:
    left, right = files.read_lines(source), files.read_lines(target)
    if len(left) != len(right):
        raise BadInput(
            f"{source} has {len(left)} lines, and {target} has {len(right)}: line N of one must be the translation of "
            "line N of the other. Mend the files."
        )
    examples = []
    for number, (text, translation) in enumerate(zip(left, right, strict=True), 1):
        if bool(text.strip()) != bool(translation.strip()):
            empty, full = (target, source) if text.strip() else (source, target)
            raise BadInput(f"{empty}:{number}: the line is empty, and {full}:{number} is not. Mend or remove both.")
        if text.strip():
            examples.append(Example(text.strip(), translation.strip(), f"{source.name}:{number}"))
    return examples
