import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks
from harness import data
from harness.options import defaults
from harness.training import begin as beginning
from harness.training.request import Request
from pipeline.batches import encoded_cache
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example
from pipeline.fields import Image, Picture, TargetText, Tokens
from tests.harness import encode, small, small_options
from tests.models import fit

PIXELS = np.zeros((4, 4, 3), "uint8")
ONE, OTHER = Picture.from_pixels(PIXELS, "one"), Picture.from_pixels(PIXELS + 1, "other")
EXAMPLES = [Example(ONE, Alternatives(["a cat", "a pet"]), "f:1"), Example(OTHER, "a dog", "f:3")]


def test_each_right_output_is_learned():
    assert data.expand(EXAMPLES) == [
        Example(ONE, "a cat", "f:1"),
        Example(ONE, "a pet", "f:1"),
        Example(OTHER, "a dog", "f:3"),
    ]
    tags = [Example(("a", "b"), ("X", "Y"))]
    assert data.expand(tags) == tags


def test_of_several_outputs_the_first_is_encoded_and_of_one_image_one_array_is_kept():
    words = fit(TargetText("word", 20), ["a cat", "a pet", "a dog"])
    batches = encode(EXAMPLES, Image(4), words)
    assert [words.decode(output["output"]) for output in batches.outputs] == ["a cat", "a dog"]
    inputs = encode(data.expand(EXAMPLES), Image(4), words).inputs
    assert inputs[0]["image"] is inputs[1]["image"] is not inputs[2]["image"]


def test_a_change_of_a_picture_or_of_any_caption_changes_the_fingerprint():
    found = {data.fingerprint({"train": [example]}) for example in EXAMPLES}
    found.add(data.fingerprint({"train": [Example(OTHER, EXAMPLES[0].output)]}))
    found.add(data.fingerprint({"train": [Example(ONE, Alternatives(["a cat", "a bird"]))]}))
    assert len(found) == 4


def test_json_holds_the_name_of_a_picture():
    assert [data.to_plain(value) for value in (ONE, "text", ("a", "b"), 3.5)] == ["one", "text", ("a", "b"), 3.5]


def test_what_takes_long_to_encode_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, calls = Tokens.encode_whole, []

    def count(field: Tokens, sentence: tuple[str, ...]) -> Any:
        calls.append(sentence)
        return encode(field, sentence)

    monkeypatch.setattr(Tokens, "encode_whole", count)
    with small("pos") as task:
        # What the tests share is kept elsewhere.
        monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
        calls.clear()

        def draw() -> list:
            request = Request(task, small_options(task).replace(data="small"), tmp_path)
            batches = beginning.prepare(request, None).batches["train"]
            return [batches.draw(*entry) for entry in batches.plan()]

        plain = draw()
        assert not list(tmp_path.iterdir())
        monkeypatch.setattr(encoded_cache, "WORTH", 0.0)
        for _ in range(2):
            np.testing.assert_equal(draw(), plain)
    # Twice the three splits: once without a cache, and once of two times with it.
    assert len(calls) == 2 * (12 + 6 + 6)


