"""Parallel texts: line N of one file and line N of the other say the same in two languages.

Pairs of files of lines (train.en and train.de, europarl-v7.fr-en.en and europarl-v7.fr-en.fr, src-train.txt and
tgt-train.txt), of NIST's SGML (newstest2014-deen-src.de.sgm and newstest2014-deen-ref.en.sgm), those that the settings
of another suite name, one TMX file, or a table with a column per language.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from pipeline.errors import REASON, BadInput, list_names, shorten, unknown
from pipeline.example import Example, Splits
from pipeline.readers import aligned, files, settings
from pipeline.readers.aligned import SGML
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import records, tables
from pipeline.readers.tabular.sides import TEXT

# What says the side in the names of files that say no language: src-train.txt and tgt-train.txt, train.source.
SIDE = re.compile(r"(?<![^-_.])(src|tgt|trg)(?![^-_.])|(?<=\.)(source|target)$")
SIDES = ("src", "source", "tgt", "trg", "target")
# English is read and another language written, unless the user says otherwise: what most such files are made for.
FIRST = "en"


def read(request: Request, say: Say) -> Splits:
    """Return the pairs of a folder's parallel files, of two files, or of a table.

    The languages are the endings of the files' names; --text-column or --label-column says which is the input. Where
    neither does, English is, else the first by the alphabet, and it is said. A pair of empty lines is left out; one of
    which one is empty, too, and counted.
    Raises BadInput for files of unequal length, and where it is not clear which files belong together.
    """
    path = files.check_exists(request.path)
    if path.is_file() and _is_tmx(path):
        return {"train": _read_tmx(path, request, say)}
    if settings.is_settings(path):
        named = settings.read(request, say)
        return {split: [one for pair in named[split] for one in aligned.pair(*pair, request, say)] for split in named}
    pairs = _find_pairs(request, path, say)
    if not pairs:
        return tables.read_sides(request, say, (TEXT, TEXT))
    splits: Splits = {split: aligned.pair(*pairs[split], request, say) for split in files.WORDS if split in pairs}
    for split, examples in splits.items():
        same = sum(example.input == example.output for example in examples)
        if same > len(examples) / 2:
            names = " and ".join(str(file) for file in pairs[split])
            say(f"{names}: {same:,} of {len(examples):,} lines are the same in both; is one a copy of the other?")
    return splits


# Files of lines.


def _language(path: Path) -> str:
    """Return the language of a file by its name: the last part that is no ending of a format; "" for none."""
    parts = path.name.lower().split(".") if _is_lines(path) else [""]
    while len(parts) > 1 and f".{parts[-1]}" in (*files.OPENERS, *SGML, ".txt"):
        parts.pop()
    if len(parts) > 1 and re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", parts[-1]):
        return parts[-1]
    side = SIDE.search(".".join(parts))
    # One alone is a word like any other.
    return side[0] if side and _has_both_sides(path.parent) else ""


def _has_both_sides(folder: Path) -> bool:
    found = {side[0] for file in folder.iterdir() if _is_lines(file) and (side := SIDE.search(file.name.lower()))}
    return not found.isdisjoint(SIDES[:2]) and not found.isdisjoint(SIDES[2:])


def _stem(path: Path, language: str) -> str:
    """Return what the names of two parallel files have in common."""
    name = re.sub(rf"\.{re.escape(language)}(?=\.|$)", "", path.name.lower())
    if name == path.name.lower():
        return SIDE.sub("", name, count=1)
    return re.sub(r"-(src|ref)\b", "", name)


def _find_pairs(request: Request, path: Path, say: Say) -> dict[str, aligned.Pair]:
    """Return the input's and the output's file of each split; empty if there are no such files."""
    folder = path if path.is_dir() else path.parent
    given = {split: files.resolve(request, split) for split in request.files}
    listed = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.startswith(".") and _is_lines(file) and not files.NOT_DATA.match(file.name)
    ]
    known = {language for file in [*listed, *given.values()] if (language := _language(file))}
    if path.is_file() or given:
        # The languages of the files that are named, and of what stands beside them.
        chosen = [*given.values()] + ([path] if path.is_file() else [])
        if not all(_language(file) for file in chosen):
            return {}
        known = {_language(file) for file in chosen} | {
            _language(other) for file in chosen for other in _partners(file, file.parent)
        }
    else:
        trains = [file for file in listed if files.find_split(file.name) == "train" and _language(file)]
        known = {_language(file) for file in trains} or (known if _are_one_pair(listed) else set())
        if len(known) == 1 and not any("\t" in line for line in files.read_lines(trains[0], request.encoding)[:20]):
            raise BadInput(_explain_alone(trains[0], known))
    if len(known) < 2:
        _check_alone(path, given, known)
        return {}
    source, target = _choose_languages(path, sorted(known), request=request, say=say)
    found: dict[str, aligned.Pair] = {}
    if path.is_file():
        found["train"] = _complete(path, source, target)
    else:
        found |= _find_by_names(path, listed, source=source, target=target, request=request, say=say)
    return found | {split: _complete(file, source, target, split) for split, file in given.items()}


def _is_lines(file: Path) -> bool:
    return files.suffix(file) not in records.SUFFIXES and files.suffix(file) not in files.NOT_TEXT


def _partners(file: Path, folder: Path) -> list[Path]:
    """Return the files of other languages that have a file's name."""
    stem = _stem(file, _language(file))
    found = (other for other in folder.iterdir() if other != file and other.is_file() and _language(other))
    return [other for other in found if _stem(other, _language(other)) == stem]


