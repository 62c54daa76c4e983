"""Files as public data sets come: read as they are, what is guessed and left out said. And what must not be guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadInput
from pipeline.example import Alternatives
from pipeline.readers import captions, conll, parallel, passages, recordings
from pipeline.readers.tabular import tables
from tasks import find
from tests.pipeline.readers import read

WORDS = "superb moving clever bright dull awful tedious clumsy".split()
ROWS = [
    (
        f"the film was {word}, and the story {WORDS[(place + 3) % 8]} as seen {number} times",
        "pos" if place < 4 else "neg",
    )
    for number in range(5)
    for place, word in enumerate(WORDS)
]
COLUMNS = {name: task.columns for name, task in find().items()}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def given(path: Path, text: str | None = None, label: str | None = None, task: str = "sentiment", **how: Any) -> list:
    """Return the pairs of a table, as the task's columns or the given ones have it."""
    columns = COLUMNS[task].__class__(COLUMNS[task].input, COLUMNS[task].output, text, label)
    found = read(tables.read, path, columns, **how)
    return [(example.input, example.output) for example in found["train"]]


def csv_of(rows: list, delimiter: str = ",", header: str = "text,label") -> str:
    quote = '"' if delimiter == "," else ""
    lines = [header.replace(",", delimiter)] if header else []
    return "\n".join(lines + [f"{quote}{text}{quote}{delimiter}{label}" for text, label in rows]) + "\n"


# What stands between columns, and how a text is quoted.


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_marks_between_columns_are_seen_and_said(delimiter: str, tmp_path: Path) -> None:
    said: list[str] = []
    # Each text has a comma too.
    assert given(write(tmp_path / "a.csv", csv_of(ROWS, delimiter)), said=said) == ROWS
    assert "between its columns, not commas" in said[0]
    assert given(write(tmp_path / "a.txt", csv_of(ROWS, delimiter))) == ROWS


def test_quotation_marks_escaped_by_a_backslash_are_read_and_said(tmp_path: Path) -> None:
    rows = [(f'{text} said "yes"', label) for text, label in ROWS]
    text = csv_of([(text.replace('"', '\\"'), label) for text, label in rows])
    said: list[str] = []
    assert given(write(tmp_path / "a.csv", text), said=said) == rows
    assert said == [f'{tmp_path / "a.csv"}: a quotation mark inside a text is written \\"']


def test_a_quotation_that_never_ends_is_refused_with_its_line_and_nothing_is_lost(tmp_path: Path) -> None:
    lines = csv_of(ROWS).splitlines()
    lines[20] = lines[20].replace('",', ",")
    with pytest.raises(BadInput, match=r"a\.csv:\d+: the row that starts here is not valid CSV"):
        given(write(tmp_path / "a.csv", "\n".join(lines) + "\n"), strict=True)


def test_bars_and_quotation_marks_that_do_not_pair_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text|label\n"so" he said|pos\nit\'s 5" long|neg\n')
    assert given(path) == [('"so" he said', "pos"), ("it's 5\" long", "neg")]


def test_a_quotation_mark_that_is_never_closed_does_not_hide_the_tabs(tmp_path: Path) -> None:
    # Each text has a comma, too, which would divide it.
    text = "".join(f'{label}\t"{text}\n' for text, label in ROWS)
    assert given(write(tmp_path / "sms.tsv", text)) == [(f'"{text}', label) for text, label in ROWS]


def test_the_line_that_names_the_delimiter_for_excel_is_no_header(tmp_path: Path) -> None:
    for first in ("sep=;", '"sep=;"'):
        assert given(write(tmp_path / "a.csv", first + "\n" + csv_of(ROWS, ";"))) == ROWS


def test_labels_in_the_text_as_fasttext_has_them_are_read_and_said(tmp_path: Path) -> None:
    lines = [f"__label__{label} {text}" for text, label in ROWS]
    said: list[str] = []
    assert given(write(tmp_path / "train.ft.txt", "\n".join(lines) + "\n"), said=said) == ROWS
    assert "each line is a label, marked by __label__" in said[0]
    lines[5], lines[6] = f"__label__other {lines[5]}", "no label at all"
    said = []
    assert given(write(tmp_path / "train.ft.txt", "\n".join(lines)), said=said) == ROWS[:5] + ROWS[7:]
    assert "2 of 40 rows left out: several labels (line 6); no label (line 7)" in said[-1]


# Headers.


