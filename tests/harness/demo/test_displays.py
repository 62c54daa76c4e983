"""Answers as HTML: they say what predict says, in parts that add up."""

import html
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from harness.demo import displays
from harness.demo.displays import has_stars, join
from harness.demo.fragments import STYLE, render
from harness.demo.question import Question, follow, make_blanks, make_question, sample
from harness.demo.steps import find_notes, name_steps
from pipeline.fields import Number, Text
from tests.harness import as_typed, open_run, predict, small, small_splits, train_small

NAMES = ("ner", "pos", "sentiment", "rating", "novel", "caption", "translation", "speech", "adding")
Asked = tuple[Question, str, Path]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Asked]:
    """Return a function of a task to a question that a small run is asked, as it is typed, and the run's directory."""
    found: dict[str, Asked] = {}

    def get(name: str) -> Asked:
        if name not in found:
            folder = tmp_path_factory.mktemp(name)
            with small(name) as task:
                directory = train_small(task, folder)
                trained = open_run(directory)
            typed = as_typed(small_splits(name)["test"][0].input, folder)
            field = trained.experiment.input_field
            temperature = trained.experiment.options.as_dict().get("temperature")
            found[name] = make_question(trained, field.parse(typed), temperature), typed, directory
        return found[name]

    return get


def read_text(shown: str, kind: str) -> list[str]:
    """Return the texts of the elements of a class, or of a tag."""
    pattern = rf'<(?:\w+[^>]*class="{kind}"|{kind})[^>]*>(.*?)</'
    return [html.unescape(re.sub(r"<.*?>", "", found)).strip() for found in re.findall(pattern, shown, re.DOTALL)]


def test_spans_are_those_of_seqeval() -> None:
    chance = random.Random(0)
    for _ in range(300):
        tags: list[str] = []
        while len(tags) < chance.randint(1, 12):
            before = tags[-1] if tags else "O"
            tags.append(chance.choice(["O", "B-PER", "B-LOC", *([f"I{before[1:]}"] if before != "O" else [])]))
        words = [f"w{number}" for number in range(len(tags))]
        parts = join(words, tags)
        assert " ".join(some for some, _ in parts) == " ".join(words)
        expected = [(" ".join(words[first : last + 1]), f"-{kind}") for kind, first, last in get_entities(tags)]
        assert [(some, kind) for some, kind in parts if kind] == expected


def test_spans_of_one_kind_have_no_name() -> None:
    assert join(list("abcd"), ["B", "I", "O", "B"]) == [("a b", "-"), ("c", ""), ("d", "-")]
    assert "<b>" not in render("spans", parts=[("a", "-", 0)], found=True)


@pytest.mark.parametrize(
    "shown",
    [
        render("spans", parts=[("<script>x</script>\x1b[31m", "<b>", 0)], found=True),
        render("tagged", words=[("<script>x</script>\x1b[31m", "<i>", 0)]),
        render("text", text="<script>x</script>\x1b[31m", probability=None),
        render("samples", texts=["<script>x</script>\x1b[31m"]),
        render("problem", text="<script>x</script>\x1b[31m"),
        render("inside", page="<script>x</script>\x1b[31m"),
    ],
)
def test_texts_are_shown_and_never_executed(shown: str) -> None:
    assert "&lt;script&gt;" in shown and "<script" not in shown and "\x1b" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_that_of_predict(name: str, ask: Callable[[str], Asked]) -> None:
    question, typed, directory = ask(name)
    shown = displays.answer(question)
    if question.temperature is not None:
        # Each is drawn anew: see the test of temperatures.
        assert shown.count("<li") == 8
        return
    attends = "attention" in question.trained.decoder.output
    (expected,) = predict(directory, [("typed", typed)], attention=attends)
    output = expected["output"]
    if isinstance(output, tuple):
        if name == "pos":
            assert read_text(shown, "small") == list(output)
            return
        spans = [
            " ".join(expected["input"][first : last + 1]) + kind for kind, first, last in get_entities(list(output))
        ]
        assert [text.replace(" ", "") for text in read_marks(shown)] == [text.replace(" ", "") for text in spans]
        return
    best = read_text(shown, "best")[0]
    assert best.startswith(f"{output:.1f}" if isinstance(output, float) else output or "nothing")
    if "probability" in expected:
        assert f"{expected['probability']:.1%}" in shown
    if attends and question.steps:
        # As many rows as there are symbols, each with all of its weight.
        weights = [[float(x) for x in re.findall(r"--share: ([\d.]+)%", row)] for row in shown.split("<tr>")[2:]]
        expected_rows = np.array(expected["attention"])
        assert np.allclose(np.array(weights) / 100, expected_rows, atol=1e-3)
    elif attends:
        assert shown.count("<figure>") == len(expected["attention"])


