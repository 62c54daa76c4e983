import pytest

from pipeline.errors import BadInput
from pipeline.example import Alternatives
from pipeline.readers import drafts
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

COLUMNS = Columns(("source", "draft"), drafts.TARGETS)
# The first block is of the shared task of CoNLL 2014, the second as ERRANT writes one that is right.
M2 = """S Keeping the Secret of Genetic Testing
A 0 1|||Others|||Keeping a|||REQUIRED|||-NONE-|||0
A 2 3|||Rloc-|||secret|||REQUIRED|||-NONE-|||1
A 5 6|||ArtOrDet|||-NONE-|||REQUIRED|||-NONE-|||1

S All is well .
A -1 -1|||noop|||-NONE-|||REQUIRED|||-NONE-|||0

S She go cinema .
A 1 2|||R:VERB:SVA|||goes|||REQUIRED|||-NONE-|||0
A 2 2|||M:PREP|||to the|||REQUIRED|||-NONE-|||0
"""


def read(path, said=None, **how):
    return readers.read(drafts.read, path, COLUMNS, said, **{"strict": True} | how)


def write(folder, name, content):
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def test_the_edits_of_an_m2_file_are_applied_for_each_annotator(tmp_path):
    found = read(write(tmp_path, "train.m2", M2))["train"]
    assert [(one.input, one.output, one.origin) for one in found] == [
        (
            "Keeping the Secret of Genetic Testing",
            ("Keeping a the Secret of Genetic Testing", "Keeping the secret of Genetic"),
            "train.m2:1",
        ),
        ("All is well .", "All is well .", "train.m2:6"),
        ("She go cinema .", "She goes to the cinema .", "train.m2:9"),
    ]
    assert isinstance(found[0].output, Alternatives)


def test_m2_files_of_a_folder_are_found_by_their_splits(tmp_path):
    for name in ("ABC.train.gold.bea19.m2", "ABCN.dev.gold.bea19.m2"):
        write(tmp_path, name, M2)
    assert {split: len(examples) for split, examples in read(tmp_path).items()} == {"train": 3, "validation": 3}


def test_parallel_files_and_tables_are_read(tmp_path):
    write(tmp_path, "train.src", "She go .\nAll is well .\n")
    write(tmp_path, "train.trg", "She goes .\nAll is well .\n")
    pairs = [("She go .", "She goes ."), ("All is well .", "All is well .")]
    assert [(one.input, one.output) for one in read(tmp_path)["train"]] == pairs
    table = write(tmp_path, "data.tsv", "draft\tcorrected\nShe go .\tShe goes .\nAll is well .\tAll is well .\n")
    assert [(one.input, one.output) for one in read(table)["train"]] == pairs


def test_pairs_become_drafts_with_marked_corrections(tmp_path):
    marked = drafts.mark_all(read(write(tmp_path, "train.m2", M2)))["train"]
    assert [one.output for one in marked] == [
        ("Keeping{+ a+} the Secret of Genetic Testing", "Keeping the [-Secret-]{+secret+} of Genetic[- Testing-]"),
        "All is well .",
        "She [-go-]{+goes+}{+ to the+} cinema .".replace("-]{+goes+}{+ to the+}", "-]{+goes to the+}"),
    ]
    assert isinstance(marked[0].output, Alternatives)


def test_unlabelled_drafts_stay_without_corrections(tmp_path):
    found = drafts.mark_all(read(write(tmp_path, "train.m2", M2), inputs_only=True))["train"]
    assert [one.output for one in found] == [None, None, None]


@pytest.mark.parametrize(
    "edit, message",
    [
        ("A 4 9|||X|||y|||REQUIRED|||-NONE-|||0", "an edit of the tokens 4 to 9, and the sentence has 4"),
        ("A 3 2|||X|||y|||REQUIRED|||-NONE-|||0", "an edit of the tokens 3 to 2, and the sentence has 4"),
        ("A 1 x|||X|||y", "expected START END|||TYPE|||WORDS|||REQUIRED|||-NONE-|||ANNOTATOR, got '1 x|||X|||y'"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_with_its_line(tmp_path, edit, message):
    path = write(tmp_path, "train.m2", f"S All is well .\n{edit}\n")
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(caught.value) == f"{path}:2: {message}"


def test_edits_that_overlap_are_refused(tmp_path):
    edits = [f"A {place} {place + 2}|||X|||y|||REQUIRED|||-NONE-|||0" for place in (0, 1)]
    path = write(tmp_path, "train.m2", "\n".join(["S All is well .", *edits]))
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(caught.value) == f"{path}:3: an edit from token 1 on, and another one goes up to token 2"


def test_a_bad_edit_is_left_out_and_said_where_it_is_not_strict(tmp_path):
    said = []
    path = write(tmp_path, "train.m2", M2 + "\nS All is well .\nA 4 9|||X|||y|||REQUIRED|||-NONE-|||0\n")
    assert len(read(path, said, strict=False)["train"]) == 3
    assert said == [f"{path}: 1 of 4 sentences left out: an edit outside its sentence (line 14); --strict refuses them"]


@pytest.mark.parametrize(
    "content, message",
    [
        ("hello there", ":1: expected a line that begins with S, a sentence, or after it with A, an edit; got "),
        ("A 1 2|||X", ":1: expected a line that begins with S, a sentence, or after it with A, an edit; got 'A 1 2"),
    ],
)
def test_what_is_no_m2_file_is_refused(tmp_path, content, message):
    path = write(tmp_path, "train.m2", content)
    with pytest.raises(BadInput) as caught:
        read(path)
    assert f"{path}{message}" in str(caught.value)
