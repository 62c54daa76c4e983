"""Files that are not what they should be, of every task: one message that says what and where, or what is good in them.

A wrong delimiter, a wrong encoding, a header that stands twice, a file cut short, empty columns, one column, none.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from tests.pipeline.readers.test_other_suites import load, refuse

TEXTS = [(f"a film, number {number}, of many", "pos" if number % 2 else "neg") for number in range(20)]
ENGLISH = [f"a dog, saw {number} cats" for number in range(20)]
GERMAN = [f"ein Hund sah {number} Katzen" for number in range(20)]
CSV = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in TEXTS)
TSV = "".join(f"{one}\t{two}\n" for one, two in zip(ENGLISH, GERMAN, strict=True))
CONLL = "Ann B-PER\nmet O\nBob B-PER\n\n" * 10
RATED = "text,rating\n" + "".join(f'"{text}",{number % 5}\n' for number, (text, _) in enumerate(TEXTS))
KAGGLE = "Sentence #,Word,POS,Tag\n" + "".join(f"Sentence: {n},Ann,NNP,B-per\n,met,VBD,O\n" for n in range(6))
NUMBERS = "id,value\n" + "".join(f"{number},{number * number}\n" for number in range(20))
PAGE = "<!DOCTYPE html>\n<html><body>\n<p>Please log in</p>\n</body></html>\n"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 12345\n"
TAGGED = '{"tokens": ["Ann", "met", "Bob"], "ner_tags": ["B-PER", "O", "B-PER"]}\n' * 9
LISTS = "tokens,tags\n" + "\"['Ann', 'met']\",\"['B-PER', 'O']\"\n" * 9
# One text of more characters than those from which the marks between columns are found, on the first line.
LONG = f'"{"word " * 50_000}",pos\n' + CSV.partition("\n")[2]
# A number of more digits than Python reads.
DIGITS = "9" * 5000
COUNTED = "3\tAnn\tmet\tBob\t1\t0\t1\n"
TUV = "".join(f'<tuv xml:lang="{one * 50_000}"><seg>a</seg></tuv>' for one in "abc")
TMX = f"<tmx><body><tu>{TUV}</tu></body></tmx>"
OBJECTS = [{"text": text, "label": label} for text, label in TEXTS]


def damage(content: bytes) -> bytes:
    """Return packed content with some bits turned over in its middle; its head and its end are whole."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 8]) + content[middle + 8 :]


def name(value: object) -> str:
    """Return the part of a test's name: the task, the file."""
    return value if isinstance(value, str) and len(value) < 20 and "\n" not in value else ""


