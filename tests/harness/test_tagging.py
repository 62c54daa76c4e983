"""A run of a tagger with all that it has: a CRF, word features, further columns, locked dropout and windows."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.answered import collect
from harness.ensemble import combine
from harness.inspection.inspect import inspect
from harness.selection import select
from models.streaming import NotCausalError, Step
from pipeline.errors import BadInput
from run import main
from tests.harness import open_run

TAGS = {"Ann": "B-PER", "Bell": "I-PER", "Oslo": "B-LOC"}
WORDS = ["Ann", "Bell", "sees", "Oslo", ".", "Ann", "sees", "Ann", "Bell", "in", "Oslo", "again"]


def write(path: Path, lengths: list[int]) -> None:
    """Write CoNLL sentences of so many tokens, with a column of what each token is beside it."""
    sentences = []
    for place, length in enumerate(lengths):
        words = (WORDS[place % 3 :] + WORDS)[:length]
        if words[0] == "Bell":
            words[0] = "Ann"
        sentences.append("".join(f"{word} {'P' if word in TAGS else 'o'} {TAGS.get(word, 'O')}\n" for word in words))
    path.write_text("\n".join(sentences), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write(folder / "train.conll", [4, 6, 12, 8, 5, 3])
    write(folder / "valid.conll", [5, 7])
    write(folder / "test.conll", [12, 4, 9])
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    arguments = "--decoder crf --word-features --character-ngrams 3 --feature-columns 2 --locked-dropout"
    arguments += (
        " --max-length 6 --min-count 1 --units 6 --embedding-size 6 --batch-size 4 --epochs 2 --cell gru --json"
    )
    runs = tmp_path_factory.mktemp("runs")
    assert main(["train", "ner", "--data", str(folder), "--runs", str(runs), "--name", "crf", *arguments.split()]) == 0
    return str(runs / "ner" / "crf")


def check_spans(tags: list[str]) -> None:
    """Check that no span goes on that has not begun."""
    for before, tag in zip(["O", *tags], tags, strict=False):
        assert tag[0] != "I" or before[1:] == tag[1:]


def test_predict_reads_the_columns_of_a_file_and_long_sentences_in_windows(
    run: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["predict", run, "--input", str(folder / "test.conll"), "--json"]) == 0
    shown = capsys.readouterr()
    assert "2 of 3 sentences are longer than --max-length 6 and are read in 5 windows" in shown.err
    found = json.loads(shown.out)["predictions"]
    assert [len(one["output"]) for one in found] == [len(one["input"]) for one in found] == [12, 4, 9]
    for one in found:
        check_spans(one["output"])


def test_a_typed_text_has_no_columns(run: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", run, "Ann sees Oslo"]) == 2
    assert "text 1: --feature-columns 2: nothing says them of 'Ann'; give a file" in capsys.readouterr().err


def test_an_analysis_has_each_step_once_and_how_likely_its_tag_is_whatever_the_others(run: str) -> None:
    trained = open_run(Path(run))
    experiment = trained.experiment
    selection = select(experiment, None, "test")
    found = collect(trained, selection)
    assert found.lengths.tolist() == found.weights.tolist() == [12, 4, 9]
    assert found.certainties is not None
    assert [len(one) for one in found.certainties] == [12, 4, 9]
    # The mean over all steps is what evaluate says, with windows and without.
    scored = trained.scorer.measure(selection.examples, experiment.encode(selection.examples))
    assert found.scores["loss"] == pytest.approx(scored.scores["loss"], rel=1e-4)
    assert found.mean_loss(range(3)) == pytest.approx(scored.scores["loss"], rel=1e-4)
    # Of a sentence in one window the marginals, from the chain of its steps.
    arrays = experiment.encode_input(selection.examples[1].input)
    batch = {name: array[None] for name, array in arrays.items()} | {"mask": np.ones((1, 4), "bool")}
    chain = np.exp(np.asarray(trained.model.predict_on_batch(batch))[0].astype("float64"))
    likely, marginals = np.full(chain.shape[-1], 1 / chain.shape[-1]), []
    for step in chain:
        likely = likely @ step
        marginals.append(likely)
    tags = experiment.output_field.encode(found.outputs[1])["output"]
    assert found.certainties[1] == pytest.approx(np.array(marginals)[range(4), tags], abs=1e-5)


@pytest.mark.slow
def test_an_ensemble_of_a_run_with_itself_is_the_run_and_forbids_the_same(run: str) -> None:
    members = [open_run(Path(run)), open_run(Path(run))]
    selection = select(members[0].experiment, None, "test")
    batches = members[0].experiment.encode(selection.examples)
    alone, together = (
        one.scorer.measure(selection.examples, batches) for one in (open_run(Path(run)), combine(members))
    )
    assert [one.output for one in together.answers] == [one.output for one in alone.answers]
    assert together.scores["loss"] == pytest.approx(alone.scores["loss"], rel=1e-3)


@pytest.mark.slow
def test_an_inspection_adds_up_to_the_loss_of_the_sentence(run: str) -> None:
    trained = open_run(Path(run))
    example = select(trained.experiment, None, "test").examples[1]
    seen = inspect(trained, example.input, answer=example.output)
    assert seen.loss.steps is not None
    assert np.mean(seen.loss.steps) == pytest.approx(seen.loss.loss, rel=1e-4)


def test_runs_of_two_decoders_are_no_ensemble(run: str, folder: Path, tmp_path: Path) -> None:
    trained = open_run(Path(run))
    other = replace(trained, model=trained.experiment.replace_options(decoder="path").build())
    with pytest.raises(BadInput, match="has another --decoder than"):
        combine([trained, other])


def test_a_crf_cannot_answer_before_the_end(run: str) -> None:
    experiment = open_run(Path(run)).experiment.replace_options(bidirectional=False)
    with pytest.raises(NotCausalError, match="its layer crf .* may look at other steps"):
        Step(experiment.decode(experiment.build()))