def _are_one_pair(listed: list[Path]) -> bool:
    """Return whether the files with a language are two of one name, and none says a split."""
    named = [file for file in listed if _language(file)]
    return len(named) == 2 and named[1] in _partners(named[0], named[0].parent)


def _check_alone(path: Path, given: Mapping[str, Path], known: set[str]) -> None:
    if (path.is_file() or given) and known:
        raise BadInput(_explain_alone(next(iter(given.values()), path), known))


def _explain_alone(file: Path, known: set[str]) -> str:
    other = "de" if "de" not in known else "en"
    name = f"{file.name.removesuffix('.' + next(iter(known)))}.{other}"
    return (
        f"{file}: there is no file of another language beside it, such as {name}. Give the name of one file of a pair, "
        "or a table."
    )


def _find_by_names(
    path: Path, listed: list[Path], *, source: str, target: str, request: Request, say: Say
) -> dict[str, aligned.Pair]:
    """Return the pairs of a folder, by split; those whose split is named by an option are left out."""
    sources = [file for file in listed if _language(file) == source]
    if _are_one_pair(listed) and not files.find_split(sources[0].name):
        return {"train": _complete(sources[0], source, target)}
    found: dict[str, list[Path]] = {}
    for file in sources:
        split = files.find_split(file.name)
        if split and split not in request.files:
            found.setdefault(split, []).append(file)
    for split, claiming in sorted(found.items(), key=lambda pair: list(files.WORDS).index(pair[0])):
        if len(claiming) > 1:
            raise BadInput(
                f"--data {path}: {len(claiming)} pairs of files for the {split} split: "
                f"{list_names(file.name for file in claiming)}. Say which it is: --{split}-file {claiming[0].name} "
                f"(its {target} file is found by its name)"
            )
    if "train" not in found and "train" not in request.files:
        raise BadInput(
            f"--data {path}: no train file in this directory. Expected train.{source} beside train.{target}, or say "
            f"which it is: --train-file {sources[0].name if sources else 'FILE'}."
        )
    left = [file.name for file in sources if not files.find_split(file.name)]
    if left:
        say(f"{path}: left out, as no split is in their names: {list_names(left)}")
    files.tell_splits(path, found, say)
    return {split: _complete(claiming[0], source, target, split) for split, claiming in found.items()}


