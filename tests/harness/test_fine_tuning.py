"""Runs that start from another one: what was learned stays, and what is new in the data has its place."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks
from harness import data
from harness.experiment import Experiment
from harness.options import defaults
from harness.process import backend
from harness.training import fine_tuning, request
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import inherit
from tasks.task import Task
from tests.harness import (
    assert_same_run,
    open_run,
    read_bytes,
    small,
    small_options,
    small_splits,
    stopped_after,
    train,
)

NAME = "ner"
# Tags and words that the small data has none of.
NEW = Example(("Zxq", "qqqq", "qqqq", "Zxq"), ("B-zzz", "O", "O", "B-zzz"))
# So small that no weight moves.
STILL = {"learning_rate": 1e-9, "epochs": 1}


def add(splits: Splits) -> Splits:
    """Return splits with a training example of new words and tags."""
    return splits | {"train": [*splits["train"], NEW]}


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    """The small task, with a second source of more words and tags; every one of a few epochs is the best."""
    with small(NAME) as known, pytest.MonkeyPatch.context() as patch:
        own = known.sources["small"]
        other = dataclasses.replace(own, load=lambda _: add(small_splits(NAME)))
        task = dataclasses.replace(known, sources={"small": own, "other": other}, monitor="loss", lower_is_better=True)
        patch.setattr(tasks, "get", lambda *_: task)
        yield task


@pytest.fixture(scope="module")
def first(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(train(task, small_options(task), tmp_path_factory.mktemp("first"))["run"])


def go_on(task: Task, first: Path, folder: Path, **changed: Any) -> Path:
    """Train a run that starts from another one on the other data, and return its directory."""
    options = small_options(task, data="other", from_=str(first), **changed)
    return Path(train(task, options, folder)["run"])


@pytest.fixture(scope="module")
def still(task: Task, first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that starts from the first, on more words and tags, and learns nothing."""
    return go_on(task, first, tmp_path_factory.mktemp("still"), **STILL)


def answer(directory: Path) -> tuple[np.ndarray, Experiment]:
    """Return the logits of a run for the first's own training examples, (examples, time, tags)."""
    run = open_run(directory)
    batches = run.experiment.encode(small_splits(NAME)["train"])
    found = [np.asarray(run.model.predict_on_batch(batches.draw(*entry)[0])) for entry in batches.plan()]
    return np.concatenate(found), run.experiment


def test_what_was_known_is_answered_as_before(first: Path, still: Path) -> None:
    before, earlier = answer(first)
    after, later = answer(still)
    assert later.input_field.id_names["words"][: len(earlier.input_field.id_names["words"])] == list(
        earlier.input_field.id_names["words"]
    )
    assert later.output_field.categories == [*earlier.output_field.categories, "B-zzz", "I-zzz"]
    assert {"zxq", "qqqq"} <= set(later.input_field.known_tokens)
    assert after[..., : before.shape[-1]] == pytest.approx(before, abs=1e-4)


def test_the_run_says_where_it_started(first: Path, still: Path, capsys: pytest.CaptureFixture) -> None:
    started = json.loads((still / "config.json").read_text())["started_from"]
    assert started == fine_tuning.describe(first)
    card = (still / "README.md").read_text()
    assert "started from" in card and started["model"] in card
    assert "may have forgotten" in card


def test_what_is_new_is_said(task: Task, first: Path) -> None:
    earlier = fine_tuning.read_start(task, small_options(task, from_=str(first)))
    said: list[str] = []
    fields = data.Fields(earlier.input_field, earlier.output_field)
    data.fit(task, small_options(task, data="other", from_="RUN"), said.append, fields)
    characters = len({*"Zxqqqqq"} - {*earlier.input_field.id_names["characters"]})
    noun = "character" if characters == 1 else "characters"
    assert f"RUN: 2 new words, {characters or 'no'} new {noun}, 2 new tags" in said


def test_a_stopped_run_goes_on_to_the_same_end(task: Task, first: Path, tmp_path: Path) -> None:
    whole = go_on(task, first, tmp_path / "whole", epochs=2)
    with stopped_after(1):
        go_on(task, first, tmp_path / "stopped", epochs=2)
    assert_same_run(whole, go_on(task, first, tmp_path / "stopped", epochs=2))


@pytest.mark.parametrize(
    ("part", "stays"),
    [
        ("embedding", ("embedding/", "character_")),
        ("recurrent", ("simple_0_",)),
        ("all-but-output", ("embedding/", "character_", "simple_0_")),
    ],
)
def test_frozen_weights_stay_as_they_are(
    part: str, stays: tuple[str, ...], task: Task, first: Path, tmp_path: Path
) -> None:
    before = {weight.path: np.asarray(weight) for weight in open_run(first).model.weights}
    run = open_run(go_on(task, first, tmp_path, freeze=part, epochs=1))
    for weight in run.model.weights:
        old, new = before[weight.path], np.asarray(weight)
        same = old.shape == new.shape and np.array_equal(old, new)
        grown = old.shape != new.shape and np.array_equal(old, new[tuple(map(slice, old.shape))])
        assert (same or grown) == weight.path.startswith(stays), weight.path
    # A word whose vector is never trained would be noise.
    assert ("zxq" in run.experiment.input_field.known_tokens) == (part == "recurrent")
    assert "B-zzz" in run.experiment.output_field.categories


