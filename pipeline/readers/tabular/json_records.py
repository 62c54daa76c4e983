"""JSON of the user's as rows: one object per line, an array of objects, or an object that holds them.

{"text": ..., "label": ...}                  per line, or one after the other
[{"text": ..., "label": ...}, ...]
{"data": [{"text": ..., ...}, ...]}          whatever the key
{"train": [...], "test": [...]}              a list per split
{"text": {"0": ..., "1": ...}, "label": ...} per column, as pandas writes it; or a list per column
{"0": {"text": ..., "label": ...}, ...}      per row (orient="index")
{"columns": ["text", "label"], "data": [[..., ...], ...]}     orient="split"
{"images": [{"id": ...}, ...], "annotations": [{"image_id": ..., "caption": ...}, ...]}     COCO
{"images": [{"filename": ..., "split": ..., "sentences": [{"raw": ...}, ...]}, ...]}        Karpathy's divisions
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

from pipeline.errors import BadInput, list_names
from pipeline.readers import files
from pipeline.readers.faults import BadRow
from pipeline.readers.tabular.values import short
from pipeline.record import Json

# The line, or the number of the row where there are no lines, and an object or what is wrong with it.
JsonObject = dict[str, Json]
Rows = list[tuple[int, JsonObject | BadRow]]


def read(path: Path, text: str) -> dict[str, Rows]:
    """Return the rows of a JSON file, under the name "", or those of each split that it names.

    Raises BadInput if it holds no list of objects, or if none of its lines is an object.
    """
    start = len(text) - len(text.lstrip())
    if text[start] == "[":
        return {"": list(_walk(path, text, start + 1))}
    lines = read_lines(text)
    good = [row for _, row in lines if isinstance(row, dict)]
    if len(good) == 1 == len(lines) or not good:
        try:
            document = parse(text)
        except (ValueError, RecursionError) as error:
            return {"": _read_objects(path, text, start, error=error, lines=lines)}
        if document and isinstance(document, dict):
            return _open_document(path, document)
    return {"": lines}


def parse(text: str) -> Json:
    """Return what JSON holds; ValueError or RecursionError if it is none, or for an object with one key twice."""
    return json.loads(text, object_pairs_hook=_make_object)


def _make_object(pairs: list[tuple[str, Json]]) -> JsonObject:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((again, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {again!r:.60} stands in an object twice")
    return made


def read_lines(text: str) -> Rows:
    """Return what is in the lines of a text, blank ones left out."""
    return list(parse_lines(text.split("\n")))


def parse_lines(lines: Iterable[str]) -> Iterator[tuple[int, JsonObject | BadRow]]:
    """Yield what is in lines, blank ones left out."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            row = BadRow("not JSON", f"not JSON: {reason}. One object per line is expected: {short(line.strip())}.")
        else:
            if not isinstance(row, dict) or not row:
                row = BadRow("no object", f"{short(row)} where an object with keys is expected, one per line.")
        yield number, row


def _walk(path: Path, text: str, place: int) -> Iterator[tuple[int, JsonObject | BadRow]]:
    """Yield the elements of an array whose first begins at or after `place`, or objects one after the other."""
    decoder = json.JSONDecoder(object_pairs_hook=_make_object)
    line, counted, found = 1, 0, False
    while True:
        while text[place : place + 1] in (" ", "\t", "\n", "\r", ","):
            place += 1
        line, counted = line + text.count("\n", counted, place), place
        if place >= len(text) or text[place] == "]":
            break
        try:
            row, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            at = text.count("\n", 0, getattr(error, "pos", place)) + 1
            raise BadInput(f"{path}:{at}: not JSON: {getattr(error, 'msg', error)}.") from None
        found = True
        if not isinstance(row, dict) or not row:
            row = BadRow("no object", f"{short(row)} where an object with keys is expected.")
        yield line, row
    if not found:
        raise BadInput(f"{path}:1: an empty array; objects are expected in it.")