def test_a_header_of_unknown_names_is_seen_where_numbers_name_the_columns(tmp_path: Path) -> None:
    rows = [(label, text) for text, label in ROWS]
    text = "v1,v2,,,\n" + "".join(f'{label},"{text}",,,\n' for label, text in rows)
    said: list[str] = []
    assert given(write(tmp_path / "spam.csv", text), "2", "1", said=said) == ROWS
    assert "its first row names the columns: v1, v2; --header no" in said[0]


def test_a_table_without_a_header_keeps_its_first_row(tmp_path: Path) -> None:
    said: list[str] = []
    assert given(write(tmp_path / "a.csv", csv_of(ROWS, header="")), said=said) == ROWS
    assert "its first row is an example" in said[0] and "its text is column 1" in said[1]
    assert given(write(tmp_path / "b.tsv", "".join(f"{label}\t{text}\n" for text, label in ROWS))) == ROWS


def test_the_user_says_whether_there_is_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_of(ROWS, header="good,neg"))
    assert given(path, "1", "2", header="no")[0] == ("good", "neg")
    assert given(path, "1", "2", header="yes") == ROWS


def test_two_columns_of_the_name_that_is_needed_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text,label,label\n1,a b c,x,pos\n2,d e f,y,neg\n")
    with pytest.raises(
        BadInput, match=r"2 columns are named 'label' \(3, 4\). Give the number of one: --label-column 3"
    ):
        given(path)
    assert given(path, label="4") == [("a b c", "pos"), ("d e f", "neg")]
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "x", "label": "y"}\n')
    with pytest.raises(BadInput, match="the key 'label' stands in an object twice"):
        given(path)


@pytest.mark.parametrize("text", ["reviewText", "review_body", "Review Text", "tweet", "SENTENCE"])
@pytest.mark.parametrize("label", ["Sentiment", "polarity", "airline_sentiment"])
def test_the_columns_of_public_sets_are_known(text: str, label: str, tmp_path: Path) -> None:
    assert given(write(tmp_path / "a.csv", csv_of(ROWS, header=f"{text},{label}"))) == ROWS


def test_unknown_columns_are_known_by_their_content_and_it_is_said(tmp_path: Path) -> None:
    lines = [f'{number},"{text}",{label},{number}.5' for number, (text, label) in enumerate(ROWS)]
    said: list[str] = []
    path = write(tmp_path / "a.csv", "row,wording,verdict,weight\n" + "\n".join(lines) + "\n")
    assert given(path, said=said) == ROWS
    assert any("its text is column 'wording'" in line for line in said)
    assert any("its label is column 'verdict'" in line for line in said)


def test_what_content_does_not_tell_is_asked(tmp_path: Path) -> None:
    lines = [f'"{text}",{label},{label.upper()}' for text, label in ROWS]
    with pytest.raises(BadInput, match=r"no column named label or .*Found: 'text', 'a', 'b'.*--label-column"):
        given(write(tmp_path / "a.csv", "text,a,b\n" + "\n".join(lines) + "\n"))


# JSON and Parquet.


def test_json_arrays_and_objects_of_them_are_read(tmp_path: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in ROWS]
    columns = {"text": {str(n): text for n, (text, _) in enumerate(ROWS)}, "label": [label for _, label in ROWS]}
    columns["label"] = {str(n): label for n, label in enumerate(columns["label"])}
    for content in (
        json.dumps(rows),
        json.dumps(rows, indent=1),
        json.dumps({"version": 1, "data": rows}),
        json.dumps(columns),
        "\n".join(map(json.dumps, rows)),
        "\n".join(json.dumps(row, indent=1) for row in rows),
    ):
        assert given(write(tmp_path / "a.json", content)) == ROWS
    found = read(tables.read, write(tmp_path / "a.json", json.dumps(rows, indent=1)), COLUMNS["sentiment"])
    assert [example.origin for example in found["train"][:2]] == ["a.json:2", "a.json:6"]
    splits = {"train": rows, "validation": rows[:3], "test": rows[:2]}
    found = read(tables.read, write(tmp_path / "a.json", json.dumps(splits)), COLUMNS["sentiment"])
    assert {split: len(examples) for split, examples in found.items()} == {"train": 40, "validation": 3, "test": 2}


def test_columns_inside_objects_are_reached_by_their_path_or_their_last_name(tmp_path: Path) -> None:
    rows = [{"id": 1, "data": {"body": {"words": text}}, "meta": {"label": label}} for text, label in ROWS]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert given(path, "data.body.words", "meta.label") == ROWS
    assert given(path, "words") == ROWS
    with pytest.raises(BadInput, match=r"unknown column 'data.word'. Did you mean .*Known: data.body.words, id"):
        given(path, "data.word")