def table(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + "\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def prepare(name: str, path: Path, said: list[str] | None = None, **changed: Any) -> data.Prepared:
    task = tasks.find()[name]
    options = dataclasses.replace(defaults(task), data=str(path), **changed)
    return data.prepare(task, options, (said if said is not None else []).append)


def outputs_of(examples: list[Example]) -> set:
    return {example.output for example in examples}


def test_few_examples_of_a_file_sorted_by_label_have_every_label_in_every_split(tmp_path: Path) -> None:
    rows = [(f"text {label} {number}", label) for label in ("neg", "pos") for number in range(200)]
    path = table(tmp_path / "a.csv", rows)
    found = prepare("sentiment", path, limit=10)
    assert [len(examples) for examples in found.examples.values()] == [10, 10, 10]
    assert all(outputs_of(examples) == {"neg", "pos"} for examples in found.examples.values())
    other = prepare("sentiment", path, limit=10, split_seed=1)
    assert other.examples["train"] != found.examples["train"]
    # As earlier versions had it.
    first = prepare("sentiment", path, limit=10, stratify=False).examples["train"]
    assert outputs_of(first) == {"neg"} and first == [one for one in first if int(one.input.split()[2]) < 20]


def test_few_names_know_all_categories(tmp_path: Path) -> None:
    rows = [(f"name{kind}{number}", f"kind {kind}") for kind in range(30) for number in range(20)]
    found = prepare("novel", table(tmp_path / "a.csv", rows, "text,category"), limit=10)
    assert len(found.examples["train"]) == 10
    assert found.input_field.categories == sorted({category for _, category in rows})


def test_examples_without_a_word_are_left_out_counted_and_refused_if_asked(tmp_path: Path) -> None:
    rows = [(f"text {number}", "ab"[number % 2]) for number in range(40)] + [("<br />", "a"), ("<br /> <br />", "b")]
    folder = table(tmp_path / "d" / "train.csv", rows).parent
    table(folder / "test.csv", [*rows[:4], ("<br />", "a")])
    said: list[str] = []
    found = prepare("sentiment", folder, said)
    assert len(found.examples["test"]) == 4
    assert said[0].startswith("read: 47 examples, 42 (train), 5 (test); divided: 38 (train), 4 (validation)")
    assert said[1].startswith("train: 2 of ") or said[1].startswith("validation: ")
    assert "test: 1 of 5 examples left out: the text has no word in it (test.csv:6)" in said
    with pytest.raises(BadInput, match=r"\.csv:\d+: the text has no word in it; mend it, or remove it"):
        prepare("sentiment", folder, strict=True)


def test_a_category_that_only_the_test_has_is_left_out_of_it(tmp_path: Path) -> None:
    folder = table(tmp_path / "d" / "train.csv", [(f"name{n}", "xy"[n % 2]) for n in range(20)], "text,category").parent
    table(folder / "dev.csv", [("other", "x")], "text,category")
    table(folder / "test.csv", [("another", "x"), ("stranger", "z")], "text,category")
    said: list[str] = []
    assert len(prepare("novel", folder, said).examples["test"]) == 1
    assert "test: 1 of 2 examples left out: the category is not in the training data (test.csv:3)" in said


def test_a_label_that_only_the_test_has_is_kept_and_has_no_loss(tmp_path: Path) -> None:
    folder = table(tmp_path / "d" / "train.csv", [(f"text {n}", "ab"[n % 2]) for n in range(20)]).parent
    table(folder / "dev.csv", [("x y", "a")])
    table(folder / "test.csv", [("x y", "a"), ("y z", "odd")])
    found = prepare("sentiment", folder)
    batches = encode(found.examples["test"], found.input_field, found.output_field)
    (entry,) = batches.plan()
    _, outputs, weights = batches.draw(*entry)
    members = entry[1].tolist()
    assert [weights[members.index(number)] for number in (0, 1)] == [1, 0] and outputs.min() == 0


def test_what_a_user_names_is_read_from_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path / "home" / "a.csv", [("x y", "a")])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    task = tasks.find()["sentiment"]
    for name in ("~/a.csv", "home/a.csv", str(tmp_path / "home" / "a.csv")):
        monkeypatch.chdir(tmp_path)
        options = dataclasses.replace(defaults(task), data=name)
        assert data.name_source(task, options) == str(tmp_path / "home" / "a.csv")
    for name in ("imdb", "tfds:imdb_reviews"):
        assert data.name_source(task, dataclasses.replace(options, data=name)) == name
    alone = dataclasses.replace(options, data=None, train_file="home/a.csv")
    assert data.name_source(task, alone) == str(tmp_path / "home" / "a.csv")
    assert data.name_source(task, dataclasses.replace(options, data=None)) == "imdb"