# The task, the name of a file and what is in it, and what the message says.
REFUSED = [
    ("sentiment", "utf16.csv", CSV.encode("utf-16-le"), "a binary file"),
    ("sentiment", "latin.csv", CSV.replace("film", "filmé").encode("latin-1"), r":2: not UTF-8: .*--encoding cp1252"),
    ("sentiment", "labels.csv", CSV.replace("pos", "").replace("neg", ""), r":2: the label is missing"),
    ("sentiment", "texts.csv", "text,label\n" + ",pos\n,neg\n" * 9, r":2: the text is empty"),
    ("sentiment", "one.csv", "text\n" + "".join(f'"{text}"\n' for text, _ in TEXTS), "Found: 'text'. Say which"),
    # Each line has a comma in the same place, which divides no columns.
    ("sentiment", "prose.txt", "".join(f"{text}\n" for text, _ in TEXTS), "its 1 columns have no names"),
    ("sentiment", "blanks.csv", CSV.replace('"', "").replace(",", " "), "Found: 'text label'"),
    ("sentiment", "mixed.csv", CSV.replace('",', '";'), r":2: the row that starts here is not valid CSV"),
    ("sentiment", "index.csv", "label,text\n" + "0,pos,a film\n1,neg,a play\n" * 9, r":2: 3 columns where"),
    ("sentiment", "page.csv", PAGE, "a page of the web .HTML., not data"),
    ("sentiment", "pointer.csv", POINTER, "a pointer of Git LFS, .* git lfs pull"),
    ("sentiment", "sheet.csv", b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)), "a binary file"),
    ("sentiment", "cut.json", json.dumps(OBJECTS)[:-30], r"cut\.json:1: not JSON"),
    ("sentiment", "python.jsonl", "".join(f"{row}\n" for row in OBJECTS), r":1: not JSON: .*double quotes"),
    ("sentiment", "lists.jsonl", "".join(f"{json.dumps([a, b])}\n" for a, b in TEXTS), "where an object with keys"),
    ("sentiment", "several.jsonl", '{"text": "a", "label": ["x", "y"]}\n', r":1: the label is \['x', 'y'\]"),
    ("sentiment", "cut.csv.gz", gzip.compress(CSV.encode())[:-20], "cannot be read: Compressed file ended"),
    ("sentiment", "bent.csv.gz", damage(gzip.compress(CSV.encode(), mtime=0)), r"cannot be read: Error -3 while"),
    ("sentiment", "cut.parquet", b"PAR1" + b"\0" * 50, "no Parquet file that can be read"),
    ("sentiment", "labels.ft.txt", "__label__pos\n" * 9, r":1: the text is empty"),
    ("sentiment", "sep.csv", "sep=;\n", r":1: no row after sep="),
    ("rating", "words.csv", "text,rating\n" + "a b,good\nc d,bad\n" * 9, r":2: the label is 'good', which is not a"),
    ("rating", "decimal.csv", "text;rating\n" + "a b;4,5\nc d;3,5\n" * 9, r":2: the label is '4,5', which is not a"),
    ("novel", "numbers.csv", NUMBERS, "Found: 'id', 'value'"),
    ("novel", "pointer.txt", POINTER, "a pointer of Git LFS"),
    ("novel", "latin.txt", "café\n".encode("latin-1") * 9, r":1: not UTF-8"),
    ("translation", "one.tsv", "".join(f"{text}\n" for text in ENGLISH), "its 1 columns have no names"),
    ("translation", "empty.tsv", "source\ttarget\n" + "a dog\t\na cat\t\n" * 9, r":2: the text is empty"),
    ("translation", "page.txt", PAGE, "a page of the web"),
    ("translation", "code.tmx", '<?xml version="1.0" encoding="UTF-81"?>\n<tmx/>', r":1: not XML .*unknown"),
    ("translation", "code.tmx", '<?xml version="1.0" encoding="gbk"?>\n<tmx/>', r":1: not XML .*multi"),
    ("ner", "long.conll", f"a B-X\nb {'y' * 9999}\n\n" * 9, r"y… is not a span tag|yyy…. is not a span tag"),
    ("translation", "cut.tmx", '<tmx><body><tu><tuv xml:lang="en"><seg>a', "not well-formed XML"),
    ("ner", "commas.conll", CONLL.replace(" ", ","), r":1: one column where at least two are expected"),
    ("ner", "tokens.conll", "Ann\nmet\n\n" * 9, r":1: one column where at least two are expected"),
    ("ner", "swapped.conll", "B-PER Ann\nO met\n\n" * 9, r":1: 'Ann' is not a span tag"),
    ("ner", "numbers.conll", CONLL.replace("B-PER", "1").replace(" O", " 0"), r":1: '1' is not a span tag"),
    ("ner", "token.jsonl", TAGGED.replace("Bob", " "), r":1: .'Ann', 'met', ' '. has an empty token"),
    ("ner", "token.csv", LISTS.replace("met", ""), r":2: .'Ann', ''. has an empty token"),
    ("ner", "tag.jsonl", TAGGED.replace("O", ""), r":1: .'B-PER', '', 'B-PER'. has an empty tag"),
    ("ner", "half.jsonl", TAGGED.replace("Bob", "\\ud800"), r":1: half of a surrogate pair in "),
    ("ner", "page.conll", PAGE, "a page of the web"),
    ("ner", "offsets.jsonl", '{"text": "Ann met", "entities": [[0, 3, "PER"]]}\n' * 9, "Found: 'text', 'entities'"),
    ("ner", "empty.csv", KAGGLE.replace("B-per", "").replace(",O\n", ",\n"), r":2: the tag of 'Ann' is empty"),
    ("ner", "header.csv", "Sentence #,Word,POS,Tag\n", "no row after the header"),
    ("ner", "binary.conll", b"Ann\0 B-PER\n", "a binary file"),
    # A text of lines of equal length, without any tags; and the columns the other way round.
    ("pos", "text.txt", "".join(f"w{n} saw v{n}\n" for n in range(50)), "column 3 holds no tags"),
    ("pos", "swapped.conll", "".join(f"{'ND'[n % 2]} w{n % 45}\n\n" for n in range(99)), "45 different tags and 2 "),
    ("pos", "cut.conllu", "1\tAnn\t_\tX\t_\t_\t0\t_\t_\t_\n2\tmet\t_\n", r":2: 3 columns where the first row"),
]  # fmt: skip


