"""Data as OpenNMT-tf, joeynmt, DeLFT, Kashgari and the examples of keras.io take it, and public corpora like it."""

import gzip
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks
from pipeline.errors import BadInput
from tests.pipeline import readers

NEEDS_YAML = pytest.mark.needs("yaml")


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def load(task: str, path: Path, said: list[str] | None = None, *, text: str = "", label: str = "", **how: Any) -> dict:
    """Return the pairs of each split, as --data has them."""
    known = tasks.get(task)
    assert known.reader
    columns = replace(known.columns, given_input=text or None, given_output=label or None)
    found = readers.read(known.reader.files, path, columns, said, **how)
    return {split: [(one.input, one.output) for one in examples] for split, examples in found.items()}


def refuse(task: str, path: Path, match: str, **how: Any) -> None:
    with pytest.raises(BadInput, match=match):
        load(task, path, **how)


ENGLISH = [f"a dog saw {number} cats" for number in range(6)]
GERMAN = [f"ein Hund sah {number} Katzen" for number in range(6)]
PAIRS = list(zip(ENGLISH, GERMAN, strict=True))
TOKENS = [("Ann", "met", "Bob", "Lee"), ("Rome", "wins")]
TAGS = [("B-PER", "O", "B-PER", "I-PER"), ("B-LOC", "O")]
SENTENCES = list(zip(TOKENS, TAGS, strict=True))


def lines(texts: Any) -> str:
    return "\n".join(" ".join(one) if isinstance(one, tuple) else str(one) for one in texts) + "\n"


