import dataclasses
from dataclasses import dataclass

import pytest

import tasks
from harness.options import EARLIER, FLAT_OPTIONS, check, defaults, differences, find_options, refuse, restore
from pipeline.errors import BadInput
from pipeline.option import Options, option

SENTIMENT, POS, NOVEL = tasks.get("sentiment"), tasks.get("pos"), tasks.get("novel")
# As every run of format 1 and 2 had them, whatever its task.
FLAT = dict.fromkeys(FLAT_OPTIONS) | {
    "header": "auto", "encoding": "utf-8", "strict": False, "data": "turkish", "split_seed": 0, "stratify": True,
    "max_length": 1000, "vocabulary": 20_000, "tokenizer": "word", "min_count": 2, "cell": "gru", "units": 9,
    "layers": 1, "bidirectional": True, "dropout": 0.3, "word_dropout": 0.1, "embedding": "dense",
    "embedding_size": 128, "seed": 0, "steps": 2750, "batch": 16, "lr": 0.5, "clip": 2.0, "average": 0.9,
    "lazy_embeddings": False, "precision": "float32",
}  # fmt: skip


@pytest.mark.parametrize("name", tasks.find())
def test_the_defaults_of_every_task_are_taken(name: str) -> None:
    task = tasks.get(name)
    options = defaults(task)
    check(options, task)
    assert options.as_dict() == {one.name: one.default for one in find_options(task).values()}
    assert task.options.items() <= options.as_dict().items()


def test_a_task_has_the_options_of_its_parts_and_no_others() -> None:
    assert {"unit", "pooling", "word_dropout"} <= find_options(SENTIMENT).keys()
    assert {"tokenizer", "min_count"} <= find_options(POS).keys()
    assert {"temperature", "top_k", "dynamic_evaluation"} <= find_options(NOVEL).keys()
    for name in ("image_size", "delay", "temperature", "beam", "tokenizer", "attention"):
        assert name not in find_options(SENTIMENT)
    assert not {"text_column", "train_file"} & find_options(tasks.get("copy")).keys()


def test_a_task_cannot_set_an_option_that_it_does_not_have() -> None:
    with pytest.raises(BadInput, match=r"the task 'pos': unknown option 'unts'. Did you mean 'units'\?"):
        defaults(dataclasses.replace(POS, options={"unts": 3}))
    with pytest.raises(BadInput, match="the task 'pos': --units 0: expected a whole number of at least 1"):
        defaults(dataclasses.replace(POS, options={"units": 0}))


@dataclass
class Loud:
    loud: bool = option(False, "Answer in capitals.")


@dataclass
class Clash:
    units: int = option(3, "Another kind of units.")


@dataclass
class Taken:
    runs: int = option(3, "How often.")


@dataclass
class Earlier:
    lr: float = option(0.1, "Luck ratio.")


def test_a_task_of_ones_own_has_options_of_its_own() -> None:
    task = dataclasses.replace(POS, own=Loud, options={**POS.options, "loud": True})
    assert defaults(task).loud is True
    assert restore({**defaults(task).as_dict(), "loud": False}, task, 3).loud is False


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (Clash, "the option 'units' of the task is another one than that of the model family"),
        (Taken, "the option 'runs' has a name that is taken"),
        (Earlier, "the option 'lr' has a name that is taken"),
    ],
)
def test_an_option_that_clashes_with_another_is_refused(own: type, message: str) -> None:
    with pytest.raises(BadInput, match=f"the task 'pos': {message}"):
        find_options(dataclasses.replace(POS, own=own))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0), ("layers", 0), ("epochs", 0), ("batch_size", -1), ("limit", 0), ("max_length", 0),
        ("vocabulary", 2), ("dropout", 2.0), ("dropout", -0.1), ("dropout", float("nan")),
        ("learning_rate", float("nan")), ("learning_rate", 0.0), ("learning_rate", float("inf")), ("clip_norm", 0.0),
        ("patience", 0), ("seed", -1), ("embedding_size", 0), ("header", "maybe"), ("strict", 1), ("units", "8"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(name: str, value: float) -> None:
    flag = "--" + name.replace("_", "-")
    with pytest.raises(BadInput, match=rf"^{flag} {value}: expected "):
        check(defaults(POS).replace(**{name: value}), POS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0), ("temperature", -1.0), ("top_k", 0), ("top_p", 0.0), ("top_p", 1.1),
        ("max_output_length", 0), ("sampling_seed", -1), ("dynamic_evaluation", -1.0),
    ],
)  # fmt: skip
def test_a_value_of_sampling_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=f"{value}: expected a"):
        check(defaults(NOVEL).replace(**{name: value}), NOVEL)


def test_an_option_that_the_cell_does_not_have_is_refused() -> None:
    check(defaults(POS).replace(cell="lstm", chrono=5), POS)
    with pytest.raises(BadInput, match="--chrono 5: --cell simple has no such option; lstm, gru"):
        check(defaults(POS).replace(cell="simple", chrono=5), POS)
    # The default of a task is for the cells that have it.
    check(defaults(tasks.get("copy")), tasks.get("copy"))


