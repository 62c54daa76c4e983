"""Starts: small whole data sets, one in each format that is read, for mutations to begin with."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from pipeline.option import Value
from tests.fuzzing.mutations import Files


@dataclass(frozen=True)
class Start:
    """A data set.

    task: that reads it. make: returns its files by name, with folders. data: of them what --data names; "": the folder.
    options: beside --data.
    """

    task: str
    make: Callable[[], Files]
    data: str = ""
    options: Mapping[str, Value] = field(default_factory=dict)


TEXTS = [
    (
        f"{['a warm', 'the dull', 'no'][n % 3]} film, number {n}, of “many” — it's {['good', 'bad'][n % 2]}.",
        "np"[n % 2] + "os",
    )
    for n in range(24)
]
SETS = [tuple(name for place, name in enumerate(("sad", "odd", "long")) if n >> place & 1) for n in range(24)]
RATED = [(text, number % 5 + 1) for number, (text, _) in enumerate(TEXTS)]
ENGLISH = [f"a dog saw {number} cats in the {['house', 'garden'][number % 2]}" for number in range(24)]
GERMAN = [f"ein Hund sah {number} Katzen im {['Haus', 'Garten'][number % 2]}" for number in range(24)]
TOKENS = [("Ann", "met", "Bob", "Lee", f"{number}", ".") for number in range(20)]
ENTITIES = ("B-PER", "O", "B-PER", "I-PER", "O", "O")
CLASSES = ("PROPN", "VERB", "PROPN", "PROPN", "NUM", "PUNCT")


def rows(pairs: object, mark: str = ",", header: str = "") -> bytes:
    """Return a table of text."""
    written = []
    for pair in pairs:  # type: ignore[attr-defined]
        cells = [str(cell) for cell in pair]
        quoted = ['"' + cell.replace('"', '""') + '"' if mark in cell or '"' in cell else cell for cell in cells]
        written.append(mark.join(quoted))
    return ("\n".join(([header] if header else []) + written) + "\n").encode()


def one(name: str, content: bytes) -> Callable[[], Files]:
    return lambda: {name: content}


def objects(pairs: object, *names: str) -> list[dict]:
    return [dict(zip(names, pair, strict=True)) for pair in pairs]  # type: ignore[call-overload]


def json_lines(found: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()


def as_json(found: object) -> bytes:
    return json.dumps(found, ensure_ascii=False, indent=1).encode()


def as_parquet(found: list[dict]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(found), file)
    return file.getvalue()


def as_zip(found: Files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def as_tar(found: Files) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, content in found.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def columns(*found: tuple[str, ...], mark: str = " ") -> bytes:
    """Return sentences as columns. found: of each column the values of one sentence, or one value for all."""
    text = ""
    for number, words in enumerate(TOKENS):
        for place in range(len(words)):
            cells = [words[place] if column == ("form",) else column[place % len(column)] for column in found]
            text += mark.join(cell.replace("N", str(number)) if cell == "N" else cell for cell in cells) + "\n"
        text += "\n"
    return text.encode()


def conllu() -> bytes:
    text = ""
    for number, words in enumerate(TOKENS):
        text += f"# sent_id = {number}\n# text = {' '.join(words)}\n"
        for place, (word, tag) in enumerate(zip(words, CLASSES, strict=True), 1):
            text += f"{place}\t{word}\t{word.lower()}\t{tag}\tX\tNumber=Sing\t0\troot\t_\t_\n"
            text += "3-4\tBobLee\t_\t_\t_\t_\t_\t_\t_\t_\n" if place == 2 else ""
        text += "\n"
    return text.encode()


def tmx() -> bytes:
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{a}</seg></tuv><tuv xml:lang="de"><seg>{b} &amp; mehr</seg></tuv></tu>\n'
        for a, b in zip(ENGLISH, GERMAN, strict=True)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4"><header/><body>\n{units}</body></tmx>\n'.encode()
    )


def sgml(texts: list[str], kind: str) -> bytes:
    segments = "".join(f'<seg id="{number}">{text}</seg>\n' for number, text in enumerate(texts, 1))
    return f'<{kind} setid="x" srclang="en"><doc docid="a">\n{segments}</doc></{kind}>\n'.encode()


def m2() -> bytes:
    text = ""
    for number in range(20):
        text += f"S This are a sentence of {number} word .\nA 1 2|||R:VERB:SVA|||is|||REQUIRED|||-NONE-|||0\n"
        text += "A 6 7|||R:NOUN:NUM|||words|||REQUIRED|||-NONE-|||0\n" if number % 2 else ""
        text += "A -1 -1|||noop|||-NONE-|||REQUIRED|||-NONE-|||1\n" if number % 3 == 0 else ""
        text += "\n"
    return text.encode()


@cache
def picture(number: int, kind: str = "PNG") -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(number).integers(0, 256, (12, 9, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@cache
def sound(number: int, kind: str = "WAV") -> bytes:
    import soundfile

    samples = np.sin(np.arange(4000) / (5 + number)).astype("float32") * 0.5
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format=kind)
    return file.getvalue()


KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")


def pictures(count: int = 6) -> Files:
    return {f"images/{n}.{KINDS[n % len(KINDS)].lower()}": picture(n, KINDS[n % len(KINDS)]) for n in range(count)}


def captions() -> list[tuple[str, str]]:
    return [
        (name.removeprefix("images/"), f"a picture of {word} {n}")
        for n, name in enumerate(pictures())
        for word in ("noise", "dots")
    ]


def coco() -> Files:
    names = list(pictures())
    images = [{"id": n, "file_name": name.removeprefix("images/")} for n, name in enumerate(names)]
    said = [{"id": 9 + n, "image_id": n, "caption": f"noise number {n}"} for n in range(len(names))]
    return {"annotations/captions_train.json": as_json({"images": images, "annotations": said}), **pictures()}


def karpathy() -> Files:
    splits = ("train", "train", "restval", "train", "val", "test")
    images = [
        {
            "filename": name.removeprefix("images/"),
            "split": split,
            "sentences": [{"raw": f"noise {n}"}, {"raw": "dots"}],
        }
        for n, (name, split) in enumerate(zip(pictures(), splits, strict=True))
    ]
    return {"dataset.json": as_json({"images": images, "dataset": "x"}), **pictures()}


def handwriting() -> Files:
    names = [f"a01-{n:03}u-00-00" for n in range(6)]
    listed = "#--- words.txt ---\n" + "".join(
        f"{name} ok 154 408 768 27 51 AT word{n}\n" for n, name in enumerate(names)
    )
    return {"words.txt": listed.encode(), **{f"words/{name}.png": picture(n) for n, name in enumerate(names)}}


def sounds(count: int = 8, kind: str = "WAV", folder: str = "wavs/") -> Files:
    return {f"{folder}{n}.{kind.lower()}": sound(n % 3, kind) for n in range(count)}


def librispeech() -> Files:
    found = {}
    for split in ("train-clean-100", "dev-clean"):
        place = f"{split}/84/121/"
        found |= {f"{place}84-121-{n:04}.flac": sound(n % 3, "FLAC") for n in range(5)}
        found[f"{place}84-121.trans.txt"] = "".join(f"84-121-{n:04} SOME WORDS NUMBER {n}\n" for n in range(5)).encode()
    return found


def series_ts(timed: bool = False) -> bytes:
    head = f"@problemName x\n@timeStamps {str(timed).lower()}\n@univariate false\n@classLabel true a b\n@data\n"
    lines = []
    for n in range(16):
        channels = [[f"{np.sin(n + step / (2 + axis)):.3f}" for step in range(6 + n % 3)] for axis in range(2)]
        if timed:
            channels = [[f"({step},{value})" for step, value in enumerate(channel)] for channel in channels]
        lines.append(":".join(map(",".join, channels)) + f":{'ab'[n % 2]}")
    return (head + "\n".join(lines) + "\n").encode()


def series_arff(relational: bool) -> bytes:
    steps = "".join(f"@attribute t{step} numeric\n" for step in range(5))
    head = "@attribute channels relational\n" + steps + "@end channels\n" if relational else steps
    lines = []
    for n in range(16):
        channels = [",".join(f"{np.cos(n + step + axis):.3f}" for step in range(5)) for axis in range(2)]
        lines.append(f"'{channels[0]}\\n{channels[1]}',{'ab'[n % 2]}" if relational else f"{channels[0]},{'ab'[n % 2]}")
    return f"@relation x\n{head}@attribute class {{a,b}}\n@data\n{chr(10).join(lines)}\n".encode()


def numpy_file(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def arrays() -> Files:
    made = {f"{'ab'[n % 2]}/{n}.npy": np.sin(np.arange(8 + n)[:, None] / (1 + n % 2)).repeat(2, 1) for n in range(10)}
    found = {name: numpy_file(array) for name, array in made.items()}
    return found | {
        f"{'ab'[n % 2]}/{n}.csv": rows([(s, s * 0.5, n) for s in range(8)], header="time,x,y") for n in range(10, 16)
    }


def long_series() -> bytes:
    found = [
        (f"s{n}", step, f"{np.sin(n + step):.3f}", f"{n - step}", "ab"[n % 2]) for n in range(12) for step in range(6)
    ]
    return rows(found, header="series,time,x,y,label")


def times(count: int) -> list[str]:
    return [f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:00:00" for hour in range(count)]


def wide_table() -> list[tuple]:
    return [(time, f"{np.sin(n / 4):.3f}", f"{np.cos(n / 4):.3f}") for n, time in enumerate(times(200))]


def long_table() -> list[tuple]:
    return [(row[0], name, row[place]) for row in wide_table() for place, name in ((1, "north"), (2, "south"))]


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return head + array.astype("uint8").tobytes()


def digits(pack: Callable[[bytes], bytes] = bytes, ending: str = "") -> Files:
    found = {}
    for name, count in (("train", 40), ("t10k", 6)):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 8, 7))
        found[f"{name}-images-idx3-ubyte{ending}"] = pack(idx(pixels))
        found[f"{name}-labels-idx1-ubyte{ending}"] = pack(idx(np.arange(count) % 10))
    return found


PROSE = "".join(f"It was the {n}th of May, and the clock struck {n % 12}.\n" for n in range(80))
WIKI = "".join(
    f" = Article {n} = \n\n The river is {n} km long , and @-@ wide . It <unk> east .\n\n" for n in range(20)
)
FORECAST = {"window": 36, "horizon": 12}
LABELLED = objects(TEXTS, "text", "label")
TAGGED = [{"tokens": list(words), "ner_tags": list(ENTITIES)} for words in TOKENS]
OPENNMT = b"""\
data:
  train_features_file: src-train.txt
  train_labels_file: tgt-train.txt
  eval_features_file: src-val.txt
  eval_labels_file: tgt-val.txt