def test_a_row_without_a_key_is_left_out_and_an_array_cut_short_is_refused(tmp_path: Path) -> None:
    rows = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    rows[3] = '{"text": "a"}'
    said: list[str] = []
    assert len(given(write(tmp_path / "a.jsonl", "\n".join(rows)), said=said)) == 39
    assert said[0] == f"{tmp_path / 'a.jsonl'}: 1 of 40 rows left out: no key 'label' (line 4); --strict refuses them"
    with pytest.raises(BadInput, match=r"a\.json:\d+: not JSON"):
        given(write(tmp_path / "a.json", "[" + ",\n".join(rows)[:-7]))


def test_a_key_that_the_first_object_alone_lacks_is_a_column(tmp_path: Path) -> None:
    rows = [{"text": text} | ({"label": label} if place else {}) for place, (text, label) in enumerate(ROWS)]
    said: list[str] = []
    assert given(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows))), said=said) == ROWS[1:]
    assert "1 of 40 rows left out: no key 'label' (line 1)" in said[0]


def test_parquet_is_read_with_the_names_of_its_classes(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"text": [text for text, _ in ROWS], "label": [int(label == "pos") for _, label in ROWS]})
    parquet.write_table(table, tmp_path / "plain.parquet")
    assert given(tmp_path / "plain.parquet") == [(text, str(int(label == "pos"))) for text, label in ROWS]
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
    }
    kept = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    for number in range(2):
        part = table.slice(20 * number, 20).replace_schema_metadata(kept)
        parquet.write_table(part, folder / "data" / f"train-0000{number}-of-00002.parquet")
    assert given(folder) == ROWS
    (tmp_path / "plain.parquet").write_bytes((tmp_path / "plain.parquet").read_bytes()[:-20])
    with pytest.raises(BadInput, match="no Parquet file that can be read"):
        given(tmp_path / "plain.parquet")


# Values.


@pytest.mark.parametrize("missing", ["null", "NaN", '""', '" "', '"nan"', '"NULL"', '"N/A"'])
def test_a_missing_label_is_left_out_and_counted(missing: str, tmp_path: Path) -> None:
    rows = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    for place in (7, 9):
        rows[place] = f'{{"text": "x y", "label": {missing}}}'
    said: list[str] = []
    labels = {label for _, label in given(write(tmp_path / "a.jsonl", "\n".join(rows)), said=said)}
    assert labels == {"pos", "neg"}
    assert said[0].endswith("2 of 40 rows left out: the label is missing (2: lines 8, 10); --strict refuses them")


def test_none_and_na_are_labels(tmp_path: Path) -> None:
    rows = [("a b", "none"), ("c d", "NA")] * 9
    assert given(write(tmp_path / "a.csv", csv_of(rows))) == rows


def test_zero_and_its_float_are_one_label(tmp_path: Path) -> None:
    write(tmp_path / "d" / "train.jsonl", "\n".join(f'{{"text": "a {n}", "label": {n % 2}}}' for n in range(9)))
    write(tmp_path / "d" / "test.jsonl", "\n".join(f'{{"text": "a {n}", "label": {n % 2}.0}}' for n in range(9)))
    write(tmp_path / "d" / "dev.csv", "text,label\na,1.0\nb,-0.0\nc,1.50\n")
    found = read(tables.read, tmp_path / "d", COLUMNS["sentiment"])
    assert {example.output for split in ("train", "test") for example in found[split]} == {"0", "1"}
    assert [example.output for example in found["validation"]] == ["1", "-0", "1.50"]


def test_ratings_out_of_a_total_and_in_words_are_numbers_and_two_totals_are_refused(tmp_path: Path) -> None:
    def numbers(*ratings: str) -> list[float]:
        text = "text,rating\n" + "".join(f"a {n},{rating}\n" for n, rating in enumerate(ratings))
        return [label for _, label in given(write(tmp_path / "a.csv", text), task="rating", number=True, said=said)]

    said: list[str] = []
    assert numbers("4/5", "2.5 / 5", "1 out of 5 stars") == [4, 2.5, 1]
    assert said == [f"{tmp_path / 'a.csv'}: a rating such as '4/5' is read as the number of 5 that it gives"]
    assert numbers("1 star", "5 stars", "3", "2.5 points") == [1, 5, 3, 2.5]
    assert said[-1] == f"{tmp_path / 'a.csv'}: a rating such as '1 star' is read as 1"
    with pytest.raises(BadInput, match=r"out of several totals: '4/5', '7/10'\. Bring them to one scale"):
        numbers("4/5", "7/10")
    with pytest.raises(BadInput, match="out of several totals: '4/5', '3'"):
        numbers("4/5", "3")