@pytest.mark.parametrize("task, file, content, match", REFUSED, ids=name)
def test_what_cannot_be_read_is_refused_in_one_message(
    task: str, file: str, content: str | bytes, match: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    refuse(task, tmp_path / file, match)


# Likewise, how many examples are kept, and what is said.
KEPT = [
    ("sentiment", "header.csv", "text,label\n" + CSV, 20, "1 of 21 rows left out: the header once more (line 2)"),
    ("sentiment", "joined.csv", CSV * 2, 40, "the header once more (line 22)"),
    ("sentiment", "cut.csv", CSV[:-20], 19, "1 of 20 rows left out: not valid CSV (line 21)"),
    ("sentiment", "tabs.csv", "text\tlabel\n" + "a, b\tpos\nc, d\tneg\n" * 9, 18, "TABs stand between its columns"),
    ("sentiment", "commas.jsonl", "".join(f"{json.dumps(row)},\n" for row in OBJECTS), 20, ""),
    ("sentiment", "ends.csv", CSV.replace("\n", "\r\n", 5), 20, ""),
    ("sentiment", "marks.csv", "\ufeff\ufeff" + CSV, 20, ""),
    ("sentiment", "long.csv", LONG, 21, ""),
    ("rating", "infinite.csv", RATED.replace(",0\n", ",inf\n"), 16, "4 of 20 rows left out: the label is not a number"),
    ("ner", "digits.txt", COUNTED * 9 + f"1\tAnn\t{DIGITS}\n", 9, "a number that is no tag (line 10)"),
    ("novel", "header.csv", "name,gender\nname,gender\nann,f\nbob,m\n", 2, "the header once more"),
    ("translation", "header.tsv", "source\ttarget\n" * 2 + TSV, 20, "the header once more"),
    # Each English text has a comma, by which all rows could be divided, the last too.
    ("translation", "cut.tsv", TSV[:-24], 19, "1 of 20 rows left out: 1 column in place of 2 (line 20)"),
    ("translation", "semicolons.tsv", TSV.replace("\t", ";"), 20, "semicolons stand between its columns, not TABs"),
    ("translation", "bars.txt", TSV.replace("\t", " ||| "), 20, ""),
    ("ner", "header.conll", f"word tag\n{CONLL}word tag\n\n{CONLL}", 20, "its first row names the columns: word, tag"),
    ("ner", "cut.conll", CONLL[:-8], 9, "1 of 10 sentences left out: 1 column in place of 2 (line 39)"),
    ("ner", "rows.conll", CONLL.replace("\n\n", "\n") * 3, 1, "are blank lines missing between sentences?"),
    ("ner", "header.csv", KAGGLE + KAGGLE, 12, "the header once more in 1 rows"),
    ("ner", "cut.csv", KAGGLE[:-8], 5, "1 of 6 sentences left out: 2 columns in place of 4 (line 12)"),
    ("ner", "semicolons.csv", KAGGLE.replace(",", ";"), 6, "semicolons stand between its columns"),
    ("pos", "header.conll", "token pos chunk\n" + CONLL.replace(" ", " X "), 10, "the columns: token, pos, chunk"),
]  # fmt: skip


@pytest.mark.parametrize(
    "task, file, content, count, match",
    KEPT,
    ids=name,
)
def test_what_is_good_is_kept_and_the_rest_is_said(
    task: str, file: str, content: str, count: int, match: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes(content.encode())
    said: list[str] = []
    assert len(load(task, tmp_path / file, said)["train"]) == count
    assert match in " ".join(said)


def test_the_header_of_columns_says_which_has_the_tags(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("token pos chunk\n" + "Ann N I\nmet V O\n\n" * 3)
    assert load("pos", tmp_path / "a.conll")["train"] == [(("Ann", "met"), ("N", "V"))] * 3


def test_pairs_of_files_that_do_not_belong_together_are_refused_or_said(tmp_path: Path) -> None:
    def write(language: str, texts: list[str], encoding: str = "utf-8") -> None:
        (tmp_path / f"train.{language}").write_text("\n".join(texts) + "\n", encoding=encoding)

    write("en", ENGLISH)
    refuse("translation", tmp_path, r"train\.en: there is no file of another language beside it, such as train\.de")
    write("de", GERMAN[:-1])
    refuse("translation", tmp_path, "has 20 lines, and .* has 19")
    write("de", [""] * 20)
    refuse("translation", tmp_path, "nothing but blank lines")
    write("de", [text.replace("u", "ü") for text in GERMAN], "latin-1")
    refuse("translation", tmp_path, r"train\.de:1: not UTF-8")
    said: list[str] = []
    write("de", GERMAN[:5] + [""] * 15)
    assert len(load("translation", tmp_path, said)["train"]) == 5
    assert "15 of 20 pairs left out: one of the two lines is empty" in said[-1]
    write("de", ENGLISH)
    assert len(load("translation", tmp_path, said)["train"]) == 20
    assert "20 of 20 lines are the same in both; is one a copy of the other?" in said[-1]


@pytest.mark.parametrize(
    "file, content, match",
    [
        ("a.csv", "image,caption\na.png,a text, with it\nb.png,one, two\n", r":2: 3 columns where"),
        ("a.csv", "image\na.png\nb.png\n", "no column named caption"),
        ("a.csv", "image,caption\na.png,\nb.png,\n", r":2: the text is empty"),
        ("a.txt", "a.png#0 one\nb.png#0 two\n", "its 1 columns have no names"),
        ("a.json", '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_', "not JSON"),
        ("a.json", '{"images": [{"id": []}], "annotations": [{"image_id": [], "caption": 1}]}', "the text is"),
        ("words.txt", "#\na01-000u-00-00 ok 154\n", r":2: expected an image, ok or err, numbers and a text"),
    ],
)
def test_tables_of_images_that_cannot_be_read_are_refused(file: str, content: str, match: str, tmp_path: Path) -> None:
    from PIL import Image

    for image in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / image)
    (tmp_path / file).write_text(content)
    refuse("caption", tmp_path / file, match)


@pytest.mark.parametrize(
    "file, content, match",
    [
        ("metadata.csv", b"r1|\nr2|\n" * 3, "their content does not tell which is which"),
        ("metadata.csv", b"r1\nr2\n" * 3, "its 1 columns have no names"),
        ("metadata.csv", b"z1|one\nz2|two\n" * 3, "no column holds a recording; the first row .*: 'z1', 'one'"),
        ("metadata.csv", "r1|é\nr2|é\n".encode("latin-1"), r":1: not UTF-8"),
        ("a.trans.txt", b"r1\nr2\n", "the text is empty"),
        ("a.trans.txt", b"z1 ONE\n", "no recordings with transcripts to train on"),
    ],
)
def test_lists_of_recordings_that_cannot_be_read_are_refused(
    file: str, content: bytes, match: str, tmp_path: Path
) -> None:
    import soundfile

    for sound in ("r1.wav", "r2.wav"):
        soundfile.write(tmp_path / sound, np.zeros(80), 8000)
    (tmp_path / file).write_bytes(content)
    refuse("speech", tmp_path, match)


# Some that are named in the files of strangers: far too long, many, or of several lines.


@pytest.mark.parametrize(
    "task, file, content",
    [
        ("sentiment", "key.json", json.dumps({f"k{'9' * 5000}{number}": "x" for number in range(3)})),
        ("sentiment", "keys.json", json.dumps([{f"column {number}": "x y" for number in range(5000)}])),
        ("sentiment", "header.csv", '"a\nb ' + "x" * 5000 + '",c\n1,2\n3,4\n'),
        ("ner", "schemes.conll", "".join(f"a B-{n}{'x' * 99}\na E-{n}\na L-{n}\n" for n in range(300)) + "\n"),
        ("translation", "languages.tmx", TMX),
        ("pos", "widths.conll", "".join("x " * (n % 90 + 2) + "\n\n" for n in range(180))),
    ],
    ids=name,
)
def test_names_of_strangers_are_cut_in_a_message(task: str, file: str, content: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(BadInput) as caught:
        load(task, tmp_path / file)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 8000


def test_the_first_words_of_a_long_line_name_its_form(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{'x' * 50_000}/NN runs/VBZ\n" * 3)
    said: list[str] = []
    assert len(load("pos", tmp_path / "a.txt", said)["train"]) == 3
    assert all(len(line) < 300 for line in said)


def test_a_parquet_file_that_is_damaged_within_is_told_on_one_line(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": [text for text, _ in TEXTS], "label": ["a", "b"] * 10}), path)
    content = path.read_bytes()
    # The head of the first column's page.
    path.write_bytes(content[:4] + b"\xff" * 8 + content[12:])
    with pytest.raises(BadInput, match="no Parquet file that can be read") as caught:
        load("sentiment", path)
    assert "\n" not in str(caught.value)
