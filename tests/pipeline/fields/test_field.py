"""The contract: every field keeps it, and comes back from what it saved, an earlier version's too."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import (
    LEARNED,
    AlignedField,
    AutoregressiveField,
    Histogram,
    Image,
    InputField,
    Label,
    Number,
    OutputField,
    Passages,
    SourceText,
    TagField,
    Tags,
    TargetText,
    Text,
    Tokens,
    Transcript,
    is_autoregressive,
    restore,
    save,
)
from pipeline.forecasting.window import Future
from pipeline.option import declared
from tests.pipeline.fields import fitted
from tests.pipeline.forecasting import make_window


@pytest.mark.parametrize(
    "field",
    [Text(unit="word"), Text(unit="character"), SourceText(unit="word"), SourceText(unit="character"), Tokens()],
    ids=repr,
)
def test_tokens_are_those_that_are_encoded_and_what_is_known_has_an_id(field: Any) -> None:
    texts = ["A warm film, a cold one.", "No 3.5 stars!"]
    new = ["A colder film: 4 zloty!", "q"]
    prepare = (lambda text: tuple(text.split())) if isinstance(field, Tokens) else str
    field.fit([prepare(text) for text in texts])
    for text in (*texts, *new):
        tokens, ids = field.divide(prepare(text)), field.encode(prepare(text))["words"]
        assert len(tokens) == len(ids) > 0
        assert [token in field.known_tokens for token in tokens] == [id != 1 for id in ids]


@pytest.mark.parametrize(
    "make, values, example",
    [
        (lambda: Text(9, 5), ["ğ b", "😀"], "b 😀 x"),
        (lambda: Tokens(9, 5, 1, 3), [("Ğ", "b")], ("b", "Ğx")),
        (lambda: Tags(True), [("B-X", "O")], ("O", "I-X")),
        (lambda: Label(), ["u", "v"], "v"),
        (lambda: Number(), [1 / 3, 2.5], 0.7),
        (lambda: Histogram(), [1 / 3, 2.5], 0.7),
        (lambda: Histogram(), [3, 3], 3),
    ],
)
def test_a_field_saved_as_json_is_restored_equal(make, values, example):
    field = fitted(make(), values)
    field.encode(example)
    again = restore(make(), json.loads(json.dumps(save(field))))
    assert again == field
    for name, array in field.encode(example).items():
        np.testing.assert_array_equal(again.encode(example)[name], array)
        shape = field.arrays[name].shape
        assert array.dtype == field.arrays[name].dtype
        assert all(size in (None, found) for size, found in zip(shape, array.shape, strict=True))


def test_a_field_of_another_type_or_with_other_values_is_not_restored():
    saved = save(fitted(Label(), ["u", "v"]))
    with pytest.raises(BadInput, match="'Label', and the task uses a 'Number'"):
        restore(Number(), saved)
    with pytest.raises(BadInput):
        restore(Label(), saved | {"more": 1})


def test_a_part_with_a_plain_default_may_be_missing_and_what_was_learned_may_not():
    field = Tokens(100, 50, min_count=1)
    field.fit([("a", "b")])
    saved = save(field)
    assert restore(Tokens(100, 50, 1), {name: value for name, value in saved.items() if name != "min_count"}) == field
    for name in ("words", "characters", "vocabulary"):
        with pytest.raises(BadInput, match=f"^{name} is missing$"):
            restore(Tokens(100, 50, 1), {part: value for part, value in saved.items() if part != name})


def test_what_the_task_gives_a_field_must_be_what_it_was():
    saved = save(Text(100, 50))
    with pytest.raises(BadInput, match="max_length is 50, and by the options 60"):
        restore(Text(100, 60), saved)


INPUTS = [kind for kind in vars(fields).values() if inspect.isclass(kind) and InputField in kind.__mro__]
OUTPUTS = [kind for kind in vars(fields).values() if inspect.isclass(kind) and OutputField in kind.__mro__]
FIELDS = [kind for kind in INPUTS + OUTPUTS if dataclasses.is_dataclass(kind)]
TEXTS = ["A warm film.", "a cold, cold film"] * 9
# By output field, values to learn and one to encode.
ANSWERS = {
    Tags: ([("B", "O"), ("O",)], ("O", "B")),
    Label: (["u", "v"], "v"),
    Number: ([1.0, 2.5], 2.0),
    Histogram: ([1.0, 2.5], 2.0),
    TargetText: (TEXTS, TEXTS[0]),
    Passages: (TEXTS, TEXTS[0]),
    Transcript: (TEXTS, TEXTS[0]),
}
BOTH = {
    *("describe", "counted", "greatest_length", "measure", "divide", "known_tokens", "id_names"),
    *("class_noun", "name_classes", "find_flaws"),
}
MEMBERS = {
    InputField: {
        *BOTH,
        *("arrays", "fit", "refuse", "encode", "parse", "categorical"),
        *("typed", "unit", "tokenizer", "agreement", "truncated", "pretokenized", "fingerprint"),
    },
    OutputField: {
        *BOTH,
        *("arrays", "fit", "encode", "decode", "categorical"),
        *("autoregressive", "categories", "find_unseen", "check_pair"),
    },
    TagField: {"transitions"},
    AlignedField: {"blank", "downsample"},
    AutoregressiveField: {"start", "end", "symbols", "longest", "ends", "shared"},
}


def test_the_registry_has_every_field() -> None:
    folder = Path(fields.__file__).parent
    files = [path for side in ("inputs", "outputs") for path in (folder / side).glob("*.py") if path.stem != "__init__"]
    assert {kind.__name__.lower() for kind in FIELDS} == {path.stem.replace("_", "") for path in files}


@pytest.mark.parametrize("kind", FIELDS)
def test_every_field_has_all_members_of_its_protocols(kind: type) -> None:
    field = kind()
    for protocol, members in MEMBERS.items():
        if protocol in kind.__mro__:
            assert members <= set(dir(field)), kind
            for name in members:
                if inspect.isfunction(function := getattr(protocol, name, None)):
                    expected, found = inspect.signature(function), inspect.signature(getattr(kind, name))
                    assert len(found.parameters) == len(expected.parameters), (kind, name)


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_written_symbol_by_symbol_says_so(kind: type) -> None:
    values, _ = ANSWERS[kind]
    field = fitted(kind(), values)
    assert is_autoregressive(field) == field.autoregressive == (AutoregressiveField in kind.__mro__)
    if is_autoregressive(field):
        assert field.symbols[field.start] == "<start>" and field.symbols[field.end] == "<end>" and field.longest > 0


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_output_is_encoded_as_its_arrays_say_and_decoded_to_what_it_was(kind: type) -> None:
    values, one = ANSWERS[kind]
    field = fitted(kind(), values)
    encoded = field.encode(one)
    assert encoded.keys() == field.arrays.keys()
    for name, array in field.arrays.items():
        assert encoded[name].dtype == array.dtype and encoded[name].ndim == len(array.shape)
        assert array.size is None or ((encoded[name] >= 0).all() and (encoded[name] < array.size).all())
    if field.categorical:
        assert list(field.categories) == sorted(field.categories) and not field.find_unseen(one)
    decoded = field.decode(encoded["output"])
    assert decoded == (pytest.approx(one, abs=0.1) if isinstance(one, float) else one)


def test_a_field_that_lacks_a_member_cannot_be_made() -> None:
    @dataclasses.dataclass
    class Unfinished(InputField[str]):
        def parse(self, text: str) -> str:
            return text

    with pytest.raises(TypeError, match="abstract"):
        Unfinished()  # type: ignore[abstract]


def test_an_array_says_which_values_stand_for_nothing_and_for_what_is_unknown() -> None:
    for field in (Text(9, 9), Tokens(9, 9), SourceText(), TargetText(), Transcript()):
        name = "output" if "output" in field.arrays else "words"
        array = field.arrays[name]
        assert (array.padding, array.unknown) == (0, 1)
    assert fitted(Text(9, 9), ["a"]).encode("b")["words"].tolist() == [1]
    assert Tags().arrays["output"].unknown is None and Label().arrays["output"].unknown is None


@pytest.mark.parametrize("kind", FIELDS)
def test_every_option_of_a_field_has_help_of_one_line_and_a_default_within_its_bounds(kind: type) -> None:
    for name, option in declared(kind, "data").items():
        assert len(option.help) <= 90 and option.help.endswith(".") and not option.help.startswith("Of "), name


def test_options_that_fields_share_are_the_same() -> None:
    # A task may have both as its sides.
    for pair in ((SourceText, TargetText), (Text, Tokens)):
        ours, others = (declared(kind, "data") for kind in pair)
        assert ours["vocabulary"] == others["vocabulary"]
    assert declared(SourceText, "data")["unit"] == declared(TargetText, "data")["unit"]


@pytest.mark.parametrize(
    ("field", "earlier"),
    [
        (fitted(TargetText("word", 9), TEXTS), {"type": "Writing"}),
        (fitted(SourceText("word", 9), TEXTS), {"type": "Reading"}),
        (Image(16), {"size": 16}),
        (fitted(Transcript(2), TEXTS), {"frames": 2}),
    ],
)
def test_a_field_that_an_earlier_version_saved_by_other_names_comes_back(field: Any, earlier: dict[str, Any]) -> None:
    now = {"image_size", "downsample"} if "type" not in earlier else set()
    saved = {name: value for name, value in save(field).items() if name not in now} | earlier
    empty = dataclasses.replace(
        field, **{part.name: [] for part in dataclasses.fields(field) if part.name == "symbols"}
    )
    assert restore(empty, saved) == field
    assert save(restore(empty, saved))["type"] == type(field).__name__
    with pytest.raises(BadInput, match="and by the options|the task uses"):
        restore(empty, saved | {name: 4 for name in earlier})


def test_what_is_saved_under_an_earlier_and_a_present_name_is_refused() -> None:
    with pytest.raises(BadInput, match="the key 'size' is unknown"):
        restore(Image(16), save(Image(16)) | {"size": 16})


def test_a_part_that_came_later_stands_at_its_default_which_must_be_what_is_given() -> None:
    saved = {name: value for name, value in save(fitted(Text(9, 9), TEXTS)).items() if name != "unit"}
    assert restore(Text(9, 9), saved).unit == "word"
    with pytest.raises(BadInput, match="^unit is missing$"):
        restore(Text(9, 9, "character"), saved)
    with pytest.raises(BadInput, match="spans is False, and by the options True"):
        restore(Tags(spans=True), save(Tags()))


def test_only_what_was_learned_may_differ_from_what_the_task_makes() -> None:
    for kind in FIELDS:
        learned = {part.name for part in dataclasses.fields(kind) if part.metadata.get("learned")}
        given = {part.name for part in dataclasses.fields(kind) if part.init} - learned
        assert declared(kind, "data").keys() <= given
    assert LEARNED["learned"]


# What a field tells of itself and of its values. By input field, values to learn and one that has something unknown.
GIVEN = {
    Text: (TEXTS, "A warm, strange film."),
    Tokens: ([("A", "warm", "film")], ("A", "strange", "film")),
    SourceText: (TEXTS, "A cold fylm."),
}


@pytest.mark.parametrize("kind", [*GIVEN, TargetText, Passages, Transcript])
def test_the_tokens_of_a_value_are_those_whose_ids_it_is_encoded_as(kind: type) -> None:
    values, one = GIVEN[kind] if kind in GIVEN else (ANSWERS[kind][0], "a warm fylm.")
    field = fitted(kind(), values)
    tokens = field.divide(one)
    (name, array) = next((name, array) for name, array in field.arrays.items() if array.unknown is not None)
    ids = field.encode(one)[name][: len(tokens)]
    assert field.measure(one) == len(tokens)
    assert [token in field.known_tokens for token in tokens] == [number != array.unknown for number in ids]
    shown = [field.id_names[name][number] for number in ids]
    assert shown == [token if token in field.known_tokens else "<unknown>" for token in tokens]
    assert "<unknown>" in shown and field.counted


@pytest.mark.parametrize("kind", FIELDS)
def test_a_field_says_in_words_what_its_values_are(kind: type) -> None:
    series = {fields.History: [make_window(range(9))], fields.Horizon: [Future((1.0, 2.0), 1.0)]}
    values = series.get(kind) or {**ANSWERS, **GIVEN}.get(kind, (["u", "v"], ""))[0]
    field = kind()
    if not isinstance(field, (fields.Sound, fields.Image, fields.Series, fields.TimeSeries, fields.Pixels)):
        field = fitted(field, values)
    assert field.describe() != kind.__name__ and "\n" not in field.describe()


def test_a_field_that_says_nothing_of_itself_is_named_and_has_neither_tokens_nor_length() -> None:
    @dataclasses.dataclass
    class Plain(InputField[str]):
        @property
        def arrays(self) -> Any:
            return {}

        def encode(self, value: str) -> Any:
            return {}

        def parse(self, text: str) -> str:
            return text

    field = Plain()
    assert (field.describe(), field.measure("x"), field.greatest_length, list(field.find_flaws("x"))) == (
        "Plain",
        None,
        None,
        [],
    )
    assert not field.known_tokens and not field.id_names and not field.name_classes("x")
