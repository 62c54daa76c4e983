import dataclasses

import pytest

import tasks
from harness.options import EARLIER, Options, check, defaults, differences, restore
from pipeline.errors import BadInput

SENTIMENT, POS = tasks.get("sentiment"), tasks.get("pos")


@pytest.mark.parametrize("name", tasks.find())
def test_the_defaults_of_every_task_are_valid(name: str) -> None:
    task = tasks.get(name)
    check(defaults(task), task)


def test_a_task_cannot_set_an_option_that_does_not_exist() -> None:
    with pytest.raises(BadInput, match=r"unknown option of the task 'pos' 'unts'. Did you mean 'units'\?"):
        defaults(dataclasses.replace(POS, options={"unts": 3}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0), ("layers", 0), ("epochs", 0), ("batch", -1), ("limit", 0), ("max_length", 0), ("vocabulary", 2),
        ("dropout", 2.0), ("dropout", -0.1), ("dropout", float("nan")), ("lr", float("nan")), ("lr", 0.0),
        ("lr", float("inf")), ("clip", 0.0), ("patience", 0), ("seed", -1), ("embedding_size", 0), ("delay", 0),
        ("temperature", 0.0), ("temperature", -1.0), ("top_k", 0), ("top_p", 0.0), ("top_p", 1.1), ("length", 0),
        ("sampling_seed", -1),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(name: str, value: float) -> None:
    flag = "--" + name.replace("_", "-")
    with pytest.raises(BadInput, match=rf"^{flag} {value}: expected a number (at least|between)"):
        check(dataclasses.replace(defaults(POS), **{name: value}), POS)


def test_an_option_the_task_has_no_use_for_is_refused() -> None:
    with pytest.raises(BadInput, match="--pooling last: the task 'pos' has no use for this option"):
        check(dataclasses.replace(defaults(POS), pooling="last"), POS)
    with pytest.raises(BadInput, match="--min-count 2: the task 'sentiment' has no use for this option"):
        check(dataclasses.replace(defaults(SENTIMENT), min_count=2), SENTIMENT)
    novel = tasks.get("novel")
    check(dataclasses.replace(defaults(novel), top_k=3), novel)
    with pytest.raises(BadInput, match="--top-k 3: the task 'pos' has no use for this option"):
        check(dataclasses.replace(defaults(POS), top_k=3), POS)


def test_columns_are_of_no_use_to_a_task_that_reads_no_files() -> None:
    with pytest.raises(BadInput, match="reads no files"):
        check(dataclasses.replace(defaults(POS), text_column="1"), dataclasses.replace(POS, reader=None))


def test_stored_options_come_back() -> None:
    options = dataclasses.replace(defaults(SENTIMENT), lr=1, limit=5)
    assert restore(dataclasses.asdict(options), SENTIMENT, 1) == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "8"}, "units: expected int, got str"),
        ({"units": True}, "units: expected int, got bool"),
        ({"units": None}, "units: expected int, got null"),
        ({"units": 8.5}, "units: expected int, got float"),
        ({"lr": []}, "lr: expected float, got array"),
        ({"bidirectional": 1}, "bidirectional: expected bool, got int"),
        ({"pooling": "most"}, "pooling: invalid enum value 'most'"),
        ({"downsample": True}, r"downsample: expected int \| null, got bool"),
        ({"precision": []}, "precision: expected str, got array"),
        ({"colour": 1}, "the option 'colour' is not of this version"),
    ],
)
def test_stored_options_of_the_wrong_kind_are_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        restore(dataclasses.asdict(Options()) | change, POS, 1)


def without(options: Options, *names: str) -> dict:
    return {name: value for name, value in dataclasses.asdict(options).items() if name not in names}


def test_an_option_that_came_after_a_run_has_its_default_or_what_such_runs_did(monkeypatch: pytest.MonkeyPatch) -> None:
    options = dataclasses.replace(defaults(POS), units=9)
    stored = without(options, "clip", "word_dropout", "min_count", "pooling")
    assert restore(stored, POS, 1) == options
    monkeypatch.setitem(EARLIER, 1, {"clip": 5.0, "word_dropout": 0.0, "units": 7, "pooling": "last"})
    monkeypatch.setitem(EARLIER, 2, {"clip": 3.0, "min_count": 1})
    # What it was then; what is stored all the same; and nothing that the task has no use for.
    for number, clip, dropout in (
        (1, 5.0, 0.0),
        (2, 3.0, options.word_dropout),
        (3, options.clip, options.word_dropout),
    ):
        found = restore(stored, POS, number)
        assert (found.clip, found.word_dropout, found.units, found.pooling) == (clip, dropout, 9, None)
        assert found.min_count == (1 if number < 3 else options.min_count)


def test_an_option_that_there_is_no_more_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("harness.options.REMOVED", {"old_one"})
    options = defaults(POS)
    assert restore(dataclasses.asdict(options) | {"old_one": 3}, POS, 1) == options
    assert capsys.readouterr().err == "--old-one 3: this version has no such option; it is left out\n"
    with pytest.raises(BadInput, match="the option 'older' is not of this version"):
        restore(dataclasses.asdict(options) | {"older": 3}, POS, 1)


def test_differences_name_the_options_as_they_are_typed() -> None:
    found = differences({"a": 1, "min_count": 2, "old": 3}, {"a": 1, "min_count": None, "new": 4})
    assert found == ["--min-count: 2 then, None now", "--old: 3 then, None now", "--new: None then, 4 now"]