def _complete(file: Path, source: str, target: str, split: str = "train") -> aligned.Pair:
    """Return the input's and the output's file, of which one is given; BadInput if the other is not there.

    The outputs of the test, that of a competition say, need not be there, and are None then.
    """
    language = _language(file)
    wanted = target if language == source else source
    other = next((one for one in _partners(file, file.parent) if _language(one) == wanted), None)
    if other is None and split == "test" and language == source:
        return file, None
    if other is None:
        name, ending = file.name.lower(), rf"\.{re.escape(language)}(?=\.|$)"
        missing = re.sub(ending, f".{wanted}", name) if re.search(ending, name) else SIDE.sub(wanted, name, count=1)
        raise BadInput(f"{file}: there is no {missing} beside it; each split needs both files.")
    return (file, other) if language == source else (other, file)


def _choose_languages(path: Path, known: list[str], request: Request, say: Say) -> tuple[str, str]:
    """Return the languages of the input and of the output: as asked for; of two, one is enough to say, or none."""
    asked = {"--text-column": request.columns.given_input, "--label-column": request.columns.given_output}
    for option, name in asked.items():
        if name and not _match(name, known):
            raise unknown(f"{option}, for {path}", name, known)
    source, target = (name and _match(name, known) for name in asked.values())
    if len(known) == 2:
        if not source and not target:
            source = _match(FIRST, known) or known[0]
            other = next(name for name in known if name != source)
            first, second = shorten(str(source)), shorten(other)
            say(f"{path}: {first} is the input and {second} the output; --text-column {second} turns them round")
        other = next(name for name in known if name != (source or target))
        source, target = source or other, target or other
    if not source or not target or source == target:
        raise BadInput(
            f"--data {path}: parallel files in {list_names(known)}. Say which is the input and which the output, "
            f"such as --text-column {shorten(known[0])} --label-column {shorten(known[-1])}."
        )
    return source, target


def _match(name: str, known: list[str]) -> str | None:
    """Return the language of this name, or the only one of it in a region: "en-us" for "en"."""
    name = name.lower()
    regional = [language for language in known if re.split("[-_]", language)[0] == name]
    return name if name in known else regional[0] if len(regional) == 1 else None


# Translation memories.


def _is_tmx(path: Path) -> bool:
    return files.suffix(path) == ".tmx"


def _read_tmx(path: Path, request: Request, say: Say) -> list[Example]:
    """Return the units of a TMX file (Translation Memory eXchange 1.4) as pairs; BadInput if it is not well-formed."""
    try:
        root = ElementTree.fromstring(files.read_bytes(path))
    except ElementTree.ParseError as error:
        raise BadInput(f"{path}:{error.position[0]}: not well-formed XML ({error}); is the file whole?") from None
    # An encoding that it declares, and that there is not; or one of several bytes, which expat does not read.
    except (LookupError, ValueError) as error:
        raise BadInput(f"{path}:1: not XML that can be read ({shorten(str(error), REASON)})") from None
    units = []
    for unit in root.iter("tu"):
        texts: dict[str, str] = {}
        for variant in unit.iter("tuv"):
            language = variant.get("{http://www.w3.org/XML/1998/namespace}lang") or variant.get("lang") or ""
            segment = variant.find("seg")
            if segment is not None:
                texts.setdefault(language.lower(), " ".join("".join(segment.itertext()).split()))
        units.append(texts)
    known = sorted({language for texts in units for language in texts})
    if len(known) < 2:
        raise BadInput(f"{path}: units in two languages are expected; found {list_names(known) or 'none'}.")
    source, target = _choose_languages(path, known, request=request, say=say)
    examples: list[Example] = []
    faults = Faults(path, request.strict)
    for number, texts in enumerate(units, 1):
        with faults.row(number):
            if not texts.get(source) or not texts.get(target):
                raise BadRow(f"no text in {shorten(source)} or in {shorten(target)}", missing=True)
            examples.append(Example(texts[source], texts[target], f"{path.name}:{number}"))
    faults.conclude(len(examples), say, "unit")
    return examples