def test_the_options_of_the_model_are_those_of_the_run(task: Task, first: Path) -> None:
    options = fine_tuning.choose_options(task, {"from_": str(first), "data": "other", "dropout": 0.1})
    assert (options.units, options.embedding_size, options.dropout) == (8, 8, 0.1)
    # Not so those of the training, and of where the data is.
    assert (options.learning_rate, options.data) == (defaults(task).learning_rate, "other")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"units": 9}, "--units 8 there, 9 here"),
        ({"cell": "gru"}, "--cell simple there, gru here"),
        ({"embedding": "onehot", "layers": 2}, "--layers 1 there, 2 here; --embedding dense there, onehot here"),
        ({"freeze": "embedding", "lazy_embeddings": True}, "no word vector is updated"),
        ({"from_": None, "freeze": "recurrent"}, "nothing has been learned yet; give --from RUN"),
        ({"from_": "nowhere"}, "nowhere: no such folder"),
    ],
)
def test_a_run_that_does_not_fit_is_refused(
    changed: dict, message: str, task: Task, first: Path, tmp_path: Path
) -> None:
    before = read_bytes(first)
    with pytest.raises(BadInput, match=message):
        request.settle(task, small_options(task, **{"from_": str(first), **changed}), tmp_path)
    assert read_bytes(first) == before and not list(tmp_path.iterdir())


def test_runs_of_other_tasks_and_unfinished_ones_are_refused(task: Task, first: Path, tmp_path: Path) -> None:
    options = small_options(task, from_=str(first))
    with pytest.raises(BadInput, match="a run of the task 'ner', and this is 'other'"):
        fine_tuning.settle(dataclasses.replace(task, name="other"), options)
    (tmp_path / "config.json").write_bytes((first / "config.json").read_bytes())
    (tmp_path / "fields").mkdir()
    for path in (first / "fields").iterdir():
        (tmp_path / "fields" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BadInput, match="not complete .best.keras is missing"):
        fine_tuning.settle(task, options.replace(from_=str(tmp_path)))


def test_new_values_are_inserted_where_the_old_ones_end() -> None:
    old = np.arange(6.0).reshape(3, 2)
    # Two words more, and behind the words the features of their spelling.
    found = fine_tuning.enlarge(-np.ones((5, 2)), old, [(2, 4)], "w")
    assert found.tolist() == [[0, 1], [2, 3], [-1, -1], [-1, -1], [4, 5]]
    # Tags by tags, as of transitions.
    assert fine_tuning.enlarge(np.zeros((4, 3)), old, [(3, 4), (2, 3)], "w")[:3, :2].tolist() == old.tolist()
    # The part of a table that has the rare words.
    assert fine_tuning.enlarge(np.zeros((4, 2)), old, [(9, 12)], "w").tolist() == [*old.tolist(), [0, 0]]
    for shape in ((2, 2), (4, 2), (3, 2, 1)):
        with pytest.raises(BadInput, match="w "):
            fine_tuning.enlarge(np.zeros(shape), old, [], "w")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["translation", "suggest"])
def test_every_weight_of_a_family_has_its_place(name: str, tmp_path: Path) -> None:
    """Families whose models have more than one table of what is known, or one for both ends."""
    task = tasks.find()[name]
    options = small_options(task, data="small", **({"unit": "character"} if name == "translation" else {}))
    every = small_splits(name)
    few = every | {"train": every["train"][:6]}

    def with_data(splits: Splits) -> Task:
        source = dataclasses.replace(next(iter(task.sources.values())), load=lambda _: splits)
        return dataclasses.replace(task, sources={"small": source})

    prepared = data.fit(with_data(few), options)
    fields = data.Fields(prepared.input_field, prepared.output_field)
    one = Experiment(task, options, tmp_path, fields.input, fields.output, fingerprint="")
    prepared = data.fit(with_data(every), options.replace(from_="RUN"), earlier=fields)
    other = Experiment(task, options, tmp_path, prepared.input_field, prepared.output_field, fingerprint="")
    backend.start()
    backend.reset(1, "float32")
    one.build().save(tmp_path / "best.keras")
    before = fine_tuning.read_weights(one)
    backend.reset(0, "float32")
    model = other.build()
    fine_tuning.put_weights(model, before, earlier=one, experiment=other)
    assert fine_tuning.measure_growth(one, other)
    # By their order, which is the same for both.
    for weight, old in zip(model.weights, before.values(), strict=True):
        assert np.array_equal(np.asarray(weight)[tuple(map(slice, old.shape))], old), weight.path


def test_a_field_that_inherits_has_options_of_its_own(task: Task) -> None:
    known = task.input(small_options(task))
    known.fit([("a", "b")])
    found = inherit(task.input(small_options(task, max_length=7)), known)
    assert found.max_length == 7 and found.id_names == known.id_names  # type: ignore[attr-defined]