def test_most_rows_bad_is_another_kind_of_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,rating\n" + "a,good\n" * 6 + "b,1\nc,2\n")
    with pytest.raises(BadInput, match="6 of 8 rows cannot be read: the label is not a number .*The first: .*a.csv:2"):
        given(path, task="rating", number=True)


# Splits.


def test_a_test_without_labels_is_kept_and_said(tmp_path: Path) -> None:
    write(tmp_path / "d" / "train.csv", csv_of(ROWS))
    for content in ("id,text\n1,a b\n2,c d\n", "id,text,label\n1,a b,\n2,c d,\n"):
        write(tmp_path / "d" / "test.csv", content)
        said: list[str] = []
        found = read(tables.read, tmp_path / "d", COLUMNS["sentiment"], said)
        assert [(example.input, example.output) for example in found["test"]] == [("a b", None), ("c d", None)]
        assert said == [f"{tmp_path / 'd' / 'test.csv'}: no label in it, so what is answered to it is not scored"]


def test_a_column_that_says_the_split_divides_a_table(tmp_path: Path) -> None:
    lines = [f'"{text}",{label},{("train", "dev", "TEST")[n % 3]}' for n, (text, label) in enumerate(ROWS)]
    said: list[str] = []
    path = write(tmp_path / "a.csv", "text,label,split\n" + "\n".join(lines) + "\n")
    found = read(tables.read, path, COLUMNS["sentiment"], said)
    assert {split: len(examples) for split, examples in found.items()} == {"train": 14, "validation": 13, "test": 13}
    assert said == [f"{path}: divided into train, validation, test by its column 'split'"]


