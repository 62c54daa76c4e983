"""Data on the disk: what is trained is what is trained of the same data in memory, bit for bit."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tasks
from harness.data import SPLITS
from harness.options import defaults
from harness.training.begin import Training, begin
from harness.training.request import settle
from harness.training.train import train
from pipeline import fields, on_disk
from pipeline.batches import encoded_cache
from pipeline.errors import BadInput
from pipeline.on_disk import OnDisk
from run import main
from tests.harness import SMALL

WORDS = ["warm", "cold", "dull", "film", "plot", "the", "a", "of", "was", "it", "so", "too", "sad", "gay", "loud"]
Write = Callable[[Path], Path]


def make_texts(count: int, seed: int = 0) -> list[str]:
    chooser = random.Random(seed)
    texts = [" ".join(chooser.choices(WORDS, k=chooser.randint(2, 9))) for _ in range(count)]
    # Some are there again, one with another label.
    return [*texts[:-5], *texts[:5]]


def write_csv(folder: Path) -> Path:
    path = folder / "reviews.csv"
    rows = [f'"{text}, ""{len(text)}""",{"bad" if len(text) % 3 else "good"}' for text in make_texts(90)]
    # A bad row, a missing label, a text over two lines.
    rows[7:7] = ["one,two,three", "no label,", '"over\ntwo lines",good']
    path.write_text("\r\n".join(["text,label", *rows]) + "\r\n")
    return path


def write_divided(folder: Path) -> Path:
    path = folder / "reviews.jsonl"
    parts = ["train"] * 8 + ["validation", "test"]
    rows = [
        {"text": text, "label": len(text) % 2, "split": parts[number % 10], "more": {"by": number % 3}}
        for number, text in enumerate(make_texts(80, seed=1))
    ]
    path.write_text("\n".join([*map(json.dumps, rows), "no JSON", ""]))
    return path


def write_fasttext(folder: Path) -> Path:
    path = folder / "reviews.txt"
    path.write_text("".join(f"__label__{len(text) % 2} {text}\n" for text in make_texts(60, seed=2)))
    return path


def write_parquet(folder: Path) -> Path:
    pandas = pytest.importorskip("pandas")
    path, texts = folder / "reviews.parquet", make_texts(60, seed=3)
    pandas.DataFrame({"text": texts, "label": [f"l{len(text) % 3}" for text in texts]}).to_parquet(path)
    return path


def write_ratings(folder: Path) -> Path:
    path = folder / "ratings.tsv"
    path.write_text("".join(f"{text}\t{len(text) % 5}/5\n" for text in make_texts(60, seed=4)))
    return path


def write_labels(folder: Path) -> Path:
    path = folder / "labels.csv"
    rows = [f"{text},{';'.join(sorted({text.split()[0], text.split()[-1]}))}" for text in make_texts(80, seed=5)]
    path.write_text("\n".join(["text,labels", *rows]) + "\n")
    return path


def write_pairs(folder: Path) -> Path:
    path = folder / "pairs.tsv"
    path.write_text("".join(f"{text}\t{text[::-1].strip()}\n" for text in make_texts(60, seed=6)))
    return path


def write_running(folder: Path) -> Path:
    path = folder / "text.txt"
    lines = [f"{text}." for text in make_texts(400, seed=7)]
    path.write_text("\n".join(line if number % 7 else "" for number, line in enumerate(lines)) + "\n")
    return path


def write_wiki(folder: Path) -> Path:
    for split, count in (("train", 30), ("test", 9)):
        articles = [f" = {text} = \n\n {text} <unk> @-@ {text} .\n" * 4 for text in make_texts(count, seed=8)]
        (folder / f"{split}.txt").write_text("\n".join(articles))
    return folder


def write_songs(folder: Path) -> Path:
    path = folder / "songs.csv"
    rows = [f"{text},{'ab'[len(text) % 2]}" for text in make_texts(60, seed=9)]
    path.write_text("\n".join(["text,category", *rows]) + "\n")
    return path


CASES: dict[str, tuple[str, Write, dict[str, Any]]] = {
    "csv": ("sentiment", write_csv, {}),
    "csv, few, together": ("sentiment", write_csv, {"limit": 9, "batch_tokens": 40}),
    "csv, a fold": ("sentiment", write_csv, {"folds": 3, "fold": 2}),
    "csv, characters": ("sentiment", write_csv, {"unit": "character"}),
    "jsonl, divided": ("sentiment", write_divided, {"split_seed": 3}),
    "jsonl, by author": ("sentiment", write_divided, {"split_by": "more.by", "leave_out": "1"}),
    "fasttext": ("sentiment", write_fasttext, {}),
    "parquet": ("sentiment", write_parquet, {}),
    "rating": ("rating", write_ratings, {}),
    "labels": ("labels", write_labels, {}),
    "translation": ("translation", write_pairs, {}),
    "suggest": ("suggest", write_running, {"batch_size": 2}),
    "suggest, wiki": ("suggest", write_wiki, {"batch_size": 2}),
    "novel": ("novel", write_songs, {}),
}


