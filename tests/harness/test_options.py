import dataclasses

import pytest

import tasks
from harness.options import Options, check, defaults, differences, restore
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
    assert restore(dataclasses.asdict(options)) == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "8"}, "the option units is '8'"),
        ({"units": True}, "the option units is True"),
        ({"units": None}, "the option units is None"),
        ({"units": 8.5}, "the option units is 8.5"),
        ({"lr": []}, r"the option lr is \[\]"),
        ({"bidirectional": 1}, "the option bidirectional is 1"),
        ({"pooling": "most"}, "the option pooling is 'most'"),
        ({"precision": []}, r"the option precision is \[\]"),
        ({"colour": 1}, "the options colour are missing, or not of this version"),
    ],
)
def test_stored_options_of_the_wrong_kind_are_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        restore(dataclasses.asdict(Options()) | change)


def test_a_stored_option_that_is_missing_is_named() -> None:
    stored = dataclasses.asdict(Options())
    del stored["lr"]
    with pytest.raises(BadInput, match="the options lr are missing"):
        restore(stored)


def test_differences_name_the_options_as_they_are_typed() -> None:
    found = differences({"a": 1, "min_count": 2, "old": 3}, {"a": 1, "min_count": None, "new": 4})
    assert found == ["--min-count: 2 then, None now", "--old: 3 then, None now", "--new: None then, 4 now"]