def test_an_option_of_other_tasks_is_refused_with_their_names() -> None:
    message = "the task 'pos' has no such option."
    named = "adding, digits, forecast, labels, rating, sentiment, series"
    assert str(refuse("pooling", POS)) == f"--pooling: {message} It is one of {named}"
    assert str(refuse("delay", POS)) == f"--delay: {message} It is one of adding, copy"
    assert str(refuse("poolin", POS)).startswith(f"--poolin: {message} Did you mean --pooling? It is one of adding")
    assert str(refuse("unts", POS)).startswith("unknown option of the task 'pos' '--unts'. Did you mean '--units'?")


def test_stored_options_come_back() -> None:
    options = defaults(SENTIMENT).replace(learning_rate=1.0, limit=5)
    assert restore(options.as_dict(), SENTIMENT, 3) == options


def test_the_options_of_earlier_runs_are_taken_by_their_names_of_today() -> None:
    found = restore(FLAT, POS, 1)
    expected = {"batch_size": 16, "learning_rate": 0.5, "clip_norm": 2.0, "ema_decay": 0.9, "units": 9, "cell": "gru"}
    assert expected.items() <= found.as_dict().items()
    assert found.chrono is None and found.epochs is None
    with pytest.raises(BadInput, match="the option '.*' is not of this version"):
        restore(FLAT, POS, 3)
    # What had no value, as its task had no use for it, has the default where the task has a use for it now.
    assert restore(FLAT | {"min_count": None}, POS, 1).min_count == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "8"}, "units: expected int, got str"),
        ({"units": True}, "units: expected int, got bool"),
        ({"units": 8.5}, "units: expected int, got float"),
        ({"lr": []}, "learning_rate: expected float, got array"),
        ({"bidirectional": 1}, "bidirectional: expected bool, got int"),
        ({"tokenizer": "most"}, "tokenizer: invalid enum value 'most'"),
        ({"limit": True}, r"limit: expected int \| null, got bool"),
        ({"precision": []}, "precision: expected str, got array"),
        ({"colour": 1}, "the option 'colour' is not of this version"),
    ],
)
def test_stored_options_of_the_wrong_kind_are_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        restore(FLAT | change, POS, 1)


def without(options: Options, *names: str) -> dict:
    return {name: value for name, value in options.as_dict().items() if name not in names}


def test_an_option_that_came_after_a_run_has_its_default_or_what_such_runs_did(monkeypatch: pytest.MonkeyPatch) -> None:
    options = defaults(POS).replace(units=9)
    stored = without(options, "clip_norm", "word_dropout", "min_count")
    assert restore(stored, POS, 3) == options
    monkeypatch.setitem(EARLIER, 1, {"clip_norm": 5.0, "word_dropout": 0.0, "units": 7, "pooling": "last"})
    monkeypatch.setitem(EARLIER, 2, {"clip_norm": 3.0, "min_count": 1})
    # What it was then; what is stored all the same; and nothing that the task does not have.
    for number, clip, dropout in (
        (1, 5.0, 0.0),
        (2, 3.0, options.word_dropout),
        (3, options.clip_norm, options.word_dropout),
    ):
        found = restore(stored, POS, number)
        assert (found.clip_norm, found.word_dropout, found.units) == (clip, dropout, 9)
        assert found.min_count == (1 if number < 3 else options.min_count)


@pytest.mark.parametrize(("cell", "number", "slow"), [("lru", 5, False), ("lru", 6, True), ("gru", 5, True)])
def test_an_option_of_a_cell_that_came_after_a_run_is_what_runs_of_this_cell_did(
    cell: str, number: int, slow: bool
) -> None:
    options = defaults(POS).replace(cell=cell)
    found = restore(without(options, "slow_eigenvalues"), POS, number)
    assert found == options.replace(slow_eigenvalues=slow)
    check(found, POS)


def test_an_option_that_is_no_more_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("harness.options.REMOVED", {"old_one"})
    options = defaults(POS)
    assert restore(options.as_dict() | {"old_one": 3}, POS, 3) == options
    assert capsys.readouterr().err == "--old-one 3: this version has no such option; it is left out\n"
    with pytest.raises(BadInput, match="the option 'older' is not of this version"):
        restore(options.as_dict() | {"older": 3}, POS, 3)


def test_differences_name_the_options_as_they_are_typed() -> None:
    found = differences({"a": 1, "min_count": 2, "old": 3}, {"a": 1, "min_count": None, "new": 4})
    assert found == ["--min-count: 2 then, None now", "--old: 3 then, None now", "--new: None then, 4 now"]


def test_only_options_of_decoding_can_be_changed_in_a_trained_run() -> None:
    assert {one.name for one in find_options(NOVEL).values() if one.group == "decoding"} == {
        "beam", "length_penalty", "temperature", "top_k", "top_p", "max_output_length", "sampling_seed",
        "dynamic_evaluation",
    }  # fmt: skip
