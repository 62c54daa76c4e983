"""Runs that write sequences: options of decoding that change afterwards, and attention."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
import tasks
from harness.hypothesis import check_count
from harness.options import check, defaults
from harness.predict import format_plainly
from harness.training import train
from harness.training.fine_tuning import read_weights
from pipeline.errors import BadInput
from run import main
from tests.harness import (
    assert_same_run,
    evaluate,
    open_run,
    predict,
    read_bytes,
    small,
    small_splits,
    stopped_within,
    train_small,
)

NAME = "translation"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small(NAME) as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=2, cell="gru")


def test_options_of_decoding_override_those_of_the_run_and_leave_it_as_it_is(run: Path) -> None:
    before = read_bytes(run)
    assert open_run(run).experiment.options.beam == 1
    assert open_run(run, beam=3).experiment.options.beam == 3
    one, three = (evaluate(run, beam=beam) for beam in (1, 3))
    assert one["scores"] == evaluate(run, "small")["scores"]
    assert one["scores"]["loss"] == three["scores"]["loss"]
    assert "bleu: nrefs:1|case:mixed" in three["signature"]
    texts = [("text 1", small_splits(NAME)["test"][0].input)]
    likely = [predict(run, texts, beam=beam)[0]["probability"] for beam in (1, 3)]
    assert likely[0] > 0 and likely[1] > 0
    assert read_bytes(run) == before


def test_a_beam_of_0_is_refused(run: Path) -> None:
    for use in (lambda: evaluate(run, beam=0), lambda: predict(run, [("", "one")], beam=0)):
        with pytest.raises(BadInput, match="--beam 0: expected a whole number between 1 and 1000"):
            use()


def test_attention_is_given_for_each_written_symbol_and_each_symbol_of_the_input(run: Path) -> None:
    opened = open_run(run)
    texts = [example.input for example in small_splits(NAME)["test"]]
    lines = [(f"text {number}", text) for number, text in enumerate(texts)]
    found, plain = predict(run, lines, attention=True), predict(run, lines)
    for text, one, other in zip(texts, found, plain, strict=True):
        weights = np.array(one.pop("attention"))
        assert one == other
        assert 1 <= len(weights) <= opened.experiment.output_field.longest
        assert weights.shape[1] == len(opened.experiment.input_field.encode(text)["words"])
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=0.01)


def test_attention_of_a_run_without_it_is_refused(tmp_path: Path) -> None:
    with small(NAME) as task:
        run = train_small(task, tmp_path, epochs=1, attention="none")
        with pytest.raises(BadInput, match="--attention-weights: .* has none; train a run with --attention"):
            predict(run, [("text 1", "one hundred")], attention=True)


@pytest.mark.parametrize("arguments", [("train", NAME), ("evaluate", "RUN"), ("predict", "RUN", "one hundred")])
def test_the_command_line_refuses_a_beam_of_0(
    run: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture
) -> None:
    assert main([str(run) if word == "RUN" else word for word in arguments] + ["--beam", "0"]) == 2
    assert "error: --beam 0: expected a whole number between 1 and 1000" in capsys.readouterr().err


def test_attention_weights_come_as_json_only(run: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(run), "one hundred", "--attention-weights"]) == 2
    assert "written with --json only" in capsys.readouterr().err
    assert main(["predict", str(run), "one hundred and five", "--attention-weights", "--json", "--beam", "2"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert found[0]["attention"] and found[0]["input"] == "one hundred and five"


def test_the_n_best_are_those_of_the_beam_ranked_by_their_scores(run: Path, capsys: pytest.CaptureFixture) -> None:
    texts = [example.input for example in small_splits(NAME)["test"]][:3]
    assert main(["predict", str(run), *texts, "--beam", "4", "--n-best", "3", "--json", "--length-penalty", "0"]) == 0
    for one in json.loads(capsys.readouterr().out)["predictions"]:
        listed = one["n_best"]
        assert len(listed) == 3 and listed[0]["output"] == one["output"]
        assert np.log(one["probability"]) == pytest.approx(listed[0]["log_probability"], rel=1e-4)
        # Without a penalty they are ranked by their probability.
        assert [entry["score"] for entry in listed] == pytest.approx([entry["log_probability"] for entry in listed])
        assert sorted((entry["score"] for entry in listed), reverse=True) == [entry["score"] for entry in listed]


def test_the_n_best_are_listed_for_the_eye() -> None:
    listed = [{"output": "a b", "log_probability": -0.5, "score": -0.4}, {"output": "b", "log_probability": -2.0}]
    shown = format_plainly([{"input": "x", "output": "a b", "probability": 0.5, "n_best": listed}])
    assert shown == "a b  0.500  x\n  1  -0.400  a b\n  2  -2.000  b"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n-best", "3"], "--n-best 3: the search keeps 1; add --beam 3"),
        (["--n-best", "1"], "--n-best 1: the search keeps 1; add --beam 2"),
        (["--n-best", "0"], "--n-best 0: expected a whole number of at least 1"),
        (["--n-best", "2", "--stream"], "leave out --stream"),
    ],
)
def test_more_than_a_search_keeps_is_refused(
    run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["predict", str(run), "one hundred", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_no_n_best_are_refused_in_a_program_too_before_keras_starts(
    run: Path, count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.door.start", lambda *_: pytest.fail("Keras was started"))
    with pytest.raises(BadInput, match=f"--n-best {count}: expected a whole number of at least 1"):
        harness.load(run).predict(["one hundred"], n_best=count)
    with pytest.raises(BadInput, match="--beam 0: expected a whole number between 1 and 1000"):
        harness.load(run).predict(["one hundred"], beam=0)


@pytest.mark.parametrize("name", ["translation", "caption"])
def test_a_coverage_without_attention_is_told_before_keras_starts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.process.backend.start", lambda *_, **__: pytest.fail("Keras was started"))
    words = ["--attention", "none", "--coverage-penalty", "0.2", "--runs", str(tmp_path)]
    for command in (["train", name], ["compare", name, "--cells", "gru"]):
        assert main([*command, *words]) == 2
        assert "--coverage-penalty 0.2: it is measured by the attention, and there is none" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
    usual = defaults(tasks.find()[name])
    check(usual.replace(attention="luong", coverage_penalty=0.2), tasks.find()[name])


def test_a_task_without_a_search_has_no_n_best() -> None:
    for name, message in (("pos", "has no beam search"), ("novel", "add --temperature none")):
        with pytest.raises(BadInput, match=message):
            check_count(defaults(tasks.find()[name]), 2)


def test_lazy_embeddings_have_room_for_every_symbol_that_a_batch_can_have_in_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    make = train.make_optimizer
    monkeypatch.setattr(
        train, "make_optimizer", lambda *given, **named: rows.append(named["rows"]) or make(*given, **named)
    )
    with small(NAME) as task:
        run = train_small(task, tmp_path, epochs=1, batch_size=1, word_dropout=0.5, lazy_embeddings=True)
    field = open_run(run).experiment.output_field
    padding, unknown = 0, 1
    for example in small_splits(NAME)["train"]:
        written = {field.start, *field.encode(example.output)["output"][:-1].tolist()}
        assert len(written | {padding, unknown}) <= rows[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--scheduled-sampling 0.3 --lazy-embeddings",
            "--lazy-embeddings: with --scheduled-sampling any symbol may be",
        ),
        ("--input-feeding --attention none", "--input-feeding: what is fed is the attention; give --attention luong"),
        ("--input-feeding --block", "one step at a time, which --block does not"),
        ("--input-feeding --cell gru --zoneout 0.2", "one step at a time, which --zoneout does not"),
    ],
)
def test_options_of_a_decoder_that_do_not_go_together_are_refused(
    words: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["train", NAME, *words.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_with_chance_in_its_texts_goes_on_after_a_stop_as_if_there_had_been_none(
    tmp_path: Path,
) -> None:
    chance = {"subword_sampling": 0.2, "scheduled_sampling": 0.5, "epochs": 2}
    chance |= {"tie_embeddings": True, "shared_vocabulary": True}
    with small(NAME) as task:
        whole = train_small(task, tmp_path / "whole", **chance)
        with stopped_within(1, batch=1):
            train_small(task, tmp_path / "stopped", **chance)
        assert_same_run(whole, train_small(task, tmp_path / "stopped", **chance))
    # Of 2 epochs of 3 batches: over so many steps the share of its own symbols grows.
    assert float(np.asarray(open_run(whole).model.get_layer("decoder").steps_planned)) == 2 * 3
    assert not any("steps_" in path for path in read_weights(open_run(whole).experiment))
    fields = [json.loads((whole / "fields" / f"{side}.json").read_text()) for side in ("input", "output")]
    assert fields[0]["symbols"] == fields[1]["symbols"]