def test_a_folder_of_a_folder_per_label_is_read(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("pos", "neg"):
            for number in range(3):
                write(tmp_path / "imdb" / split / label / f"{number}_7.txt", f"{label} {number}\n")
    write(tmp_path / "imdb" / "train" / "unsup" / "0_0.txt", "nobody knows")
    write(tmp_path / "imdb" / "imdb.vocab", "a\nb\n")
    said: list[str] = []
    found = read(tables.read, tmp_path / "imdb", COLUMNS["sentiment"], said)
    assert list(found) == ["train", "test"]
    assert [(example.input, example.output) for example in found["test"]] == [
        (f"{label} {number}", label) for label in ("neg", "pos") for number in range(3)
    ]
    assert found["train"][0].origin == "neg/0_7.txt"
    assert said == [f"{tmp_path / 'imdb' / 'train' / 'unsup'}: left out, as its 1 texts have no label"]
    assert list(read(tables.read, tmp_path / "imdb" / "train", COLUMNS["sentiment"])) == ["train"]


# Tokens and tags.


def tagged(path: Path, task: str, said: list[str] | None = None, **how: Any) -> list:
    found = read(conll.read, path, COLUMNS[task], said, spans=task == "ner", **how)
    return [(example.input, example.output) for example in found["train"]]


SENTENCES = [(("Ann", "met", "Bob"), ("B-PER", "O", "B-PER")), (("#", "wins"), ("O", "O"))] * 4


def test_a_folder_of_classes_in_a_folder_is_read(tmp_path: Path) -> None:
    # As polarity 2.0 (Pang and Lee) comes.
    for number, (text, label) in enumerate(ROWS):
        write(tmp_path / "txt_sentoken" / label.upper() / f"cv{number:03}.TXT", text)
    write(tmp_path / "poldata.README.2.0", "what this is")
    found = given(tmp_path)
    assert sorted(found) == sorted((text, label.upper()) for text, label in ROWS)


def test_a_line_about_a_sentence_of_another_width_is_a_comment(tmp_path: Path) -> None:
    # As GermEval 2014 has it.
    text = "#\thttp://a.org [2009-10-17]\n1\tAnna\tB-PER\n2\tlebt\tO\n\n#\thttp://b.org []\n1\tOb\tO\n2\t#\tO\n"
    said: list[str] = []
    found = read(conll.read, write(tmp_path / "a.tsv", text), COLUMNS["ner"], said=said)["train"]
    assert [example.input for example in found] == [("Anna", "lebt"), ("Ob", "#")]
    assert "2 lines are comments" in said[0]


def test_comments_are_left_out_of_columns_and_the_token_of_that_form_is_kept(tmp_path: Path) -> None:
    blocks = [
        f"# id 1c823d9e{number} domain=en\n" + "\n".join(f"{token} _ _ {tag}" for token, tag in zip(*one, strict=True))
        for number, one in enumerate(SENTENCES)
    ]
    said: list[str] = []
    for task in ("ner", "pos"):
        assert tagged(write(tmp_path / "a.conll", "\n\n".join(blocks)), task, said) == SENTENCES
    assert said[0] == f"{tmp_path / 'a.conll'}: 8 lines are comments"


def test_a_column_that_counts_the_tokens_is_no_token_and_the_last_of_spans_has_the_tags(tmp_path: Path) -> None:
    blocks = [
        f"# sent_id = {number}\n# text = {' '.join(one[0])}\n"
        + "\n".join(f"{n}\t{token}\t{tag}\t-\t-" for n, (token, tag) in enumerate(zip(*one, strict=True), 1))
        for number, one in enumerate(SENTENCES)
    ]
    said: list[str] = []
    assert tagged(write(tmp_path / "en-ud-train.iob2", "\n\n".join(blocks) + "\n"), "ner", said) == SENTENCES
    assert any("counts the tokens" in line for line in said) and any("column 3 of 5" in line for line in said)
    # Without blank lines a sentence begins where the count begins again.
    assert tagged(write(tmp_path / "a.iob2", "\n".join(blocks)), "ner") == SENTENCES


def conllu(blocks: list, between: str) -> str:
    rows = (
        [f"{n}\t{token}\t_\t{tag}" + "\t_" * 6 for n, (token, tag) in enumerate(zip(*one, strict=True), 1)]
        for one in blocks
    )
    return between.join("\n".join(one) for one in rows)


@pytest.mark.parametrize("between", ["\n\n", "\n", "\n# sent_id = 2\n", "\n# newpar\n# sent_id = x\n# text = y\n"])
def test_sentences_without_blank_lines_between_them_are_still_apart(between: str, tmp_path: Path) -> None:
    assert tagged(write(tmp_path / "a.conllu", conllu(SENTENCES, between)), "pos") == SENTENCES


def test_one_sentence_of_a_whole_file_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    tagged(write(tmp_path / "a.conll", "word\tX\n" * 70), "pos", said)
    assert said == [f"{tmp_path / 'a.conll'}: one sentence of 70 tokens; are blank lines missing between sentences?"]


def test_a_tab_at_the_end_of_every_line_is_no_column(tmp_path: Path) -> None:
    blocks = ["\n".join(f"{token}\t{tag}\t" for token, tag in zip(*one, strict=True)) for one in SENTENCES]
    assert tagged(write(tmp_path / "a.conll", "\n\n".join(blocks)), "ner") == SENTENCES


def test_a_sentence_with_a_bad_line_is_left_out_and_in_conllu_refused(tmp_path: Path) -> None:
    blocks = ["\n".join(f"{token} {tag}" for token, tag in zip(*one, strict=True)) for one in SENTENCES]
    said: list[str] = []
    assert tagged(write(tmp_path / "a.conll", "\n\n".join([*blocks, "Ann\nmet O"])), "ner", said) == SENTENCES
    assert said[0].endswith("1 of 9 sentences left out: 1 column in place of 2 (line 29); --strict refuses them")
    lines = conllu(SENTENCES, "\n\n").replace("2\twins", "2\n\twins", 1)
    with pytest.raises(BadInput, match=r"a\.conllu:6: 1 column where the first row \(line 1\) has 10"):
        tagged(write(tmp_path / "a.conllu", lines), "pos")


def test_chinese_tags_of_four_letters_become_bio(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bmes", "王 B-NAME\n小 M-NAME\n明 E-NAME\n在 O\n京 S-LOC\n")
    assert tagged(path, "ner") == [(tuple("王小明在京"), ("B-NAME", "I-NAME", "I-NAME", "O", "B-LOC"))]


def test_lists_of_tokens_and_tags_are_read_from_json(tmp_path: Path) -> None:
    rows = [json.dumps({"tokens": one, "ner_tags": tags}) for one, tags in SENTENCES]
    assert tagged(write(tmp_path / "a.jsonl", "\n".join(rows)), "ner") == SENTENCES
    rows.append(json.dumps({"tokens": ["a", "b"], "ner_tags": ["O"]}))
    said: list[str] = []
    assert tagged(write(tmp_path / "a.jsonl", "\n".join(rows)), "ner", said) == SENTENCES
    assert "as many tags as tokens are expected (line 9)" in said[0]


# Pairs of texts.

ENGLISH = [f"a dog saw {n} cats" for n in range(8)]
GERMAN = [f"ein Hund sah {n} Katzen" for n in range(8)]
PAIRS = list(zip(ENGLISH, GERMAN, strict=True))


def paired(path: Path, source: str | None = None, said: list[str] | None = None, **how: Any) -> dict[str, list]:
    columns = COLUMNS["translation"].__class__(COLUMNS["translation"].input, COLUMNS["translation"].output, source)
    found = read(parallel.read, path, columns, said, **how)
    return {split: [(example.input, example.output) for example in rows] for split, rows in found.items()}


def lines(path: Path, texts: list[str]) -> Path:
    return write(path, "\n".join(texts) + "\n")


def test_two_files_without_a_split_in_their_names_are_a_pair(tmp_path: Path) -> None:
    one = lines(tmp_path / "europarl-v7.de-en.en", ENGLISH)
    other = lines(tmp_path / "europarl-v7.de-en.de", GERMAN)
    write(tmp_path / "README", "about it")
    assert paired(tmp_path) == paired(one) == paired(other) == {"train": PAIRS}
    assert paired(one, "de") == {"train": [(german, english) for english, german in PAIRS]}
    other.unlink()
    with pytest.raises(
        BadInput, match=r"there is no file of another language beside it, such as europarl-v7\.de-en\.de"
    ):
        paired(one)


def test_several_pairs_for_a_split_are_refused_with_the_option_that_chooses(tmp_path: Path) -> None:
    for name in ("train", "train.lc.norm.tok", "test_2016_flickr", "test_2017_mscoco"):
        lines(tmp_path / f"{name}.en", [f"{name} {text}" for text in ENGLISH])
        lines(tmp_path / f"{name}.de", GERMAN)
    with pytest.raises(BadInput, match=r"2 pairs of files for the train split: train\.en, .*--train-file train\.en"):
        paired(tmp_path)
    with pytest.raises(BadInput, match=r"2 pairs of files for the test split.*--test-file test_2016_flickr\.en"):
        paired(tmp_path, files={"train": Path("train.en")})
    found = paired(tmp_path, files={"train": Path("train.de"), "test": Path("test_2017_mscoco.en")})
    assert found["train"][0] == ("train a dog saw 0 cats", GERMAN[0]) and found["test"][0][0].startswith("test_2017")


def test_sgml_and_tmx_are_read(tmp_path: Path) -> None:
    for language, texts in {"en": ENGLISH, "de": GERMAN}.items():
        segments = "".join(f'<seg id="{n}">{text} &amp; more</seg>\n' for n, text in enumerate(texts))
        write(tmp_path / "sgm" / f"newstest-train-ende.{language}.sgm", f"<doc>\n{segments}</doc>\n")
    assert paired(tmp_path / "sgm")["train"][0] == (f"{ENGLISH[0]} & more", f"{GERMAN[0]} & more")
    units = "".join(
        f'<tu><tuv xml:lang="EN"><seg>{one}</seg></tuv><tuv xml:lang="de"><seg>{two} <b>x</b></seg></tuv></tu>'
        for one, two in PAIRS
    )
    path = write(tmp_path / "a.tmx", f'<?xml version="1.0"?><tmx version="1.4"><body>{units}</body></tmx>')
    assert paired(path)["train"][0] == (ENGLISH[0], f"{GERMAN[0]} x")
    with pytest.raises(BadInput, match=r"a\.tmx:1: not well-formed XML"):
        paired(write(tmp_path / "a.tmx", "<tmx><body>"))


def test_files_beside_a_pair_of_opus_are_no_languages(tmp_path: Path) -> None:
    for end, lines in (("en", PAIRS), ("de", [pair[::-1] for pair in PAIRS])):
        write(tmp_path / f"Books.de-en.{end}", "".join(f"{text}\n" for text, _ in lines))
    for name in ("Books.de-en.xml", "Books.de-en.ids", "README", "LICENSE"):
        write(tmp_path / name, "not data\n")
    assert paired(tmp_path) == {"train": PAIRS}


def test_a_language_is_known_by_its_name_without_its_region(tmp_path: Path) -> None:
    units = "".join(
        f'<tu><tuv xml:lang="de-DE"><seg>{german}</seg></tuv><tuv xml:lang="en-GB"><seg>{english}</seg></tuv></tu>'
        for english, german in PAIRS
    )
    path = write(tmp_path / "a.tmx", f"<tmx><body>{units}</body></tmx>")
    assert paired(path) == {"train": PAIRS}
    assert paired(path, "de") == {"train": [(german, english) for english, german in PAIRS]}


def test_objects_of_languages_and_columns_without_names_are_pairs(tmp_path: Path) -> None:
    rows = [json.dumps({"translation": {"de": german, "en": english}}) for english, german in PAIRS]
    said: list[str] = []
    path = write(tmp_path / "a.jsonl", "\n".join(rows))
    assert paired(path, said=said) == {"train": PAIRS}
    assert said == [
        f"{path}: column 'translation.en' is the input and 'translation.de' the output; --text-column, --label-column "
        "name others"
    ]
    assert paired(path, "de")["train"][0] == (GERMAN[0], ENGLISH[0])
    credits = "".join(
        f"{one}\t{two}\tCC-BY 2.0 (France) Attribution: example.org #{n}\n" for n, (one, two) in enumerate(PAIRS)
    )
    for name in ("deu.txt", "deu.tsv", "deu"):
        assert paired(write(tmp_path / name, credits)) == {"train": PAIRS}


# Images and recordings.


@pytest.fixture
def images(tmp_path: Path) -> Path:
    from PIL import Image

    (tmp_path / "set" / "Images").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "set" / "Images" / f"{number}_ab.png")
    return tmp_path / "set"


def captioned(path: Path, **how: Any) -> dict[str, list]:
    found = read(captions.read, path, COLUMNS["caption"], **how)
    return {split: [(str(one.input).rpartition("\\")[2], one.output) for one in rows] for split, rows in found.items()}


TWO = [(f"{n}_ab.png", Alternatives((f'A "{n}" , bright .', f"Number {n} ."))) for n in range(6)]
LISTED = [(name, caption) for name, both in TWO for caption in both]


def test_the_list_of_flickr8k_is_read_and_divided_by_its_lists_of_images(images: Path) -> None:
    rows = "".join(f"{name}#{n % 2}\t{caption}\n" for n, (name, caption) in enumerate(LISTED))
    assert captioned(write(images / "Flickr8k.token.txt", rows)) == {"train": TWO}
    assert captioned(images) == {"train": TWO}
    for split, names in {"train": range(4), "dev": [4], "test": [5]}.items():
        lines(images / f"Flickr_8k.{split}Images.txt", [f"{name}_ab.png" for name in names])
    write(images / "Flickr8k.lemma.token.txt", rows)
    assert captioned(images) == {"train": TWO[:4], "validation": TWO[4:5], "test": TWO[5:]}


def test_flickr30k_kaggle_coco_karpathy_and_imagefolders_are_read(images: Path) -> None:
    bars = "image_name| comment_number| comment\n" + "".join(
        f"{name}| {n % 2}| {text}\n" for n, (name, text) in enumerate(LISTED)
    )
    assert captioned(write(images / "results.csv", bars)) == {"train": TWO}
    (images / "results.csv").unlink()
    quoted = "image,caption\n" + "".join(
        f'Images\\{name},"{text}"\n'.replace('"A "', '"A ""').replace('" ,', '"" ,') for name, text in LISTED
    )
    assert captioned(write(images / "captions.txt", quoted)) == {"train": TWO}
    (images / "captions.txt").unlink()
    coco = {
        "images": [{"id": n, "file_name": name} for n, (name, _) in enumerate(TWO)],
        "annotations": [
            {"image_id": n, "id": 9 + n, "caption": text} for n, (_, both) in enumerate(TWO) for text in both
        ],
    }
    assert captioned(write(images / "annotations" / "captions_train2014.json", json.dumps(coco)).parent) == {
        "train": TWO
    }
    assert captioned(images) == {"train": TWO}
    divided = {
        "images": [
            {"filename": name, "split": split, "sentences": [{"raw": text} for text in both]}
            for (name, both), split in zip(TWO, ["train", "restval", "train", "val", "test", "test"], strict=True)
        ]
    }
    found = captioned(write(images / "dataset.json", json.dumps(divided)))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 3, "validation": 1, "test": 2}
    rows = "\n".join(json.dumps({"file_name": name, "text": text}) for name, text in LISTED)
    assert captioned(write(images / "Images" / "metadata.jsonl", rows)) == {"train": TWO}


