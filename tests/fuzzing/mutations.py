"""Mutations: changes of the bytes of a file, as accidents, other programs and strangers make them."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Random: TypeAlias = np.random.Generator
Files: TypeAlias = dict[str, bytes]

# What means something to one of the formats, or is none of the characters that programs expect.
MARKS = [
    *(mark.encode("utf-8", "surrogatepass") for mark in (
        "\0", "\ufeff", "\ud800", "\udcff", "\u2028", "\u2029", "\x85", "\x1c", "\x1e", "\x0b", "\x0c", "\x1b[31m",
        "\u202e", "\u200d", "\u0301", "İ", "ß", "ﬁ", "🏳️‍🌈", "\U0010ffff", "\u00a0", "\u3000", "日本語", "١٢٣", "²",
        "\r", "\n", "\r\n", "\n\n", "\n\n\n", "\t", " ", ",", ";", "|", "::", " ||| ", "|||", '"', '""', "'", "\\",
        "\\n", "\\\"", "=", ":", "#", "/", "_", "<", ">", "&", "&amp;", "&#0;", "&#xD800;", "]]>", "<![CDATA[", "<!--",
        "{", "}", "[", "]", "()", "%", "$", "*", "+", "?", "(?", "@", "@data", "@attribute x numeric\n", "?,?,?",
        "NaN", "nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e-400", "0x10", "1_0", "-0", "00", "+1", "1.",
        ".5", "1,5", "4/5", "4/0", "0/0", "None", "null", "true", "false", "NA", "9" * 19, "9" * 400, "9" * 5000,
        "2026-13-45", "0000-00-00", "9999-12-31T23:59:59", "1e18", "-99999999999999999", "24:61",
        "__label__", "-DOCSTART- -X- O O\n", "# sent_id = 1\n", "1-2\t", "1.1\t", "B-", "I-PER", "O", "S ", "A 0 9|||",
        "<seg>", "</seg>", "<seg id='1'>", "<tuv xml:lang='xx'>", "<unk>", " = = ", "<!DOCTYPE html>", "PK\x03\x04",
        "version https://git-lfs.github.com/", "sep=;\n", "../../../../etc/passwd", "/dev/zero", "/proc/self/mem", "-",
        "~", "http://127.0.0.1/x", "CON", "a" * 300, "a/" * 300, "\n" * 50, "data:",
        "- &a [*a]", "<<: *x", "!!python/x",
    )),
    b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xff\xfe\0\0", b"\xc0\x80", b"\xf8", b"\x80", b"\x1f\x8b", b"BZh9", b"PAR1",
    b"\x93NUMPY", b"\x89PNG\r\n\x1a\n", b"RIFF", b"fLaC", b"\xff\xd8\xff",
]  # fmt: skip
# JSON of any kind, to take the place of another.
VALUES = (
    "null", "true", "false", "0", "-1", "7", "1.5", "1e400", "-1e400", "NaN", "-Infinity", '""', '"x"', '" "',
    '"\\ud800"',     '"\\u0000"', '"8"', '"NaN"', "[]", "{}", "[1]", "[[]]", '[["a"]]', '{"a": 1}',
    '{"": ""}', "[null]", "1" * 5000,
    "9" * 19, "[" * 60 + "]" * 60, "[" * 5000, '{"a":' * 3000, '"' + "x" * 100_000 + '"', '["a", 1, null]', '[1, "a"]',
    '"../../etc/passwd"', '"/dev/zero"', '{"bytes": "AAAA", "path": "x"}', '{"path": "/etc/passwd"}', '[["B-", "O"]]',
)  # fmt: skip
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
PACKERS: dict[str, tuple[Callable, Callable]] = {
    ".gz": (gzip.decompress, lambda content: gzip.compress(content, mtime=0)),
    ".bz2": (bz2.decompress, bz2.compress),
    ".xz": (lzma.decompress, lzma.compress),
}
# Bytes of a file beyond which it is not made larger: what is slow because it is large is no fault.
MOST = 400_000


def _place(content: bytes, random: Random) -> int:
    # As often in the head of a file, where formats say what follows.
    most = len(content) if random.random() < 0.6 else min(len(content), 64)
    return int(random.integers(most + 1))


def _span(content: bytes, random: Random) -> tuple[int, int]:
    start = _place(content, random)
    return start, min(len(content), start + int(random.geometric(0.02)))


def _pick(choices: Sequence[Any], random: Random) -> Any:
    return choices[int(random.integers(len(choices)))]


def flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 5)) if changed else 0):
        place = min(_place(content, random), len(changed) - 1)
        changed[place] = (
            changed[place] ^ (1 << int(random.integers(8))) if random.random() < 0.5 else random.integers(256)
        )
    return bytes(changed)


def insert(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random) if random.random() < 0.3 else (_place(content, random),) * 2
    return content[:start] + _pick(MARKS, random) + content[end:]


def cut(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return (content[:start], content[start:], content[:start] + content[end:])[int(random.integers(3))]


def double(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    times = int(_pick((1, 1, 2, 30, 1000), random))
    times = max(1, min(times, MOST // max(1, end - start)))
    return content[:end] + content[start:end] * times + content[end:]


def change_lines(content: bytes, random: Random) -> bytes:
    """Leave a line out, have it twice or often, empty it, or put it elsewhere; the header too."""
    lines = content.splitlines(keepends=True) or [b""]
    place = 0 if random.random() < 0.3 else int(random.integers(len(lines)))
    line, other = lines[place], int(random.integers(len(lines)))
    deed = int(random.integers(6))
    if deed == 0:
        del lines[place]
    elif deed == 1:
        lines[place:place] = [line] * min(int(_pick((1, 1, 5, 500), random)), 1 + MOST // (len(line) + 1))
    elif deed == 2:
        lines[place] = b"\n"
    elif deed == 3:
        lines.insert(other, lines.pop(place))
    elif deed == 4:
        lines.insert(other, line)
    else:
        lines[place] = line.rstrip(b"\r\n")
    return b"".join(lines)


def change_columns(content: bytes, random: Random) -> bytes:
    """Leave a column out in all rows, or in one; have it twice; or put other marks between the columns."""
    mark = _pick((b",", b"\t", b" ", b"|", b";", b"\t", b","), random)
    lines = content.split(b"\n")
    if random.random() < 0.2:
        return content.replace(mark, _pick((b",", b"\t", b";", b"|", b"::", b" ||| ", b" ", b""), random))
    width = max(line.count(mark) for line in lines) + 1
    column, deed = int(random.integers(width)), int(random.integers(4))
    rows = set(range(len(lines))) if random.random() < 0.7 else {int(random.integers(len(lines)))}
    filling = _pick((b"", b" ", b"1", b"x", _pick(MARKS, random)), random)
    for number in rows:
        cells = lines[number].split(mark)
        if column >= len(cells) or not lines[number]:
            continue
        if deed == 0:
            del cells[column]
        elif deed == 1:
            cells.insert(column, cells[column])
        elif deed == 2:
            cells[column] = filling
        else:
            cells.insert(0, cells.pop(column))
        lines[number] = mark.join(cells)
    return b"\n".join(lines)[: 2 * MOST]


def change_number(content: bytes, random: Random) -> bytes:
    found = list(NUMBER.finditer(content))
    if not found:
        return insert(content, random)
    match = _pick(found, random)
    value = _pick(
        (b"0", b"-1", b"1e400", b"NaN", b"inf", b"9" * 19, b"9" * 400, b"2147483648", b"1.5", b"", b"1e9"), random
    )
    return content[: match.start()] + value + content[match.end() :]


def change_integer(content: bytes, random: Random) -> bytes:
    """Put an extreme number of 1, 2 or 4 bytes, of either order, in the place of others: a size in a head, say."""
    size = int(_pick((1, 2, 4, 4, 8), random))
    number = int(_pick(EXTREMES, random)) & (256**size - 1)
    start = _place(content, random)
    order: Any = _pick(("little", "big"), random)
    return content[:start] + number.to_bytes(size, order) + content[start + size :]


def encode(content: bytes, random: Random) -> bytes:
    """Write the text in another encoding, or with other ends of its lines."""
    text = content.decode("utf-8", "surrogateescape")
    ends = _pick(("\r\n", "\r", "\r\r\n", "\n\r", "\u2028", "\n"), random)
    if ends != "\n":
        half = text if random.random() < 0.6 else text[: len(text) // 2]
        text = half.replace("\n", ends) + text[len(half) :]
    encoding = _pick(
        ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7"), random
    )
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")


def repeat(content: bytes, random: Random) -> bytes:
    return content * max(1, min(int(_pick((2, 3, 20), random)), MOST // (len(content) + 1)))


def empty(content: bytes, random: Random) -> bytes:
    return bytes(
        _pick((b"", b"\n", b" ", b"\n" * 100, b"\0" * 100, b"\t\n,\n", b"\xff\xfe", "\ufeff".encode(), b"{}"), random)
    )


def lengthen(content: bytes, random: Random) -> bytes:
    """Make one word, line or nesting very long."""
    start = _place(content, random)
    piece = _pick(
        (
            b"x" * 100_000,
            b"word " * 40_000,
            b"[" * 100_000,
            b'{"a":' * 20_000,
            b'"' * 9999,
            b"<a>" * 20_000,
            b"((" * 30_000,
            "é".encode() * 50_000,
            b"9" * 100_000,
            b"a," * 50_000,
            b"- " * 20_000,
            b"\t" * 50_000,
        ),
        random,
    )
    return content[:start] + piece + content[start:]


def change_json(content: bytes, random: Random) -> bytes:
    """Change a value or a key of JSON, on one of its lines or the whole of it; any other file as `insert`."""
    lines = content.split(b"\n")
    place = int(random.integers(len(lines)))
    for whole in (False, True):
        try:
            root = json.loads(content if whole else lines[place])
        except (ValueError, RecursionError):
            continue
        if isinstance(root, (dict, list)) and root:
            written = _change_value(root, random).encode("utf-8", "surrogatepass")
            return written if whole else b"\n".join([*lines[:place], written, *lines[place + 1 :]])
    return insert(content, random)


def list_holders(root: Any) -> list[Any]:
    """Return the objects and lists of a JSON value that hold something, it among them."""
    holders: list[Any] = []

    def look(value: Any) -> None:
        if isinstance(value, (dict, list)) and value:
            holders.append(value)
            for part in value.values() if isinstance(value, dict) else value:
                look(part)

    look(root)
    return holders


def _change_value(root: Any, random: Random) -> str:
    holder = _pick(list_holders(root), random)
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key, strange = _pick(keys, random), str(_pick(VALUES, random))
    deed = int(random.integers(5))
    if deed == 0:
        del holder[key]
    elif deed == 1 and isinstance(holder, dict):
        holder["<new>"] = "<new>"
        again = json.dumps(str(_pick([key, "new", "", "a.b"], random)))
        return json.dumps(root).replace('"<new>": "<new>"', f"{again}: {strange}")
    else:
        holder[key] = "<new>"
    return json.dumps(root, indent=_pick((None, 1), random)).replace('"<new>"', strange)


BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip, flip, insert, insert, insert, cut, cut, double, change_lines, change_lines, change_columns, change_columns,
    change_number, change_integer, encode, repeat, empty, lengthen, change_json, change_json,
)  # fmt: skip
# What binary formats are changed by.
BINARY: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip,
    flip,
    flip,
    change_integer,
    change_integer,
    cut,
    cut,
    double,
    insert,
    empty,
)


def change_bytes(name: str, content: bytes, random: Random) -> bytes:
    """Return the content of a file, changed once to three times; of a packed file mostly what is packed."""
    ending = next((ending for ending in PACKERS if name.endswith(ending)), None)
    # One that was damaged before may raise anything; it is changed as any other file then.
    if ending and not name.endswith((".tar.gz", ".tgz")) and random.random() < 0.6:
        unpack, pack = PACKERS[ending]
        with contextlib.suppress(Exception):
            return pack(change_bytes(name.removesuffix(ending), unpack(content), random))
    if name.endswith(".zip") and random.random() < 0.7:
        with contextlib.suppress(Exception):
            return _change_zip(content, random)
    if name.endswith((".tar", ".tar.gz", ".tgz")) and random.random() < 0.7:
        with contextlib.suppress(Exception):
            return _change_tar(content, random)
    if name.endswith(".parquet") and random.random() < 0.5:
        return write_strange_parquet(random)
    if name.endswith(".npy") and random.random() < 0.5:
        return write_strange_array(random)
    text = b"\0" not in content[:4000]
    for _ in range(int(random.integers(1, 4))):
        content = _pick(BYTES if text else BINARY, random)(content, random)
    return content


def _change_zip(content: bytes, random: Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = _change_members(members, random)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in members.items():
            archive.writestr(zipfile.ZipInfo(name or "x"), inside)
    return file.getvalue()


def _change_tar(content: bytes, random: Random) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}  # type: ignore[union-attr]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, inside in _change_members(members, random).items():
            info = tarfile.TarInfo(name or "x")
            info.size = len(inside)
            info.type = _pick(
                (tarfile.REGTYPE,) * 6 + (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE), random
            )
            info.linkname = _pick(("../../etc/passwd", "/etc/passwd", "x"), random)
            archive.addfile(info, io.BytesIO(inside))
    return file.getvalue()


def _change_members(members: Files, random: Random) -> Files:
    if not members:
        return {"x": b"x"}
    name = _pick(list(members), random)
    deed = int(random.integers(3))
    if deed == 0:
        return members | {name: change_bytes(name, members[name], random)}
    if deed == 1:
        return {one: inside for one, inside in members.items() if one != name}
    new = _pick(
        (
            "../x",
            "/tmp/x",
            "a/../../x",
            "x" * 300,
            "",
            "train",
            "a\\b",
            "~",
            ".hidden",
            "é",
            "\ud800",
            "con",
            "a//b",
            ".",
        ),
        random,
    )
    return members | {new.encode("utf-8", "replace").decode(): members[name]}


def write_strange_parquet(random: Random) -> bytes:
    """Return a table whose columns have the usual names, and any of the types that Parquet knows."""
    import datetime
    import decimal

    import pyarrow
    from pyarrow import parquet

    count = 8
    day = datetime.datetime(2026, 1, 1)
    kinds: list[Callable[[int], Any]] = [
        lambda row: f"a text of {row}",
        lambda row: row % 2,
        lambda row: row / 2,
        lambda row: None,
        lambda row: b"\xff\0",
        lambda row: decimal.Decimal(row),
        lambda row: day + datetime.timedelta(hours=row),
        lambda row: day.date(),
        lambda row: datetime.timedelta(seconds=row),
        lambda row: ["a", "b"],
        lambda row: ["B-PER", "O"],
        lambda row: [],
        lambda row: [row, None],
        lambda row: {"en": "a", "de": str(row)},
        lambda row: [{"a": [row]}],
        lambda row: "",
        lambda row: float("nan"),
        lambda row: float("inf"),
        lambda row: 2**63 - 1,
        lambda row: row % 2 == 0,
        lambda row: [1.5, 2],
        lambda row: {"bytes": b"RIFF", "path": "x.wav"},
        lambda row: "pos" if row % 2 else "neg",
        lambda row: ["a" * 99999],
    ]
    names = (
        "text",
        "label",
        "tokens",
        "ner_tags",
        "upos",
        "source",
        "target",
        "time",
        "value",
        "image",
        "caption",
        "audio",
        "rating",
    )
    chosen = [str(name) for name in random.permutation(names)[: int(random.integers(1, 6))]]
    columns = {name: pyarrow.array([_pick(kinds, random)(row) for row in range(1)] * count) for name in chosen}
    if random.random() < 0.7:
        for name in chosen:
            kind = _pick(kinds, random)
            columns[name] = pyarrow.array([kind(row) for row in range(count)])
            if random.random() < 0.2 and not pyarrow.types.is_nested(columns[name].type):
                columns[name] = columns[name].dictionary_encode()
    made = pyarrow.table(columns)
    if random.random() < 0.3:
        features: Mapping[str, Any] = {name: {"names": ["a", 1, None], "_type": "ClassLabel"} for name in chosen}
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    try:
        parquet.write_table(made, file)
    # A type that is not kept, such as an empty struct.
    except pyarrow.ArrowException:
        return b"PAR1"
    return file.getvalue()


def write_strange_array(random: Random) -> bytes:
    """Return a NumPy file of any shape and type."""
    shape = _pick(((), (0,), (5,), (5, 2), (2, 3, 4), (1, 0), (1, 1), (3, 1), (2, 5)), random)
    kind = _pick(
        ("f2", "f4", "f8", "i1", "u8", ">f4", "c8", "U3", "S2", "M8[s]", "m8[s]", "?", [("a", "f4")], "V3"), random
    )
    made = np.zeros(shape, kind)
    if made.dtype.kind == "f" and made.size:
        made.flat[0] = _pick((np.nan, np.inf, -np.inf, 6e4, 1.5), random)
    file = io.BytesIO()
    np.save(file, made, allow_pickle=False)
    return file.getvalue()


def mutate(whole: Files, random: Random) -> Files:
    """Return the files of a start with one of them changed, two, or one missing, or under another's name."""
    found = dict(whole)
    for _ in range(1 if random.random() < 0.8 else 2):
        name = _pick(list(found), random)
        deed = random.random()
        if deed < 0.88:
            found[name] = change_bytes(name, found[name], random)
        elif deed < 0.92 and len(found) > 1:
            del found[name]
        elif deed < 0.96 and len(found) > 1:
            found[name] = found[_pick(list(found), random)]
        else:
            other = _pick(
                (".txt", ".csv", ".json", ".jsonl", ".tsv", ".parquet", ".gz", ".zip", ".npy", ".xml", ".yml", ""),
                random,
            )
            found[f"{name.rpartition('.')[0] or name}{other}"] = found.pop(name)
    return found