def _read_objects(path: Path, text: str, start: int, *, error: Exception, lines: Rows) -> Rows:
    """Return objects that stand one after the other, each on several lines; BadInput if they are not."""
    first = lines[0][1]
    try:
        rows = list(_walk(path, text, start))
    except BadInput:
        rows = []
    if any(isinstance(row, dict) for _, row in rows):
        return rows
    raise BadInput(f"{path}:{lines[0][0]}: {first if isinstance(first, BadRow) else error}")


def _open_document(path: Path, document: JsonObject) -> dict[str, Rows]:
    images, annotations = document.get("images"), document.get("annotations")
    if _holds_objects(images) and _holds_objects(annotations):
        # A list or an object in the place of an id is none.
        known = {image["id"]: image for image in images if isinstance(image.get("id"), str | int | float)}
        joined = [
            {**known.get(number, {}), **one} if isinstance(number := one.get("image_id"), str | int | float) else one
            for one in annotations
        ]
        return {"": list(enumerate(joined, 1))}
    if _holds_objects(images) and all(isinstance(image.get("sentences"), list) for image in images):
        return {"": list(enumerate(_list_sentences(images), 1))}
    lists = {key: value for key, value in document.items() if _holds_objects(value)}
    splits = {key: files.find_split(key) for key in lists}
    if lists and all(splits.values()):
        return {str(splits[key]): list(enumerate(rows, 1)) for key, rows in lists.items()}
    if len(lists) == 1:
        return {"": list(enumerate(next(iter(lists.values())), 1))}
    if "columns" in document and "data" in document and (divided := _join_split(path, document)):
        return {"": divided}
    if _is_by_row(document):
        return {"": list(enumerate(document.values(), 1))}  # type: ignore[arg-type]
    columns = {key: list(value.values()) if isinstance(value, dict) else value for key, value in document.items()}
    lengths = {len(value) if isinstance(value, list) else -1 for value in columns.values()}
    if not lists and len(columns) > 1 and len(lengths) == 1 and min(lengths) > 1:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return {"": list(enumerate(rows, 1))}
    if lists:
        raise BadInput(f"{path}: several lists of objects in this JSON object: {list_names(lists)}; keep one of them.")
    return {"": [(1, document)]}


def _join_split(path: Path, document: JsonObject) -> Rows:
    """Return the rows of what pandas writes with orient="split"; none if it is something else."""
    names, data = document["columns"], document["data"]
    if not (isinstance(names, list) and names and isinstance(data, list) and data):
        return []
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise BadInput(f"{path}: its columns are {short(names)}; names are expected, all of them different.")
    rows: Rows = []
    for number, row in enumerate(data, 1):
        if isinstance(row, list) and len(row) == len(names):
            rows.append((number, dict(zip(names, row, strict=True))))
        else:
            message = f"{short(row)} where a list of {len(names)} values is expected, one per column."
            rows.append((number, BadRow("no list of a value per column", message)))
    return rows


def _is_by_row(document: JsonObject) -> bool:
    """Tell whether an object of objects has one of them per row: their keys are names, and the same in all of them.

    Else it has one of them per column, and their keys count the rows.
    """
    inner = [tuple(value) for value in document.values() if isinstance(value, dict)]
    if len(inner) < max(2, len(document)) or len(set(inner)) > 1 or not inner[0]:
        return False
    counted = all(key.isdecimal() for key in inner[0])
    return not counted and (len(inner) > len(inner[0]) or all(key.isdecimal() for key in document))


def _list_sentences(images: list[JsonObject]) -> list[JsonObject]:
    """Return one row per sentence of an image. COCO's "restval" is trained on, as by those who made the division."""
    rows = []
    for image in images:
        split = "train" if image.get("split") == "restval" else image.get("split")
        for sentence in image["sentences"]:
            written = sentence.get("raw") if isinstance(sentence, dict) else sentence
            rows.append({"file_name": image.get("filename"), "caption": written, "split": split})
    return rows


def _holds_objects(value: Json) -> TypeGuard[list[JsonObject]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and row for row in value)