def test_of_the_files_of_coco_those_of_captions_are_read(images: Path) -> None:
    known = [{"id": number, "file_name": f"{number}_ab.png"} for number in range(3)]
    for split in ("train", "val"):
        told = [{"image_id": number, "caption": f"what {number} shows"} for number in range(3)]
        for name, rows in (("captions", told), ("instances", [{"image_id": 0, "bbox": [1, 2]}])):
            content = json.dumps({"images": known, "annotations": rows})
            write(images / "annotations" / f"{name}_{split}2017.json", content)
    found = read(captions.read, images, COLUMNS["caption"])
    assert {split: [one.output for one in rows] for split, rows in found.items()} == {
        split: [f"what {number} shows" for number in range(3)] for split in ("train", "validation")
    }


def test_a_row_without_its_image_is_left_out_and_counted(images: Path) -> None:
    rows = "image,caption\n" + "".join(f"{name},one\n" for name, _ in TWO) + "gone.png,two\n"
    said: list[str] = []
    assert len(captioned(write(images / "a.csv", rows), said=said)["train"]) == 6
    assert said[0].endswith("1 of 7 rows left out: there is no such image (line 8); --strict refuses them")


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    import numpy as np
    import soundfile

    (tmp_path / "set" / "wavs").mkdir(parents=True)
    for number in range(8):
        soundfile.write(tmp_path / "set" / "wavs" / f"LJ001-000{number}.wav", np.zeros(800), 8000)
    return tmp_path / "set"