# OpenNMT-tf.


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder as their quick start has it: a test without translations, vocabularies beside the data."""
    for split in ("train", "val"):
        write(tmp_path / f"src-{split}.txt", lines(ENGLISH))
        write(tmp_path / f"tgt-{split}.txt", lines(GERMAN))
    write(tmp_path / "src-test.txt", lines(ENGLISH[:2]))
    for side in ("src", "tgt"):
        write(tmp_path / f"{side}-vocab.txt", "<blank>\n<s>\n</s>\na\n")
    return tmp_path


def settings(folder: Path, train: str, labels: str, evaluation: str = "", more: str = "") -> Path:
    text = f"model_dir: run/\ndata:\n  train_features_file: {train}\n"
    text += f"  train_labels_file: {labels}\n" if labels else ""
    text += f"  eval_features_file: {evaluation}\n" if evaluation else ""
    return write(folder / "data.yml", text + more + "  source_vocabulary: src-vocab.txt\nparams:\n  beam_width: 5\n")


def test_files_named_for_their_side_are_pairs_and_a_test_may_lack_outputs(toy: Path) -> None:
    said: list[str] = []
    found = load("translation", toy, said)
    assert found == {"train": PAIRS, "validation": PAIRS, "test": [(text, None) for text in ENGLISH[:2]]}
    assert f"{toy}: src is the input and tgt the output; --text-column tgt turns them round" in said
    assert f"{toy}: left out, as no split is in their names: src-vocab.txt" in said
    assert any("src-test.txt: nothing beside it says what is expected" in line for line in said)
    assert load("translation", toy, text="tgt", files={"test": Path("src-val.txt")})["train"][0] == PAIRS[0][::-1]
    (toy / "tgt-val.txt").unlink()
    refuse("translation", toy, r"src-val\.txt: there is no tgt-val\.txt beside it")


def test_a_side_in_the_name_of_one_file_alone_is_a_word(tmp_path: Path) -> None:
    path = write(tmp_path / "src-train.txt", "".join(f"{one}\t{two}\n" for one, two in PAIRS))
    assert load("translation", path) == {"train": PAIRS}
    write(tmp_path / "two" / "train.source", lines(ENGLISH))
    write(tmp_path / "two" / "train.target", lines(GERMAN))
    assert load("translation", tmp_path / "two") == {"train": PAIRS}


def test_compressed_pairs_are_read(tmp_path: Path) -> None:
    for language, texts in (("en", ENGLISH), ("de", GERMAN)):
        (tmp_path / f"train.{language}.gz").write_bytes(gzip.compress(lines(texts).encode()))
    assert load("translation", tmp_path) == {"train": PAIRS}


@NEEDS_YAML
def test_settings_name_the_files_of_a_translation(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = "  eval_labels_file: tgt-val.txt\n"
    path = settings(toy, "src-train.txt", "tgt-train.txt", "src-val.txt", more)
    said: list[str] = []
    assert load("translation", path, said) == {"train": PAIRS, "validation": PAIRS}
    assert said == [
        f"{path}: its files of data are read; its vocabularies, its tokenization and all other settings are not"
    ]
    # Several files, and paths from the current directory.
    monkeypatch.chdir(toy.parent)
    both = f"[{toy.name}/src-train.txt, {toy.name}/src-val.txt]"
    path = settings(toy, both, both.replace("src", "tgt"))
    assert load("translation", path) == {"train": PAIRS * 2}


@NEEDS_YAML
def test_settings_name_the_files_of_labels_tags_and_texts(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", lines(TOKENS))
    write(tmp_path / "b.txt", lines(TAGS))
    assert load("ner", settings(tmp_path, "a.txt", "b.txt")) == {"train": SENTENCES}
    write(tmp_path / "b.txt", "pos\nneg\n")
    assert load("sentiment", settings(tmp_path, "a.txt", "b.txt"))["train"][1] == ("Rome wins", "neg")
    said: list[str] = []
    write(tmp_path / "b.txt", "4\nmany\n")
    assert load("rating", settings(tmp_path, "a.txt", "b.txt"), said) == {"train": [("Ann met Bob Lee", 4.0)]}
    assert "1 of 2 pairs left out: the label is not a number (line 2)" in said[-1]
    # A language model has no labels.
    assert load("novel", settings(tmp_path, "a.txt", "")) == {"train": [("Ann met Bob Lee", ""), ("Rome wins", "")]}


@NEEDS_YAML
@pytest.mark.parametrize(
    "content, match",
    [
        ("data:\n  train_features_file: [a.txt\n", r"data\.yml:\d: not YAML"),
        ("data:\n", "with a block 'data' that names files"),
        ("- a\n- b\n", "with a block 'data' that names files"),
        ("data:\n  files: a.txt\n", "neither train_features_file .* but files"),
        ("data:\n  train_features_file: gone.txt\n", "train_features_file: there is no gone.txt, neither in"),
        ("data:\n  train_features_file: a.txt\n", "no file of labels for .*a.txt, of the train split"),
        ("data:\n  train_features_file: [a.txt, a.txt]\n  train_labels_file: a.txt\n", "2 files in .* and 1 in"),
        ("data:\n  train_features_file: [[a.txt, a.txt]]\n  train_labels_file: a.txt\n", "a list of names, got"),
        ("data:\n  train_features_file: a.records\n  train_labels_file: a.txt\n", "holds vectors .TFRecord."),
        ("data:\n  train: a\n  dataset_type: tsv\n  src: {lang: de}\n  trg: {lang: en}\n", "--text-column de --label"),
        ("data:\n  train: a\n  dataset_type: huggingface\n  src: {}\n  trg: {}\n", "dataset_type: huggingface"),
    ],
)
def test_settings_that_name_no_data_are_refused(content: str, match: str, tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "a\n")
    refuse("translation", write(tmp_path / "data.yml", content), match)


def test_settings_are_no_table_and_need_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "data.yml", "data:\n  train_features_file: a.records\n")
    refuse("speech", path, "a YAML file is no table")
    monkeypatch.setitem(sys.modules, "yaml", None)
    refuse("translation", path, "run: pip install pyyaml")


# joeynmt.


def test_files_that_end_in_src_and_trg_are_pairs(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / f"{split}.src", lines(ENGLISH))
        write(tmp_path / f"{split}.trg", lines(GERMAN))
    assert load("translation", tmp_path) == {"train": PAIRS, "validation": PAIRS, "test": PAIRS}


@NEEDS_YAML
def test_their_configuration_names_files_by_what_they_begin_with(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / "toy" / f"{split}.en", lines(ENGLISH))
    for split in ("train", "dev"):
        write(tmp_path / "toy" / f"{split}.de", lines(GERMAN))
    content = 'name: "toy"\ndata:\n    train: "toy/train"\n    dev: "toy/dev"\n    test: "toy/test"\n'
    path = write(tmp_path / "toy.yaml", content + '    src:\n        lang: "en"\n    trg:\n        lang: "de"\n')
    found = load("translation", path)
    assert found == {"train": PAIRS, "validation": PAIRS, "test": [(text, None) for text in ENGLISH]}


def test_their_tables_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    rows = "".join(f"{one}\t<de> x\t{two}\t<en>\n" for one, two in PAIRS)
    write(tmp_path / "train.tsv", "src\tsrc_prompt\ttrg\ttrg_prompt\n" + rows)
    assert load("translation", tmp_path) == {"train": PAIRS}
    write(tmp_path / "train.tsv", "en\tde\n" + "".join(f"{one}\t{two}\n" for one, two in PAIRS))
    assert load("translation", tmp_path, text="de", label="en")["train"][0] == PAIRS[0][::-1]


# DeLFT.


def test_matrices_of_grobid_with_tags_of_its_own_become_bio(tmp_path: Path) -> None:
    rows = ["6 6 START I-<day>", "- - IN I-<other>", "10 10 IN <other>", "June june IN I-<month>", "1 1 END <month>"]
    text = "\n".join(rows) + "\n\n \n" + "\n".join(rows[3:]) + "\n"
    said: list[str] = []
    assert load("ner", write(tmp_path / "date.train", text), said) == {
        "train": [
            (("6", "-", "10", "June", "1"), ("B-day", "O", "O", "B-month", "I-month")),
            (("June", "1"), ("B-month", "I-month")),
        ]
    }
    assert "its tags are GROBID's" in said[0]


def test_lines_of_a_document_are_comments(tmp_path: Path) -> None:
    text = (
        "#begin document (a/b); part 000\nAnn\t-\tB-PER\nmet\t-\tO\n\n-DOCSTART-\tO\tO\nRome\t-\tB-LOC\n#end document\n"
    )
    assert load("ner", write(tmp_path / "eng.train", text))["train"] == [
        (("Ann", "met"), ("B-PER", "O")),
        (("Rome",), ("B-LOC",)),
    ]


MARKED = [
    (("You", "are", "a", "big", "fool", ",", "Bob", "Lee", "."), ("O", "O", "O", "B-a", "I-a", "O", "B-b", "B-a", "O")),
    (("A", "&", "B", "."), ("O",) * 4),
]
TEI = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<TEI xmlns="http://www.tei-c.org/ns/1.0">\n'
    '<p>You are a <rs type="a">big fool</rs>, <rs type="b">Bob</rs> <rs type="a">Lee</rs>.</p>\n\n'
    " <p>A <lb/>&amp; B.</p>\n</TEI>\n"
)
LE_MONDE = (
    '<corpus><document>\n<sentence id="E1">You are a <ENAMEX type="a" sub_type="x">big fool</ENAMEX>, '
    '<ENAMEX type="b">Bob</ENAMEX> <ENAMEX type="a">Lee</ENAMEX>.</sentence>\n<sentence id="E2">A &amp; B.</sentence>'
    "</document></corpus>"
)
ONTONOTES = (
    '<DOC DOCNO="a">\nYou are a <ENAMEX TYPE="a">big fool</ENAMEX> , <ENAMEX TYPE="b">Bob</ENAMEX> '
    '<ENAMEX TYPE="a">Lee</ENAMEX> .\nA &amp; B .\n</DOC>\n'
)


@pytest.mark.parametrize("name, text", [("a.xml", TEI), ("corpus.xml", LE_MONDE), ("a.name", ONTONOTES)])
def test_entities_marked_in_xml_become_bio(name: str, text: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, text)
    assert load("ner", path) == {"train": MARKED}
    known = tasks.get("ner")
    assert known.reader
    first = readers.read(known.reader.files, path, known.columns)["train"][0]
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "fool" in line)
    assert first.origin == f"{name}:{line}"


@pytest.mark.parametrize(
    "text, match",
    [
        ('<p>You <rs type="a">fool', r"a\.xml:1: not well-formed XML .*is the file whole"),
        ("<p>You fool</p>", "no entity is marked in it; expected elements such as"),
        ("<p>You\n<rs>fool</rs></p>", r"a\.xml:2: <rs> has no type"),
        ("You fool", r"a\.xml:1: not well-formed XML"),
    ],
)
def test_xml_without_entities_or_cut_short_is_refused(text: str, match: str, tmp_path: Path) -> None:
    refuse("ner", write(tmp_path / "a.xml", text), match)


def test_texts_with_a_number_per_class_are_read_by_the_class_that_is_chosen(tmp_path: Path) -> None:
    texts = [f"the text of number {number} is here" for number in range(20)]
    rows = "".join(f"id{number}\t{text}\t{number % 2}\t{1 - number % 2}\n" for number, text in enumerate(texts))
    path = write(tmp_path / "a.tsv", rows)
    refuse("sentiment", path, "its 4 columns have no names, and their content does not tell")
    assert load("sentiment", path, label="3")["train"][:2] == [(texts[0], "0"), (texts[1], "1")]
    header = "id,comment_text,toxic,obscene\n"
    path = write(
        tmp_path / "a.csv", header + "".join(f'{n},"{text}",{n % 2},{n % 3 % 2}\n' for n, text in enumerate(texts))
    )
    refuse("sentiment", path, "Found: 'id', 'comment_text', 'toxic', 'obscene'")
    assert load("sentiment", path, label="toxic")["train"][1] == (texts[1], "1")


def test_comments_above_a_table_are_left_out_and_said(tmp_path: Path) -> None:
    # Each text has a comma, by which the rows could be divided too.
    rows = [(f"the text of number {number}, here", "onp"[number % 3]) for number in range(20)]
    table = "".join(f'A{n}\tB{n}\t{label}\t"{text}"\n' for n, (text, label) in enumerate(rows))
    said: list[str] = []
    path = write(tmp_path / "corpus.txt", "# what this is\n# From  To  Sentiment  Text\n#\n" + table)
    assert load("sentiment", path, said) == {"train": rows}
    assert said[0] == f"{path}: 3 lines above the table are comments"
    # One as wide as the rows is a row.
    path = write(tmp_path / "a.csv", "text,label\n#love it is here,pos\n#hate it is here,neg\n")
    assert load("sentiment", path)["train"][0] == ("#love it is here", "pos")
    path = write(tmp_path / "b.csv", '"#love, it is",pos\n#hate it is here,neg\nso it is here,neg\n')
    assert load("sentiment", path, text="1", label="2", header="no")["train"][1] == ("#hate it is here", "neg")


# Kashgari.


def test_characters_with_tags_and_queries_with_labels_are_read(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / "ner" / f"example.{split}", "海 O\n钓 O\n在 O\n厦 B-LOC\n门 I-LOC\n\n" * 2)
    tags = ("O", "O", "O", "B-LOC", "I-LOC")
    assert load("ner", tmp_path / "ner")["validation"] == [(tuple("海钓在厦门"), tags)] * 2
    rows = [(f"今天天气如何{number}", "weather" if number % 2 else "map") for number in range(12)]
    path = write(
        tmp_path / "train.csv", ",label,query\n" + "".join(f"{n},{two},{one}\n" for n, (one, two) in enumerate(rows))
    )
    assert load("sentiment", path) == {"train": rows}


# The examples of keras.io.


def test_a_count_the_tokens_and_the_tags_on_a_line_are_a_sentence(tmp_path: Path) -> None:
    rows = "".join(
        "\t".join([str(len(tokens)), *tokens, *numbers]) + "\n"
        for tokens, numbers in zip(TOKENS, (("1", "0", "1", "2"), ("5", "0")), strict=True)
    )
    write(tmp_path / "conll_train.txt", rows)
    write(tmp_path / "conll_val.txt", rows + "1\tAnn\t12\n")
    said: list[str] = []
    assert load("ner", tmp_path, said) == {"train": SENTENCES, "validation": SENTENCES}
    assert any("numbers stand for the tags of CoNLL-2003" in line for line in said)
    assert "1 of 3 sentences left out: a number that is no tag (line 3)" in said[-1]
    assert load("pos", tmp_path / "conll_train.txt")["train"][1] == (TOKENS[1], ("5", "0"))


def test_a_folder_per_group_of_news_in_another_encoding_is_read(tmp_path: Path) -> None:
    for group in ("alt.atheism", "sci.space"):
        for number in range(3):
            path = tmp_path / "20_newsgroup" / group / f"5{number}001"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"From: André\n\n{group} {number}".encode("latin-1"))
    refuse("sentiment", tmp_path / "20_newsgroup", r"alt\.atheism/50001:1: not UTF-8: .*--encoding latin-1")
    found = load("sentiment", tmp_path / "20_newsgroup", encoding="latin-1")["train"]
    assert found[3] == ("From: André\n\nsci.space 0", "sci.space") and len(found) == 6


def test_sums_of_characters_are_pairs(tmp_path: Path) -> None:
    rows = [(f"{number}+{number * 3}", str(4 * number)) for number in range(12)]
    path = write(tmp_path / "sums.tsv", "".join(f"{one}\t{two}\n" for one, two in rows))
    assert load("translation", path, text="1", label="2") == {"train": rows}


@pytest.fixture
def draw(tmp_path: Path) -> Any:
    from PIL import Image

    def draw(*names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 8), (number * 9, 0, 0)).save(path)
        return (tmp_path / names[0]).parent

    return draw


def test_images_without_a_table_are_named_for_what_they_show(draw: Any) -> None:
    said: list[str] = []
    folder = draw("captcha/226md.png", "captcha/3d8w7.png", "captcha/48213.png")
    found = load("caption", folder, said)
    assert [(str(picture), text) for picture, text in found["train"]] == [
        ("226md.png", "226md"), ("3d8w7.png", "3d8w7"), ("48213.png", "48213"),
    ]  # fmt: skip
    assert said == [f"{folder}: no table, so what an image shows is its name, such as '226md'"]
    refuse("caption", draw("counted/IMG_0001.jpg", "counted/IMG_0002.jpg"), "with names that only count them")


def test_the_list_of_handwritten_words_is_read(draw: Any) -> None:
    names = [f"iam/words/a01/a01-000u/a01-000u-00-0{number}.png" for number in range(3)]
    folder = draw(*names).parents[2]
    rows = [
        f"{Path(name).stem} ok 154 408 768 27 51 {text}"
        for name, text in zip(names, ("AT A", "CD 12", "NN MOVE|it"), strict=True)
    ]
    rows += ["a01-000u-00-07 err 154 1 1 1 1 AT x", "a01-000u-00-08 ok 154 1 1 1 1 AT gone", "a01-000u"]
    said: list[str] = []
    write(folder / "words.txt", "#--- words.txt ---#\n#\n" + "\n".join(rows) + "\n")
    assert [text for _, text in load("caption", folder, said)["train"]] == ["A", "12", "MOVE it"]
    assert "3 of 6 rows left out: marked as cut wrongly (line 6); there is no such image (line 7)" in said[0]


# Other public forms.


def kaggle(sentence: str = "Sentence: {}", sentences: Any = SENTENCES) -> str:
    rows = []
    for number, (tokens, tags) in enumerate(sentences, 1):
        for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
            rows.append(f"{'' if place else sentence.format(number)},{token},NN{place},{tag}")
    return "Sentence #,Word,POS,Tag\n" + "\n".join(rows) + "\n"


def test_a_row_per_token_is_read_and_a_column_says_the_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "ner_dataset.csv", kaggle())
    assert load("ner", path) == load("ner", tmp_path) == {"train": SENTENCES}
    assert load("pos", path)["train"][1] == (TOKENS[1], ("NN0", "NN1"))
    assert load("pos", path, label="Tag")["train"] == SENTENCES
    # The sentence in each row; TABs and blank lines in place of the column; a quotation mark as a token.
    rows = "".join(f"{n},{a},{b}\n" for n, one in enumerate(SENTENCES) for a, b in zip(*one, strict=True))
    assert load("ner", write(tmp_path / "b.csv", "sentence_id,words,ner\n" + rows))["train"] == SENTENCES
    text = 'word\tpos\ttag\nAnn\tNNP\tB-PER\n"\t``\tO\n\nRome\tNNP\tB-LOC\n'
    assert load("ner", write(tmp_path / "c.tsv", text))["train"] == [
        (("Ann", '"'), ("B-PER", "O")),
        (("Rome",), ("B-LOC",)),
    ]


def test_a_bad_row_of_a_token_leaves_out_its_sentence(tmp_path: Path) -> None:
    said: list[str] = []
    text = kaggle(sentences=SENTENCES * 3).replace(",met,NN1,O", ",,NN1,O", 1).replace(",wins,NN1,O", ",wins,NN1,", 1)
    assert len(load("ner", write(tmp_path / "a.csv", text), said)["train"]) == 4
    assert "2 of 6 sentences left out: the token is empty (line 2); the tag is empty (line 6)" in said[-1]
    refuse("ner", write(tmp_path / "b.csv", "Word,Tag\n" + "a,O\n" * 70), "nothing says where a sentence begins")
    refuse("ner", write(tmp_path / "c.csv", "Sentence #,Word,Kind\n1,a,O\n"), "Found: 'Sentence #', 'Word', 'Kind'")


def test_lists_written_into_a_table_by_pandas_are_read(tmp_path: Path) -> None:
    rows = "".join(f'"{list(tokens)}","{list(tags)}"\n' for tokens, tags in SENTENCES)
    path = write(tmp_path / "a.csv", "tokens,ner_tags\n" + rows)
    assert load("ner", path)["train"] == SENTENCES
    rows = "".join(f'Sentence: 1,{" ".join(tokens)},"{list(tags)}"\n' for tokens, tags in SENTENCES)
    assert load("ner", write(tmp_path / "ner.csv", "Sentence #,Sentence,Tag\n" + rows))["train"] == SENTENCES
    # An array of NumPy has no commas, and would be one token.
    said: list[str] = []
    text = path.read_text() + "\"['a' 'b']\",\"['O' 'O']\"\n\"['a'\",\"['O']\"\n"
    assert load("ner", write(tmp_path / "b.csv", text), said)["train"] == SENTENCES
    assert "2 of 4 sentences left out: no list (2: lines 4, 5)" in said[-1]


@pytest.mark.parametrize("mark", ["/", "_"])
def test_words_with_their_tags_are_sentences_also_where_all_are_as_long(mark: str, tmp_path: Path) -> None:
    text = f"The{mark}DT dog{mark}NN barks{mark}VBZ\n" * 3
    said: list[str] = []
    found = load("pos", write(tmp_path / "a.txt", text), said)["train"]
    assert found == [(("The", "dog", "barks"), ("DT", "NN", "VBZ"))] * 3
    assert f"words with their tags after '{mark}', such as 'The{mark}DT'" in said[0]
    text = "\n\tAnn/B-PER met/O 1\\/2/O\n\nRome/B-LOC\nbroken word/O a/O b/O c/O d/O e/O f/O\n"
    assert load("ner", write(tmp_path / "b.txt", text), said)["train"] == [
        (("Ann", "met", "1/2"), ("B-PER", "O", "O")), (("Rome",), ("B-LOC",)),
    ]  # fmt: skip
    assert "1 of 3 sentences left out: a word without a tag (line 5)" in said[-1]


def test_columns_divided_by_two_colons_are_ratings(tmp_path: Path) -> None:
    rows = [(f"a film of {number}: fine, and so on", float(1 + number % 5)) for number in range(12)]
    path = write(tmp_path / "reviews.dat", "".join(f"{n}::{int(two)}::{one}\n" for n, (one, two) in enumerate(rows)))
    assert load("rating", path, label="2") == {"train": rows}
    path = write(tmp_path / "ratings.dat", "".join(f"{n}::{n * 7 % 9}::{n % 5}::97830{n}\n" for n in range(12)))
    refuse("rating", path, r"no column holds a text; the first row that can be read: '0', '0', '0', '978300'")


def test_rows_as_pandas_writes_them_in_json_are_read(tmp_path: Path) -> None:
    import json

    rows = [(f"a film of {number} is fine", "pos" if number % 2 else "neg") for number in range(8)]
    split = {"columns": ["text", "label"], "index": list(range(8)), "data": [list(row) for row in rows]}
    index = {str(n): {"text": one, "label": two} for n, (one, two) in enumerate(rows)}
    named = {f"row {n}": value for n, value in index.items()}
    table = {"schema": {"fields": [{"name": "text"}, {"name": "label"}]}, "data": list(index.values())}
    for content in (split, index, named, table):
        assert load("sentiment", write(tmp_path / "a.json", json.dumps(content))) == {"train": rows}
    said: list[str] = []
    split["data"][2] = ["short"]
    assert len(load("sentiment", write(tmp_path / "a.json", json.dumps(split)), said)["train"]) == 7
    assert "no list of a value per column (line 3)" in said[-1]
    split["columns"] = ["text", "text"]
    refuse("sentiment", write(tmp_path / "a.json", json.dumps(split)), "all of them different")


@pytest.fixture
def record(tmp_path: Path) -> Any:
    import soundfile

    def record(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.zeros(80), 8000)
        return tmp_path

    return record


def heard(path: Path, said: list[str] | None = None, **how: Any) -> dict:
    found = load("speech", path, said, **how)
    return {split: [(Path(sound).stem, text) for sound, text in pairs] for split, pairs in found.items()}


def test_lists_of_transcripts_beside_recordings_are_read_as_librispeech_has_them(record: Any) -> None:
    parts = {"train-clean-100": 84, "train-clean-360": 85, "dev-clean": 90, "test-clean": 91}
    names = {f"{part}/{speaker}/12/{speaker}-12-000{n}.flac" for part, speaker in parts.items() for n in range(2)}
    root = record(*names)
    for part, speaker in parts.items():
        text = "".join(f"{speaker}-12-000{n} SAID {n} TIMES\n" for n in (0, 1, 7))
        write(root / part / str(speaker) / "12" / f"{speaker}-12.trans.txt", text)
    write(root / "SPEAKERS.TXT", "; who spoke\n")
    said: list[str] = []
    found = heard(root, said)
    assert found["train"] == [(f"{speaker}-12-000{n}", f"SAID {n} TIMES") for speaker in (84, 85) for n in (0, 1)]
    assert list(found) == ["train", "validation", "test"]
    assert "4 transcripts have no recording, and are left out, such as 90-12.trans.txt:3" in said[0]
    assert "train train-clean-100 and train-clean-360, validation dev-clean" in said[1]
    assert heard(root / "dev-clean") == {"train": found["validation"]}
    assert heard(root, files={"test": Path("dev-clean")})["test"] == found["validation"]
    refuse("speech", root, "there is no such|no such file", files={"train": Path("gone")})


def test_a_text_per_recording_is_read_as_vctk_has_it(record: Any) -> None:
    names = [
        f"wav48/{speaker}/{speaker}_00{n}_mic{m}.flac"
        for speaker in ("p225", "p315")
        for n in (1, 2, 3)
        for m in (1, 2)
    ]
    root = record(*names)
    for number in (1, 2, 3):
        write(root / "txt" / "p225" / f"p225_00{number}.txt", f"Please  call {number}.\n")
    write(root / "txt" / "p315" / "p315_001.txt", "\n")
    write(root / "speaker-info.txt", "ID  AGE\n")
    said: list[str] = []
    assert heard(root, said) == {"train": [(f"p225_00{n}_mic1", f"Please call {n}.") for n in (1, 2, 3)]}
    assert "2 recordings have no transcript, and are left out, such as p315_002_mic1.flac" in said[0]
    assert "1 of 4 recordings left out: the text is empty" in said[-1]


def test_folders_of_recordings_without_transcripts_are_refused(record: Any) -> None:
    spoken = ["hers1", "hers2", "hers3"]
    root = record(*(f"train/{name}.wav" for name in spoken))
    refuse("speech", root, "no train file in this directory")
    for name in spoken:
        write(root / "train" / f"{name}.txt", f"said {name}")
    assert heard(root) == {"train": [(name, f"said {name}") for name in spoken]}
    (root / "train").rename(root / "test")
    refuse("speech", root, "no recordings with transcripts to train on; its folders: test")
