"""The model card: what it says is what the run's files say; whatever is in the data stays text."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tasks
from harness.experiment import Experiment
from harness.options import defaults
from harness.runs import card
from harness.runs.restored import read_run
from pipeline.errors import BadInput
from run import main
from tests.harness import evaluate, read_record, small, train_small

NAME = "pos"


def read_metadata(text: str) -> dict[str, Any]:
    """Return what stands in front of a card, a name and JSON on each line that is not indented."""
    front = text.split("---\n")[1]
    pairs = (line.split(": ", 1) for line in front.splitlines() if re.match(r"\w+: ", line))
    return {name: json.loads(value) if value[0] in '["' else value for name, value in pairs}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with small(NAME) as task:
        return train_small(task, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def experiment(trained: Path) -> Iterator[Experiment]:
    """The trained run, while its task is the small one."""
    with small(NAME):
        yield read_run(trained)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of a trained run, in a folder of runs of its own."""
    return Path(shutil.copytree(trained, tmp_path / NAME / trained.name))


def read(directory: Path) -> str:
    return (directory / "README.md").read_text(encoding="utf-8")


def test_a_card_says_what_the_files_of_the_run_say(trained: Path) -> None:
    text, summary = read(trained), json.loads((trained / "scores.json").read_text())
    metadata = read_metadata(text)
    assert metadata["library_name"] == "keras" and metadata["pipeline_tag"] == "token-classification"
    assert metadata["license"] == "apache-2.0" and metadata["tags"] == ["unrolled", "rnn", "simple", NAME]
    assert metadata["metrics"] == list(summary["scores"])
    for name, value in summary["scores"].items():
        assert f'    - type: "{name}"\n      value: {json.dumps(value)}\n' in text
    assert f"| weights | {summary['weights']:,} |" in text
    assert "Used: 12 (train), 6 (validation), 6 (test)." in text
    assert "The test has 6 examples, too few for an interval of its scores." in text
    assert "test: 6 examples only" in text
    environment = json.loads((trained / "environment.json").read_text())
    assert f"keras {environment['packages']['keras']}" in text and environment["device"] in text


def test_its_command_trains_the_run_again_and_its_others_name_it(trained: Path, experiment: Experiment) -> None:
    from harness.commands import COMMANDS
    from harness.commands.subject import make_parser

    text = read(trained)
    (words,) = re.findall(r"^python run.py train (.*)$", text, re.MULTILINE)
    parser = make_parser(COMMANDS["train"], experiment.task)
    given = parser.read(words.split())
    again = defaults(experiment.task).replace(**parser.chosen(given))
    assert again.replace(data="small") == experiment.options
    for command in ("predict", "evaluate", "inspect", "export"):
        assert f"python run.py {command} {trained}" in text


def test_what_training_saw_is_kept(trained: Path, experiment: Experiment) -> None:
    seen = json.loads((trained / "data.json").read_text())
    assert seen["examples"] == {"train": 12, "validation": 6, "test": 6}
    assert seen["unknown"].keys() == {"train", "validation", "test"} and 0 <= seen["unknown"]["test"] <= 1
    assert seen["scripts"]["LATIN"] == 1
    tests = [json.loads(line)["input"] for line in (trained / "predictions" / "test.jsonl").read_text().splitlines()]
    tokens = [token for one in tests for token in experiment.input_field.divide(one)]
    unknown = sum(token not in experiment.input_field.known_tokens for token in tokens)
    assert seen["unknown"]["test"] == pytest.approx(unknown / len(tokens), abs=1e-6)


def test_a_run_that_is_evaluated_anew_has_a_card_with_the_scores_of_then(copy: Path) -> None:
    path = copy / "scores.json"
    summary = read_record(path)
    path.write_text(json.dumps(summary | {"scores": {**summary["scores"], "accuracy": 0.123}}))
    with small(NAME):
        scores = evaluate(copy)["scores"]
        text = read(copy)
        assert f'type: "accuracy"\n      value: {json.dumps(scores["accuracy"])}' in text and "0.123" not in text
        assert "The test was answered anew after the training." in text
        # Another split, other options and other data are not its own test.
        (copy / "README.md").unlink()
        evaluate(copy, split="validation")
        assert not (copy / "README.md").exists()


