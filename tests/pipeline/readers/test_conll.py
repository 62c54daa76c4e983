"""Files of tokens and tags: what is read, and what each mistake is told."""

import os
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.readers import conll
from pipeline.readers.tabular.columns import Columns, divide_names
from tests.pipeline import readers

NER = Columns(("token",), ("tag",))
POS = Columns(("form",), ("upos",))
PLAIN = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\nBlackburn\tI-PER\n"
PLAIN_EXAMPLES = [
    Example(("EU", "rejects"), ("B-ORG", "O"), "train.tsv:1"),
    Example(("Peter", "Blackburn"), ("B-PER", "I-PER"), "train.tsv:4"),
]
CONLLU = """# sent_id = 1
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
2.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_
3\t10 000\tmar\tNUM\tN\t_\t1\tobl\t_\t_

# sent_id = 2
1\t#\t#\tSYM\tS\t_\t0\troot\t_\t_
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file, text or bytes, and returns its path."""

    def write(content: str | bytes, name: str = "train.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path: Path, columns: Columns = NER, said: list[str] | None = None, **how) -> dict[str, list[Example]]:
    return readers.read(conll.read, path, columns, said, **how)


def refuse(path: Path, match: str, columns: Columns = NER, **how) -> str:
    """Check that the file is refused with a message that has `match`, a regular expression."""
    return readers.refuse(conll.read, path, match, columns, **how)


def test_one_file_is_all_train(write):
    assert read(write(PLAIN), NER) == {"train": PLAIN_EXAMPLES}


@pytest.mark.parametrize("word", ["valid", "validation", "val", "dev", "devel"])
def test_a_directory_has_the_splits_its_files_are_named_for(write, tmp_path, word):
    write("a O\n", "en_ewt-ud-train.conll")
    write("b O\n", f"wnut17-{word}.bio")
    write("c O\n", "TEST.TXT")
    for other in ("SOURCE.txt", "README.txt", "LICENSE.txt", "latest.txt", ".train.tsv", "train.json"):
        write("not a token and a tag of any sort", other)
    (tmp_path / "train.txt").mkdir()
    found = read(tmp_path)
    assert {split: [example.input for example in examples] for split, examples in found.items()} == {
        "train": [("a",)],
        "validation": [("b",)],
        "test": [("c",)],
    }
    assert list(found) == ["train", "validation", "test"]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n\n",
        "\n\n".join(PLAIN.split("\n\n")),
        PLAIN.replace("\n\n", "\n \t\n"),
        PLAIN.replace("\t", " "),
        PLAIN.replace("\t", "   "),
        PLAIN.replace("EU\t", "EU "),
        PLAIN.replace("\t", "\tNNP\tI-NP\t"),
    ],
)
def test_white_space_and_middle_columns_change_nothing(write, content):
    assert read(write(content), NER)["train"] == PLAIN_EXAMPLES


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
    ],
)
def test_line_ends_and_a_byte_order_mark_change_nothing(write, content):
    assert read(write(content), NER)["train"] == PLAIN_EXAMPLES


def test_document_starts_end_sentences_and_are_skipped(write):
    content = "-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\n-DOCSTART-\nPeter NNP I-NP B-PER\n"
    assert read(write(content), NER)["train"] == [
        Example(("EU",), ("B-ORG",), "train.tsv:3"),
        Example(("Peter",), ("B-PER",), "train.tsv:5"),
    ]


def test_unicode_is_left_as_it_is(write):
    odd = ["10\xa0000", "a\u2028b", "e\u0301", "\u3000", "x\x0by", "z\x85"]
    content = "".join(f"{token}\tO\n" for token in odd)
    assert read(write(content), NER)["train"][0].input == tuple(odd)
    spaced = "10\xa0000 O\nz\x85 O\n"
    assert read(write(spaced), NER)["train"][0].input == ("10\xa0000", "z\x85")


def test_a_very_long_token_is_read(write):
    assert read(write("a" * 1_000_000 + "\tO\n"), NER)["train"][0].output == ("O",)


def test_columns_by_number(write):
    path = write("B-ORG x EU\n")
    expected = [Example(("EU",), ("B-ORG",), "train.tsv:1")]
    assert read(path, Columns(("token",), ("tag",), "3", "1"))["train"] == expected
    assert read(path, Columns(("token",), ("tag",), "-1", "-3"))["train"] == expected
    assert read(path, Columns(("token", "3"), ("tag", "9", "1")))["train"] == expected