def prepare(name: str, path: Path, changed: dict[str, Any], folder: Path) -> Training:
    task = tasks.get(name)
    options = defaults(task).replace(data=str(path), **SMALL | changed)
    with begin(settle(task, options, folder, name="run", fresh=True)) as training:
        return training


def list_batches(training: Training) -> list[Any]:
    return [
        batches.draw(*entry)
        for split in SPLITS
        for batches in [training.batches[split]]
        for epoch in (0, 1)
        for entry in batches.plan(epoch)
    ]


@pytest.mark.parametrize("case", CASES)
def test_what_is_on_the_disk_makes_the_same_splits_vocabularies_and_batches(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    name, write, changed = CASES[case]
    path = write(tmp_path)
    plain = prepare(name, path, changed, tmp_path)
    said = capsys.readouterr().err
    monkeypatch.setattr(on_disk, "LARGE", -1)
    monkeypatch.setattr(encoded_cache, "WORTH", 0.0)
    kept = prepare(name, path, changed, tmp_path)
    # What is guessed, left out and found is the same too.
    assert capsys.readouterr().err == said
    for split in SPLITS:
        assert isinstance(kept.examples[split], OnDisk)
        assert list(kept.examples[split]) == list(plain.examples[split])
        assert list(map(type, kept.examples[split][:5])) == list(map(type, plain.examples[split][:5]))
    one, other = plain.experiment, kept.experiment
    assert one.fingerprint == other.fingerprint and one.lengths == other.lengths
    assert fields.save(one.input_field) == fields.save(other.input_field)
    assert fields.save(one.output_field) == fields.save(other.output_field)
    for first, second in zip(list_batches(plain), list_batches(kept), strict=True):
        np.testing.assert_equal(second, first)


@pytest.mark.parametrize("case", ["csv", "suggest"])
def test_a_run_on_the_disk_ends_with_the_same_weights_and_scores(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, write, changed = CASES[case]
    path, task = write(tmp_path), tasks.get(name)
    options = defaults(task).replace(data=str(path), **SMALL | {"epochs": 1} | changed)
    summaries, weights, answers = [], [], []
    for way, above in (("memory", 2**28), ("disk", -1)):
        monkeypatch.setattr(on_disk, "LARGE", above)
        summaries.append(train(task, options, tmp_path / way, name="run"))
        directory = tmp_path / way / name / "run"
        weights.append(keras.models.load_model(directory / "best.keras", compile=False).get_weights())
        answers.append((directory / "predictions" / "test.jsonl").read_bytes())
    assert summaries[0]["scores"] == summaries[1]["scores"]
    assert summaries[0]["baselines"] == summaries[1]["baselines"]
    assert answers[0] == answers[1]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", ["csv", "suggest"])
def test_every_command_that_reads_the_data_takes_it_from_the_disk(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    name, write, changed = CASES[case]
    path, task = write(tmp_path), tasks.get(name)
    options = defaults(task).replace(data=str(path), **SMALL | {"epochs": 1} | changed)
    run = train(task, options, tmp_path / "runs", name="run")["run"]
    shown = []
    for above in (2**28, -1):
        monkeypatch.setattr(on_disk, "LARGE", above)
        for arguments in (
            ["evaluate", run, "--json"],
            ["evaluate", run, "--split", "train", "--json"],
            ["evaluate", run, "--data", str(path), "--json"],
            ["analyse", run, "--json"],
            ["data", name, "--data", str(path), "--json"],
        ):
            assert main(arguments) == 0, capsys.readouterr().err
            shown.append(capsys.readouterr().out)
    for one, other in zip(shown[:5], shown[5:], strict=True):
        assert json.loads(one).keys() == json.loads(other).keys()
        assert json.loads(one).get("scores") == json.loads(other).get("scores")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\ngood film,1\n\xff,2\n", r"reviews.csv:3: not UTF-8: byte 0xff"),
        ("text,label\ngood film,1\n\0,2\n", r"a binary file \(a zero byte"),
        ('text,label\n"good film,1\nbad,2\nworse,1\n', r"reviews.csv:2: .*never closed"),
        ("<html><body>login</body></html>\n", "a page of the web"),
        ("\n\n  \n", "nothing but blank lines"),
    ],
)
def test_what_is_refused_is_refused_by_the_same_words(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(text.encode("latin-1"))
    said = []
    for above in (2**28, -1):
        monkeypatch.setattr(on_disk, "LARGE", above)
        with pytest.raises(BadInput, match=message) as raised:
            prepare("sentiment", path, {}, tmp_path)
        said.append(str(raised.value))
    assert said[0] == said[1]