def test_a_run_of_an_earlier_version_gets_a_card_that_says_less(copy: Path) -> None:
    (copy / "data.json").unlink()
    (copy / "README.md").unlink()
    with small(NAME):
        card.write_card(read_run(copy))
    text = read(copy)
    assert "Used:" not in text and "| **accuracy** |" in text


def test_what_is_damaged_or_cannot_be_written_is_said_and_evaluating_goes_on(
    copy: Path, capsys: pytest.CaptureFixture
) -> None:
    before = read(copy)
    (copy / "data.json").write_text('{"examples": 3}')
    with small(NAME):
        assert evaluate(copy)["scores"]
        shown = " ".join(capsys.readouterr().err.split())
        assert "the model card stays as it was" in shown and "data.json" in shown and read(copy) == before
        with pytest.raises(BadInput, match=r"data\.json"):
            card.format_card(read_run(copy))
        (copy / "data.json").unlink()
        (copy / "README.md").unlink()
        (copy / "README.md").mkdir()
        assert evaluate(copy)["scores"]
        assert "the model card cannot be written there" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_labels_and_paths_with_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "a|b `c` <i>"
    folder.mkdir()
    rows = [f"word{n % 7} and word{n % 5}\t{'<b>|x|' if n % 2 else '`[y](z)'}" for n in range(90)]
    (folder / "rows.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    tiny = ["--epochs", "1", "--units", "4", "--embedding-size", "4", "--runs", str(tmp_path / "runs")]
    assert main(["train", "sentiment", "--data", str(folder / "rows.tsv"), "--name", "own", *tiny]) == 0
    text = read(tmp_path / "runs" / "sentiment" / "own")
    metadata = read_metadata(text)
    assert (metadata["license"], metadata["license_name"]) == ("other", "that of your data")
    assert "Licence: yours." in text and str(folder / "rows.tsv") in text.replace("\\|", "|")
    body = text.split("---\n", 2)[2]
    assert r"\<b\>\|x\|" in body and r"\`\[y\](z)" in body and "<b>" not in body.replace(r"\<b\>", "")
    assert "--name own" in text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("MIT (the package)", {"license": "mit"}),
        ("GPL-2.0-or-later (the package)", {"license": "gpl-2.0"}),
        ("LGPL-2.1 (num2words)", {"license": "lgpl-2.1"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("yours", {"license": "other", "license_name": "that of your data"}),
        ("census data (public domain)", {"license": "other", "license_name": "census data (public domain)"}),
        (
            "Apache-2.0 (Unrolled); voices of eSpeak NG: GPL-3.0",
            {"license": "other", "license_name": "Apache-2.0 (Unrolled); voices of eSpeak NG: GPL-3.0"},
        ),
    ],
)
def test_a_licence_is_named_as_the_hub_names_it_where_it_is_the_only_one(text: str, expected: dict) -> None:
    assert card.name_licence(text) == expected


@pytest.mark.parametrize("text", ["plain", "a `b` c", "``", "`", "a|b", "a\nb", "\x1b[31m"])
def test_code_holds_any_text(text: str) -> None:
    quoted = card.quote(text)
    fence = re.match("`+", quoted)
    assert fence and quoted.endswith(fence[0]) and "\x1b" not in quoted and "\n" not in quoted
    inside = quoted[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inside)


@pytest.mark.parametrize("name", tasks.find())
def test_every_task_of_the_registry_has_a_name_of_the_hub_or_none(name: str) -> None:
    found = card.find_hub_task(tasks.get(name))
    assert (found is None) == (name in ("adding", "copy", "recall", "regular", "series"))


@pytest.mark.needs("huggingface_hub")
def test_hugging_face_reads_the_metadata(trained: Path) -> None:
    from huggingface_hub import ModelCard

    data = ModelCard.load(trained / "README.md").data
    summary = json.loads((trained / "scores.json").read_text())
    assert {one.metric_type: one.metric_value for one in data.eval_results} == summary["scores"]
    assert data.library_name == "keras" and data.license == "apache-2.0"