@pytest.mark.parametrize("name", ["train.conllu", "train.txt"])
def test_conllu_has_named_columns_and_skips_ranges_and_empty_nodes(write, name):
    path = write(CONLLU, name)
    assert read(path, POS)["train"] == [
        Example(("vamos", "nos", "10 000"), ("VERB", "PRON", "NUM"), f"{name}:4"),
        Example(("#",), ("SYM",), f"{name}:10"),
    ]
    chosen = Columns(POS.input, POS.output, "lemma", "xpos")
    assert read(path, chosen)["train"][0] == Example(("ir", "nosotros", "mar"), ("V", "P", "N"), f"{name}:4")
    chosen = Columns(POS.input, POS.output, "3", "-3")
    assert read(path, chosen)["train"][0].output == ("root", "obj", "obl")


@pytest.mark.parametrize(
    "scheme",
    ["B-X E-X S-X B-Y", "B-X L-X U-X U-Y", "I-X I-X B-X I-Y", "B-X I-X B-X B-Y"],
    ids=lambda tags: tags,
)
def test_span_tags_become_bio(write, scheme):
    content = "".join(f"word {tag}\n" for tag in scheme.split())
    assert read(write(content), NER, spans=True)["train"][0].output == ("B-X", "I-X", "B-X", "B-Y")
    assert read(write(content), NER)["train"][0].output == tuple(scheme.split())


def test_a_missing_path_is_told_with_the_closest_name(write, tmp_path, monkeypatch):
    write(PLAIN)
    message = refuse(tmp_path / "trian.tsv", r"no such file or directory\. Did you mean '.*train\.tsv'\?")
    assert str(Path.cwd()) in message
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    refuse(Path("corpsu/deep/train.tsv"), r"--data corpsu/deep/train\.tsv: .*Did you mean 'corpus'\?")
    refuse(Path("x" * 5000), "--data x+: cannot be read")


def test_a_directory_without_a_train_file_is_told_what_is_there(write, tmp_path):
    refuse(tmp_path, "no train file in this directory.*There: nothing")
    write(PLAIN, "corpus.tsv")
    write(PLAIN, "trains.tsv")
    there = r"There: corpus\.tsv, trains\.tsv\. .*--train-file"
    message = refuse(tmp_path, rf"the word train in it .*train\.conll\. {there}")
    assert "dev|devel|development|testa|val|valid|validation" in message


def test_one_file_of_a_directory_is_all_train_and_others_without_a_split_are_told(write, tmp_path):
    write(PLAIN, "corpus.tsv")
    assert list(read(tmp_path)) == ["train"]
    write(PLAIN, "training.tsv")
    said: list[str] = []
    assert read(tmp_path, said=said)["train"][0].origin == "training.tsv:1"
    assert said == [f"{tmp_path}: left out, as no split is in their names: corpus.tsv"]


def test_two_files_for_one_split_are_refused(write, tmp_path):
    write(PLAIN, "train.tsv")
    write(PLAIN, "train.conll")
    refuse(tmp_path, r"two files for the train split: train\.conll and train\.tsv")


def test_a_name_of_two_splits_is_refused(write, tmp_path):
    write(PLAIN, "train-dev.tsv")
    refuse(tmp_path, r"train-dev\.tsv: its name says both train and validation")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"train\.tsv: the file is empty"),
        (b"\xef\xbb\xbf", r"train\.tsv: the file is empty"),
        (b"\n \t\r\n\n", "nothing but blank lines"),
        (b"-DOCSTART- O\n\n", "no sentence in this file"),
        (b"a O\nEU\n", r":2: 1 column where the first row \(line 1\) has 2: 'EU'"),
        (b"\nEU\nrejects\n", ":2: one column where at least two are expected"),
        (b"a x O\nNew York B-LOC\n\nb O\n", r":4: 2 columns where the first row \(line 1\) has 3"),
        (b"a O\nNew York B-LOC\n", r":2: 3 columns where the first row \(line 1\) has 2"),
        (b"a O\nb O\rc O\n", ":2: a carriage return inside the line"),
        (b"a\tO\n\tO\n", r":2: the token is empty \(column 1 of 2\)"),
        (b"a\tO\nb\t \n", r":2: the tag is empty \(column 2 of 2\)"),
        (b"a O\ncaf\xe9 O\n", r":2: not UTF-8: byte 0xe9 at offset 7 .*--encoding cp1252"),
        (b"\x1f\x8b\x08\x00\x00", "cannot be read"),
        (b"\x00\x01a O\n", "a binary file .a zero byte at offset 0"),
    ],
)
def test_a_bad_file_is_refused(write, content, match):
    refuse(write(content), match)


def test_a_sentence_too_long_is_told_where_it_starts(write):
    path = write("a O\n\n" + "b O\n" * 30_000)
    refuse(path, ":3: a sentence of 30000 tokens .* at most 20000 .* blank line .* is probably missing")
    assert len(read(path, NER, longest=30_000)["train"][1].input) == 30_000