model_dir: run/
"""
JOEYNMT = b"""\
name: "toy"
data:
  train: train
  dev: dev
  src: {lang: en, level: bpe}
  trg: {lang: de}
training: {batch_size: 8}
"""


def lines(texts: list[str]) -> bytes:
    return ("\n".join(texts) + "\n").encode()


def parallel(*splits: str) -> Files:
    return {
        f"{split}.{language}": lines(texts) for split in splits for language, texts in (("en", ENGLISH), ("de", GERMAN))
    }


def opennmt(left: list[str], right: list[str]) -> Files:
    found = {f"src-{split}.txt": lines(left) for split in ("train", "val")}
    return {"data.yml": OPENNMT, **found, **{f"tgt-{split}.txt": lines(right) for split in ("train", "val")}}


def per_class() -> Files:
    return {f"{'train' if n < 20 else 'test'}/{label}/{n}.txt": text.encode() for n, (text, label) in enumerate(TEXTS)}


def split_csv(ending: str = "") -> Files:
    pack = {
        ".gz": lambda content: gzip.compress(content, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        "": bytes,
    }[ending]
    parts = {"train": TEXTS[:16], "dev": TEXTS[16:20], "test": TEXTS[20:]}
    return {f"{split}.csv{ending}": pack(rows(part, header="text,label")) for split, part in parts.items()}


def kaggle() -> bytes:
    found = [
        (f"Sentence: {n}" if not place else "", word, tag, entity)
        for n, words in enumerate(TOKENS)
        for place, (word, tag, entity) in enumerate(zip(words, CLASSES, ENTITIES, strict=True))
    ]
    return rows(found, header="Sentence #,Word,POS,Tag")


def slashed(mark: str, tags: tuple[str, ...]) -> bytes:
    return lines([" ".join(f"{word}{mark}{tag}" for word, tag in zip(words, tags, strict=True)) for words in TOKENS])


def marked_up() -> bytes:
    return lines(
        [
            f'<p>In <ENAMEX type="Location">Rome</ENAMEX> {n} of <rs type="person">Ann &amp; Co</rs> met.</p>'
            for n in range(20)
        ]
    ).join((b"<doc>\n", b"</doc>\n"))


def beside_table(name: str, content: bytes) -> Files:
    return {"a.csv": rows(TEXTS, header="text,label"), name: content}


def vectors(in_bytes: bool = False) -> bytes:
    """Return the vectors of some words, without the first line: in bytes as word2vec has them, else in text."""
    found = b""
    for place, word in enumerate(("film", "a", "warm", "good", "bad", "of", "the", "dull", "number", "many")):
        numbers = np.cos(place + np.arange(5)).astype("<f4")
        written = numbers.tobytes() if in_bytes else " ".join(f"{number:.4f}" for number in numbers).encode()
        found += word.encode() + b" " + written + b"\n"
    return found


VECTORS = {
    "glove": ("glove.txt", vectors()),
    "fasttext": ("cc.vec", b"10 5\n" + vectors()),
    "word2vec": ("w2v.bin", b"10 5\n" + vectors(in_bytes=True)),
    "gz": ("glove.txt.gz", gzip.compress(vectors(), mtime=0)),
}
STARTS: dict[str, Start] = {
    # Texts and labels.
    "csv": Start("sentiment", one("a.csv", rows(TEXTS, header="text,label")), "a.csv"),
    "csv-splits": Start("sentiment", split_csv),
    "csv-gz": Start("sentiment", lambda: split_csv(".gz")),
    "csv-bz2": Start("sentiment", lambda: split_csv(".bz2")),
    "csv-xz": Start("sentiment", lambda: split_csv(".xz")),
    "tsv": Start("sentiment", one("a.tsv", rows(TEXTS, "\t")), "a.tsv"),
    "bars": Start("sentiment", one("a.txt", rows(TEXTS, "|", "text|label")), "a.txt"),
    "colons": Start("sentiment", one("a.txt", rows(TEXTS, "::")), "a.txt"),
    "split-column": Start(
        "sentiment",
        one(
            "a.csv",
            rows(
                [(*pair, ("train", "train", "test")[n % 3], f"g{n % 7}") for n, pair in enumerate(TEXTS)],
                header="text,label,split,who",
            ),
        ),
        "a.csv",
    ),
    "fasttext": Start("sentiment", one("a.txt", lines([f"__label__{label} {text}" for text, label in TEXTS])), "a.txt"),
    "jsonl": Start("sentiment", one("a.jsonl", json_lines(LABELLED)), "a.jsonl"),
    "json": Start("sentiment", one("a.json", as_json(LABELLED)), "a.json"),
    "json-splits": Start(
        "sentiment", one("a.json", as_json({"train": LABELLED[:16], "test": LABELLED[16:]})), "a.json"
    ),
    "json-columns": Start(
        "sentiment",
        one(
            "a.json",
            as_json(
                {
                    "text": {str(n): text for n, (text, _) in enumerate(TEXTS)},
                    "label": {str(n): label for n, (_, label) in enumerate(TEXTS)},
                }
            ),
        ),
        "a.json",
    ),
    "json-rows": Start("sentiment", one("a.json", as_json({str(n): row for n, row in enumerate(LABELLED)})), "a.json"),
    "json-pandas": Start(
        "sentiment",
        one(
            "a.json",
            as_json({"columns": ["text", "label"], "index": list(range(24)), "data": [list(pair) for pair in TEXTS]}),
        ),
        "a.json",
    ),
    "parquet": Start("sentiment", lambda: {"a.parquet": as_parquet(LABELLED)}, "a.parquet"),
    "classes": Start("sentiment", per_class),
    "zip": Start("sentiment", lambda: {"a.zip": as_zip(split_csv())}, "a.zip"),
    "tar": Start("sentiment", lambda: {"a.tar.gz": as_tar(per_class())}, "a.tar.gz"),
    # Texts with several labels.
    "sets-columns": Start(
        "labels",
        one(
            "a.csv",
            rows(
                [
                    (text, *(int(name in some) for name in ("sad", "odd", "long")))
                    for (text, _), some in zip(TEXTS, SETS, strict=True)
                ],
                header="text,sad,odd,long",
            ),
        ),
        "a.csv",
    ),
    "sets-marks": Start(
        "labels",
        one(
            "a.tsv",
            rows([(text, "|".join(some)) for (text, _), some in zip(TEXTS, SETS, strict=True)], "\t", "text\tlabels"),
        ),
        "a.tsv",
    ),
    "sets-lists": Start(
        "labels",
        one(
            "a.jsonl",
            json_lines([{"text": text, "labels": [*some]} for (text, _), some in zip(TEXTS, SETS, strict=True)]),
        ),
        "a.jsonl",
    ),
    "sets-fasttext": Start(
        "labels",
        one(
            "a.txt",
            lines(
                [
                    " ".join([*(f"__label__{name}" for name in some or SETS[1]), text])
                    for (text, _), some in zip(TEXTS, SETS, strict=True)
                ]
            ),
        ),
        "a.txt",
    ),
    "yaml-labels": Start(
        "sentiment", lambda: opennmt([text for text, _ in TEXTS], [label for _, label in TEXTS]), "data.yml"
    ),
    "rating-csv": Start("rating", one("a.csv", rows(RATED, header="text,rating")), "a.csv"),
    "rating-fractions": Start(
        "rating", one("a.csv", rows([(text, f"{n} / 5") for text, n in RATED], header="text,rating")), "a.csv"
    ),
    "rating-jsonl": Start(
        "rating",
        one("a.jsonl", json_lines([{"review": {"text": text}, "stars": n} for text, n in RATED])),
        "a.jsonl",
        {"text_column": "review.text"},
    ),
    # Word vectors beside a table: GloVe's, fastText's, word2vec's.
    **{
        f"vectors-{kind}": Start(
            "sentiment", partial(beside_table, name, content), "a.csv", {"vectors": name, "embedding_size": 5}
        )
        for kind, (name, content) in VECTORS.items()
    },
    # Tokens and tags.
    "conll": Start("ner", one("a.conll", columns(("form",), ("NN",), ENTITIES)), "a.conll"),
    "conll-iob": Start(
        "ner",
        lambda: {
            name: columns(("form",), ("O",), ("I-PER", "O", "I-LOC", "I-LOC", "O", "O"), mark="\t")
            for name in ("train.iob", "dev.iob")
        },
    ),
    "conll-grobid": Start("ner", one("a.conll", columns(("form",), ("I-<a>", "<a>", "<other>"))), "a.conll"),
    "conll-named": Start(
        "ner", one("a.conll", b"word tag\n" + columns(("form",), ("B-X", "I-X", "L-X", "U-Y", "O", "O"))), "a.conll"
    ),
    "token-rows": Start("ner", one("a.csv", kaggle()), "a.csv"),
    "token-lists": Start(
        "ner", one("a.csv", rows([(list(words), list(ENTITIES)) for words in TOKENS], header="tokens,tags")), "a.csv"
    ),
    "counted": Start(
        "ner",
        one("a.txt", lines(["\t".join((str(len(words)), *words, *"100120"[: len(words)])) for words in TOKENS])),
        "a.txt",
    ),
    "markup": Start("ner", one("a.xml", marked_up()), "a.xml"),
    "markup-lines": Start(
        "ner",
        one(
            "a.txt",
            lines([f'<ENAMEX TYPE="DATE">Today</ENAMEX> it rained {n} .' for n in range(20)]).join(
                (b"<DOC>\n", b"</DOC>\n")
            ),
        ),
        "a.txt",
    ),
    "token-jsonl": Start("ner", one("a.jsonl", json_lines(TAGGED)), "a.jsonl"),
    "token-parquet": Start("ner", lambda: {"a.parquet": as_parquet(TAGGED)}, "a.parquet"),
    "yaml-tags": Start(
        "ner", lambda: opennmt([" ".join(words) for words in TOKENS], [" ".join(ENTITIES)] * 20), "data.yml"
    ),
    "conllu": Start("pos", one("a.conllu", conllu()), "a.conllu"),
    "conllu-features": Start("pos", one("a.conllu", conllu()), "a.conllu", {"feature_columns": "lemma,xpos"}),
    "slashes": Start("pos", one("a.txt", slashed("/", CLASSES)), "a.txt"),
    "pos-columns": Start("pos", one("a.tsv", columns(("form",), ("lemma",), CLASSES, mark="\t")), "a.tsv"),
    # Texts and texts.
    "parallel": Start("translation", lambda: parallel("train", "dev", "test")),
    "sgml": Start(
        "translation", lambda: {"train-src.en.sgm": sgml(ENGLISH, "srcset"), "train-ref.de.sgm": sgml(GERMAN, "refset")}
    ),
    "tmx": Start("translation", one("a.tmx", tmx()), "a.tmx"),
    "pairs-tsv": Start("translation", one("a.tsv", rows(zip(ENGLISH, GERMAN, strict=True), "\t")), "a.tsv"),
    "pairs-bars": Start("translation", one("a.txt", rows(zip(ENGLISH, GERMAN, strict=True), " ||| ")), "a.txt"),
    "pairs-json": Start(
        "translation",
        one("a.json", as_json([{"translation": {"en": a, "de": b}} for a, b in zip(ENGLISH, GERMAN, strict=True)])),
        "a.json",
    ),
    "opennmt": Start("translation", lambda: opennmt(ENGLISH, GERMAN), "data.yml"),
    "joeynmt": Start("translation", lambda: {"data.yaml": JOEYNMT, **parallel("train", "dev")}, "data.yaml"),
    "m2": Start("correct", one("train.m2", m2()), "train.m2"),
    "drafts": Start(
        "correct",
        one("a.csv", rows([(text.replace("a", "e", 1), text) for text in ENGLISH], header="source,target")),
        "a.csv",
    ),
    # Pictures and recordings.
    "imagefolder": Start(
        "caption", lambda: {"metadata.csv": rows(captions(), header="file_name,caption"), **pictures()}
    ),
    "flickr": Start(
        "caption",
        lambda: {
            "a.token": rows([(f"{name}#{n % 2}", said) for n, (name, said) in enumerate(captions())], "\t"),
            **pictures(),
        },
    ),
    "coco": Start("caption", coco),
    "karpathy": Start("caption", karpathy),
    "handwriting": Start("caption", handwriting),
    "named-images": Start("caption", lambda: {f"{word}{n}.png": picture(n) for n, word in enumerate("abcdefgh")}),
    "lj-speech": Start(
        "speech", lambda: {"metadata.csv": lines([f"{n}|in {n}|in number {n}" for n in range(8)]), **sounds()}
    ),
    "audiofolder": Start(
        "speech",
        lambda: {
            "train/metadata.jsonl": json_lines([{"file_name": f"{n}.flac", "text": f"say {n}"} for n in range(8)]),
            **sounds(8, "FLAC", "train/"),
        },
    ),
    "librispeech": Start("speech", librispeech),
    "vctk": Start(
        "speech",
        lambda: {**sounds(8, "WAV", "wav48/p1/"), **{f"txt/p1/{n}.txt": f"please call {n}".encode() for n in range(8)}},
    ),
    # Texts that are written.
    "names": Start(
        "novel", one("a.csv", rows([(f"Ann{n}", "fm"[n % 2]) for n in range(24)], header="name,gender")), "a.csv"
    ),
    "name-lines": Start("novel", one("a.txt", lines([f"Name{n}" for n in range(24)])), "a.txt"),
    "novel": Start("novel", one("a.txt", PROSE.replace(".\nIt", ".\n\nIt", 20).encode()), "a.txt"),
    "prose": Start("suggest", one("a.txt", PROSE.encode()), "a.txt"),
    "wikitext": Start(
        "suggest", lambda: {f"wiki.{split}.tokens": WIKI.encode() for split in ("train", "valid", "test")}
    ),
    # Numbers.
    "wide-times": Start("forecast", one("a.csv", rows(wide_table(), header="time,north,south")), "a.csv", FORECAST),
    "long-times": Start(
        "forecast", one("a.tsv", rows(long_table(), "\t", "time\tstation\tdegrees")), "a.tsv", FORECAST
    ),
    "times-jsonl": Start(
        "forecast", one("a.jsonl", json_lines(objects(wide_table(), "ds", "y", "z"))), "a.jsonl", FORECAST
    ),
    "numbers": Start(
        "forecast",
        one("a.csv", rows([(f"{np.sin(n / 4):.3f}",) for n in range(200)], header="value")),
        "a.csv",
        FORECAST,
    ),
    "covariates": Start(
        "forecast",
        one("a.csv", rows([(*row, n % 7) for n, row in enumerate(wide_table())], header="time,y,x,holiday")),
        "a.csv",
        {**FORECAST, "target_column": "y", "covariate_columns": "x", "known_columns": "holiday"},
    ),
    "ts": Start("series", one("a.ts", series_ts()), "a.ts"),
    "ts-timed": Start("series", one("a.ts", series_ts(timed=True)), "a.ts"),
    "arff": Start("series", one("a.arff", series_arff(relational=False)), "a.arff"),
    "arff-channels": Start("series", one("a.arff", series_arff(relational=True)), "a.arff"),
    "arrays": Start("series", arrays),
    "array-list": Start(
        "series",
        lambda: {"a.csv": rows([(name, name[0]) for name in arrays()], header="file,label"), **arrays()},
        "a.csv",
    ),
    "long-series": Start("series", one("a.csv", long_series()), "a.csv"),
    "wide-series": Start(
        "series",
        one(
            "a.csv",
            rows(
                [("ab"[n % 2], *(f"{np.sin(n + s):.2f}" for s in range(6))) for n in range(16)],
                header="label,x1,x2,x3,x4,x5,x6",
            ),
        ),
        "a.csv",
    ),
    "ucr": Start(
        "series",
        one("a.tsv", rows([(n % 2 + 1, *(f"{np.sin(n + s):.2f}" for s in range(6))) for n in range(16)], "\t")),
        "a.tsv",
    ),
    "idx": Start("digits", digits),
    "idx-gz": Start("digits", lambda: digits(lambda content: gzip.compress(content, mtime=0), ".gz")),
}


@cache
def make(name: str) -> Files:
    """Return the files of a start; not to be changed."""
    return STARTS[name].make()