def read_marks(shown: str) -> list[str]:
    return [html.unescape(re.sub(r"<.*?>", "", mark)) for mark in re.findall(r"<mark.*?</mark>", shown, re.DOTALL)]


@pytest.mark.slow
def test_the_course_is_what_the_run_answers_to_the_beginnings(ask: Callable[[str], Asked]) -> None:
    question, _, directory = ask("sentiment")
    names = name_steps(question.trained.experiment.input_field, question.value, question.arrays)
    places, logits = follow(question, logits=True)
    assert places[0] == 1 and places[-1] == len(names) == question.steps
    expected = predict(directory, [("typed", " ".join(names[:place])) for place in places])
    shares = [displays.softmax(found).max() for found in logits]
    assert shares == pytest.approx([one["probability"] for one in expected], abs=1e-5)
    labels = question.trained.experiment.output_field.labels
    assert [labels[int(found.argmax())] for found in logits] == [one["output"] for one in expected]


@pytest.mark.slow
def test_a_long_text_is_followed_at_some_of_its_words(ask: Callable[[str], Asked]) -> None:
    trained = ask("sentiment")[0].trained
    places, logits = follow(make_question(trained, "good " * 300), logits=True)
    assert len(places) == len(logits) == 64 and places[0] == 1 and places[-1] == 300
    assert "of some words" in displays.answer(make_question(trained, "good " * 300))


@pytest.mark.slow
def test_a_temperature_that_is_set_is_one_that_the_run_was_opened_with(ask: Callable[[str], Asked]) -> None:
    question, _, directory = ask("novel")
    with small("novel"):
        cool = open_run(directory, temperature=0.25)
    drawn = [
        sample(replace(question, trained=trained, temperature=temperature), np.random.default_rng(1))
        for trained, temperature in ((question.trained, 0.25), (cool, 0.25), (question.trained, 2.0))
    ]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ("ner", "sentiment", "novel", "caption", "speech"))
def test_a_run_can_be_warmed_up_with_inputs_that_say_nothing(name: str, ask: Callable[[str], Asked]) -> None:
    question = ask(name)[0]
    blanks = make_blanks(question.trained, question.temperature)
    lengths = question.trained.experiment.lengths
    assert lengths and [blank.steps for blank in blanks if blank.steps] in ([], list(lengths.inputs))
    assert all("answer" in displays.answer(blank) for blank in blanks)


def test_what_is_cut_and_what_is_unknown_is_said() -> None:
    field = Text(max_length=4)
    field.fit(["a good film"])
    assert find_notes(field, "a good film", field.encode("a good film")) == []
    typed = "a good book of <b> film film"
    notes = find_notes(field, typed, field.encode(typed))
    assert notes[0] == "The text has 7 words; its middle, 3 of them, is left out."
    assert len(notes) == 1
    (unknown,) = find_notes(field, "a dull film", field.encode("a dull film"))
    assert unknown == "Not in the training data, so unknown to the model: “dull”."


def test_no_list_of_selectors_has_one_for_dark_screens() -> None:
    # Gradio would put ".dark" before all of them.
    selectors = [rule.partition("{")[0] for rule in STYLE.split("}")]
    assert any(".dark" in one for one in selectors)
    assert not any(".dark" in one and "," in one for one in selectors)


def test_stars_are_for_points() -> None:
    assert has_stars(Number(low=1.0, high=5.0)) and has_stars(Number(low=0.0, high=10.0))
    assert not has_stars(Number(low=0.006, high=1.997)) and not has_stars(Number(low=0.0, high=100.0))