def test_a_column_that_does_not_exist_is_refused(write):
    path = write(PLAIN)
    refuse(path, r":1: --label-column 3: there is no such column\. There are 2", Columns((), (), None, "3"))
    refuse(path, r":1: --text-column 0: there is no such column", Columns((), (), "0"))
    refuse(path, r"--label-column 'upos': .* have no names\. Give a number", Columns((), (), None, "upos"))
    refuse(path, "column 2 of 2 would be both the token and the tag", Columns((), (), "2"))
    path = write(CONLLU, "train.conllu")
    refuse(path, "--label-column: unknown column 'uposs'. Did you mean 'upos'", Columns((), (), "form", "uposs"))
    refuse(path, r"CoNLL-U has no column tag\. Choose one of id, form", Columns(("form",), ("tag",)))


def test_a_bad_conllu_file_is_refused(write):
    hidden = "1\t_\t_\tNOUN" + "\t_" * 6 + "\n"
    refuse(write(hidden, "a.conllu"), "column 'form' is '_', no token", POS)
    refuse(write("# a\nEU\tB-ORG\n", "a.conllu"), ":2: 2 columns where CoNLL-U has 10", POS)
    refuse(write(CONLLU.replace("3\t10", "three\t10"), "a.conllu"), ":7: 'three' where CoNLL-U has", POS)
    refuse(write(CONLLU, "a.conllu"), "column 'feats' is '_', no tag", Columns((), (), "form", "feats"))


def test_tags_of_no_scheme_are_refused_where_spans_are_expected(write):
    refuse(write("a O\nb NOUN\n"), ":2: 'NOUN' is not a span tag.*--label-column", spans=True)
    refuse(write("a O\n\nb S-X\nc U-X\n"), ":3: in the sentence that starts here, the tags mix", spans=True)


BENCH = os.environ.get("UNROLLED_BENCH", "")


@pytest.mark.skipif(not BENCH, reason="UNROLLED_BENCH names no folder of benchmark data")
@pytest.mark.parametrize(
    ("folder", "columns", "spans", "counts", "labels"),
    [
        ("ner/bc5cdr", NER, True, [4560, 4581, 4797], 5),
        ("ner/wnut17", NER, True, [3394, 1009, 1287], 13),
        ("pos/ud_en_ewt", POS, False, [12544, 2001, 2077], 17),
    ],
)
def test_benchmark_data_has_its_published_counts(folder, columns, spans, counts, labels):
    found = read(Path(BENCH) / folder, columns, spans=spans)
    assert [len(found[split]) for split in ("train", "validation", "test")] == counts
    examples = [example for split in found.values() for example in split]
    assert all(len(example.input) == len(example.output) for example in examples)
    assert len({tag for example in examples for tag in example.output}) == labels


def test_further_columns_are_read_beside_the_tokens(write):
    asked = Columns(("form",), ("upos",), given_features=("xpos", "3"))
    (first, second) = read(write(CONLLU, "train.conllu"), asked)["train"]
    assert first.input == ("vamos", "nos", "10 000")
    assert [token.features for token in first.input] == [("V", "ir"), ("P", "nosotros"), ("N", "mar")]
    assert second.input[0].features == ("S", "#")
    path = write("a 1 x O\nb 2 y O\n", "train.conll")
    (found,) = read(path, Columns(("token",), ("tag",), given_features=("2", "3")))["train"]
    assert [token.features for token in found.input] == [("1", "x"), ("2", "y")]
    path = write('{"tokens": ["a", "b"], "ner_tags": ["O", "B-X"], "pos": ["D", "N"]}\n' * 2, "train.jsonl")
    found, _ = read(path, Columns(("tokens",), ("ner_tags",), given_features=("pos",)), spans=True)["train"]
    assert [token.features for token in found.input] == [("D",), ("N",)]
    path = write("word,pos,tag,sentence\na,D,O,1\nb,N,B-X,1\n", "train.csv")
    (found,) = read(path, Columns(("word",), ("tag",), given_features=("pos",)), spans=True)["train"]
    assert [token.features for token in found.input] == [("D",), ("N",)]


def test_further_columns_that_are_not_there_are_refused(write):
    path = write(CONLLU, "train.conllu")
    for name, match in (
        ("lema", "unknown column 'lema'. Did you mean 'lemma'"),
        ("upos", "column upos is the tag already"),
    ):
        refuse(path, f"--feature-columns: {match}", Columns(("form",), ("upos",), given_features=(name,)))
    path = write('{"tokens": ["a"], "tags": ["O"], "pos": ["D", "N"]}\n' * 2, "train.jsonl")
    columns = Columns(("tokens",), ("tags",), given_features=("pos",))
    refuse(path, "1 tokens and 2 values of a feature column", columns)


@pytest.mark.parametrize("names", ["", "a,,b", "a,a", ","])
def test_names_of_further_columns_have_commas_between_them(names):
    with pytest.raises(BadInput, match="--feature-columns .*: expected the names or numbers of columns"):
        divide_names(names)
