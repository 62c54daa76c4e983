import pickle
from dataclasses import dataclass
from typing import Literal

import pytest

from pipeline.errors import BadInput
from pipeline.option import Configured, Option, declared, make_options, merge, option


@dataclass
class Part:
    size: int = option(3, "How large.", low=1)
    rate: float | None = option(None, "How fast.", low=0, high=1, group="training")
    unit: Literal["word", "character"] = option("word", "What a text is divided into.")
    step: Literal[1, 2, 4] = option(2, "How far.")
    twice: bool = option(False, "Again.", aliases=("double",))
    name: str = option("x", "Of it.")
    kept: int = 7


OPTIONS = declared(Part, "data")


def test_a_dataclass_declares_its_options_and_nothing_else() -> None:
    assert list(OPTIONS) == ["size", "rate", "unit", "step", "twice", "name"]
    assert OPTIONS["size"] == Option("size", int, 3, "How large.", "data", low=1)
    assert OPTIONS["rate"].group == "training" and OPTIONS["rate"].optional and not OPTIONS["size"].optional
    assert OPTIONS["unit"].choices == ("word", "character") and OPTIONS["step"].type is int
    assert Part(size=5).size == 5


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "12", 12),
        ("rate", "0.5", 0.5),
        ("rate", "None", None),
        ("unit", "character", "character"),
        ("step", "4", 4),
        ("name", "None", "None"),
    ],
)
def test_what_is_typed_becomes_a_value(name: str, text: str, value: object) -> None:
    assert OPTIONS[name].parse(text) == value
    if value is not None:
        assert OPTIONS[name].type_in(value) == [f"--{name}", text]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("size", "0", "--size 0: expected a whole number of at least 1"),
        ("size", "1.5", "--size 1.5: expected a whole number of at least 1"),
        ("size", "none", "--size none: expected a whole number"),
        ("rate", "2", "--rate 2.0: expected a number between 0 and 1"),
        ("rate", "nan", "--rate nan: expected a number between 0 and 1"),
        ("unit", "charakter", "unknown --unit 'charakter'. Did you mean 'character'?"),
        ("step", "3", "--step 3: expected one of 1, 2, 4"),
    ],
)
def test_what_an_option_does_not_take_is_refused_with_what_it_takes(name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        OPTIONS[name].parse(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "value"), [("size", True), ("size", 2.0), ("twice", 1), ("name", None), ("rate", "1")]
)
def test_a_value_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput, match="expected"):
        OPTIONS[name].check(value)  # type: ignore[arg-type]


def test_a_declaration_without_help_out_of_bounds_or_of_a_kind_that_cannot_be_typed_is_refused() -> None:
    @dataclass
    class Silent:
        size: int = option(3, " ")

    @dataclass
    class Outside:
        size: int = option(0, "How large.", low=1)

    @dataclass
    class Strange:
        size: list[int] = option(0, "How large.")

    for part, message in ((Silent, "has no help"), (Outside, "--size 0: expected"), (Strange, "is of the type")):
        with pytest.raises(BadInput, match=f"the option 'size' of .*{part.__name__}.*{message}"):
            declared(part, "data")


def test_options_are_values_that_a_worker_process_can_be_sent() -> None:
    kind = make_options("mine", tuple(OPTIONS.values()))
    options = kind(size=9)
    assert (options.size, options.unit, options.task) == (9, "word", "mine")
    assert pickle.loads(pickle.dumps(options)) == options != kind()
    assert hash(options) == hash(kind(size=9))
    assert options.replace(unit="character").as_dict() == {**options.as_dict(), "unit": "character"}
    with pytest.raises(BadInput, match="the task 'mine' has no option 'sise'"):
        _ = options.sise


def test_a_part_is_configured_by_the_options_that_are_left_to_set() -> None:
    configured = Configured(Part, unit="character", kept=8)
    assert list(configured.declared("data")) == ["size", "rate", "step", "twice", "name"]
    options = make_options("mine", tuple(OPTIONS.values()))(size=9, unit="word")
    assert configured(options) == Part(size=9, unit="character", kept=8)


def test_the_same_option_may_be_of_two_parts_and_another_one_of_that_name_may_not() -> None:
    @dataclass
    class Other:
        size: int = option(4, "How large.", low=1)

    assert list(merge([("one", OPTIONS), ("another", OPTIONS)])) == list(OPTIONS)
    with pytest.raises(BadInput, match="the option 'size' of the cell is another one than that of the field"):
        merge([("the field", OPTIONS), ("the cell", declared(Other, "data"))])