def heard(path: Path, said: list[str] | None = None) -> dict[str, list]:
    found = read(recordings.read, path, COLUMNS["speech"], said)
    return {split: [(Path(one.input).stem, one.output) for one in rows] for split, rows in found.items()}


SPOKEN = [(f"LJ001-000{n}", f'said "{n}" times') for n in range(8)]


def test_lj_speech_audiofolders_and_common_voice_are_read(sounds: Path) -> None:
    lines(sounds / "metadata.csv", [f"{name}|RAW {n}|{text}" for n, (name, text) in enumerate(SPOKEN)])
    said: list[str] = []
    assert heard(sounds, said) == {"train": SPOKEN}
    assert any("its transcript is column 3" in line for line in said)
    rows = "".join(
        f'wavs/{name}.wav,"{text}"\n'.replace('said "', 'said ""').replace('" times', '"" times')
        for name, text in SPOKEN
    )
    write(sounds / "metadata.csv", "file_name,transcription\n" + rows)
    assert heard(sounds) == {"train": SPOKEN}
    (sounds / "metadata.csv").unlink()
    (sounds / "wavs").rename(sounds / "clips")
    for split, part in {"train": SPOKEN[:6], "dev": SPOKEN[6:7], "test": SPOKEN[7:]}.items():
        rows = "".join(f"c\t{name}.wav\t{text}\t2\t0\n" for name, text in part)
        write(sounds / f"{split}.tsv", "client_id\tpath\tsentence\tup_votes\tdown_votes\n" + rows)
    write(sounds / "validated.tsv", "client_id\tpath\tsentence\n")
    said = []
    assert heard(sounds, said) == {"train": SPOKEN[:6], "validation": SPOKEN[6:7], "test": SPOKEN[7:]}
    assert said == [f"{sounds}: left out, as no split is in their names: validated.tsv"]


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x24\xf0\xff\x7f", b"\0\0\0\0"])
def test_a_recording_written_to_a_pipe_is_read_to_its_end_and_it_is_said(size: bytes, sounds: Path) -> None:
    from pipeline.fields import recording

    path = sounds / "wavs" / "LJ001-0000.wav"
    content = bytearray(path.read_bytes())
    content[4:8] = size
    content[40:44] = size
    path.write_bytes(content)
    lines(sounds / "metadata.csv", [f"{name}|{text}" for name, text in SPOKEN])
    said: list[str] = []
    assert heard(sounds, said) == {"train": SPOKEN}
    assert "1 recordings do not tell their length" in said[-1]
    assert len(recording.read(path)[0]) == 800


# Texts to learn to write.


@pytest.mark.parametrize("header", ["text", "headline", "wording"])
def test_a_table_of_texts_alone_has_one_category(header: str, tmp_path: Path) -> None:
    names = ["sate", "kevin the great", "malon", "kenas", "rolora"]
    path = write(tmp_path / "a.csv", "\n".join([header, *names]) + "\n")
    found = read(passages.read, path, COLUMNS["novel"])["train"]
    assert [(example.input, example.output) for example in found] == [(name, "") for name in names]
