"""The suggester: word by word the probabilities of the whole text, and what is typed in a terminal."""

import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from harness.predict import add_suggestions, format_plainly
from harness.suggesting.suggester import Suggester
from harness.suggesting.typing import Typing, divide, make_session
from pipeline.fields import WordsSoFar
from run import main
from tests.harness import open_run, predict, small, train_small

TEXT = "the film was not the"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small("suggest") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1)


@pytest.fixture(scope="module")
def suggester(directory: Path) -> Suggester:
    return Suggester(open_run(directory))


def probabilities(suggester: Suggester, directory: Path, text: str) -> dict[str, float]:
    """Return how likely each word is after a text, by the model that reads all of it at once."""
    trained = open_run(directory)
    words = trained.experiment.input_field.encode(text)["words"][None]
    logits = trained.model({"words": words, "continues": np.zeros(1, "int32"), "mask": words >= 0})
    found = keras.ops.convert_to_numpy(keras.ops.softmax(logits[0, -1]))
    return {word: float(found[place]) for place, word in enumerate(suggester.symbols) if place >= suggester.reserved}


def test_suggestions_are_the_likeliest_words_with_their_probabilities(suggester: Suggester, directory: Path) -> None:
    expected = probabilities(suggester, directory, TEXT)
    # A word is changed and others are deleted, on the way to the text.
    for text in ("the film is not", "the", "", TEXT):
        suggester.read(text.split())
    found = suggester.suggest(count=4)
    best = sorted(expected, key=lambda word: -expected[word])[:4]
    assert [one.word for one in found] == best
    assert [one.probability for one in found] == pytest.approx([expected[word] for word in best], abs=1e-6)
    begun = [
        word for word in sorted(expected, key=lambda word: -expected[word]) if word.startswith("t") and word != "t"
    ]
    assert [one.word for one in suggester.suggest("t")] == begun[:3]
    assert suggester.suggest("no such word") == []


def test_a_completion_is_word_by_word_the_likeliest(suggester: Suggester) -> None:
    suggester.read(TEXT.split())
    written = suggester.complete()
    assert suggester.words == TEXT.split()
    assert 1 <= len(written) <= 12
    for place, word in enumerate(written):
        suggester.read([*TEXT.split(), *written[:place]])
        assert suggester.suggest(count=1)[0].word == word


def test_a_prediction_has_suggestions_and_a_completion(directory: Path, suggester: Suggester) -> None:
    (found,) = predictions = predict(directory, [("text 1", "The film was NOT the")])
    add_suggestions(open_run(directory), predictions)
    suggester.read(TEXT.split())
    assert [one["word"] for one in found["suggestions"]] == [one.word for one in suggester.suggest()]
    assert found["completion"].startswith(TEXT + " ")
    # What comes next is also what the answer of the last step has.
    assert list(found["output"][-1][:3]) == [one["word"] for one in found["suggestions"]]
    assert format_plainly([found]).splitlines()[0] == TEXT


def test_a_key_takes_less_than_20_milliseconds(suggester: Suggester) -> None:
    typing = Typing(suggester)
    typing.suggest("so")
    seconds = []
    for end in range(1, len(TEXT) + 1):
        started = time.perf_counter()
        typing.suggest(TEXT[:end])
        seconds.append(time.perf_counter() - started)
    # Of a machine that does other things too, half of the keys.
    assert np.median(seconds) < 0.02


@pytest.mark.parametrize(
    ("text", "words", "letters"),
    [
        ("", [], ""),
        ("The fi", ["the"], "fi"),
        ("the film ", ["the", "film"], ""),
        ("it's good,", ["it's", "good", ","], ""),
        ("good,ba", ["good", ","], "ba"),
    ],
)
def test_the_letters_of_the_last_word_are_told_from_words(text: str, words: list[str], letters: str) -> None:
    field = WordsSoFar(100)
    field.fit(["the film was good ."])
    assert divide(field, text) == (words, letters)


def test_accepting_writes_the_rest_of_the_word_and_a_blank(suggester: Suggester) -> None:
    typing = Typing(suggester)
    word = typing.suggest("the ")[1].word
    assert typing.accept("the ", 1) == word + " "
    first = typing.suggest("the t")[0].word
    assert first[0] == "t" and typing.accept("the t", 0) == first[1:] + " "
    assert typing.accept("the qqqq", 0) == ""


@pytest.mark.needs("prompt_toolkit")
def test_tab_takes_the_first_suggestion_in_the_terminal(suggester: Suggester) -> None:
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    typing = Typing(suggester)
    with create_pipe_input() as keys:
        session = make_session(typing, input=keys, output=DummyOutput())
        keys.send_text("the \t\n")
        text = session.prompt("> ")
    assert text == "the " + typing.suggest("the ")[0].word + " "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--interactive: standard input is no terminal; give TEXT after the run, or --input FILE"),
        (["--json", "hello"], "is typed in the terminal is answered there; leave out TEXT, --json"),
    ],
)
def test_typing_needs_a_terminal_alone(
    directory: Path, options: list[str], message: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["predict", str(directory), "--interactive", *options]) == 2
    assert message in capsys.readouterr().err
