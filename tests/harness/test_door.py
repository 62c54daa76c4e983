"""What a Python program can do without the command line."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import harness
import tasks
from pipeline.errors import BadInput
from tests.harness import ROOT, start_keras
from tests.test_run import write_reviews

SMALL = {"units": 8, "embedding_size": 8, "batch_size": 4, "learning_rate": 0.01, "epochs": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    start_keras()
    folder = tmp_path_factory.mktemp("door")
    return harness.train("sentiment", data=write_reviews(folder / "reviews.csv"), runs=folder / "runs", **SMALL)


def test_a_trained_run_has_scores_and_options_and_answers(run: harness.Run) -> None:
    assert run.options.units == 8 and run.options.cell == "simple"
    assert 0 <= run.scores["accuracy"] <= 1
    found = run.predict(["good fun", "bad"])
    assert [one["input"] for one in found] == ["good fun", "bad"]
    assert {one["output"] for one in found} <= {"pos", "neg"} and all(0.5 <= one["probability"] <= 1 for one in found)


def test_a_run_is_loaded_and_scored_on_its_own_data_and_on_other(run: harness.Run, tmp_path: Path) -> None:
    again = harness.load(run.directory)
    assert again.evaluate() == pytest.approx(run.scores)
    rows = "verdict;comment\npos;good fun\nneg;bad film\npos;warm\n"
    (tmp_path / "other.csv").write_text(rows)
    scores = again.evaluate(tmp_path / "other.csv", text_column="comment", label_column="verdict")
    assert scores["accuracy"] in (0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1)


def test_the_same_call_goes_on_where_it_stopped_and_trains_no_complete_run_again(
    run: harness.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("the run was trained again"))
    data = str(run.options.data)
    again = harness.train("sentiment", data=data, runs=run.directory.parent.parent, **SMALL)
    assert again.directory == run.directory


def test_mistakes_are_bad_input(run: harness.Run, tmp_path: Path) -> None:
    assert harness.BadInput is BadInput
    with pytest.raises(BadInput, match="--beam: the task 'sentiment' has no such option"):
        run.predict(["good"], beam=3)
    with pytest.raises(BadInput, match="expected a list of inputs, got one text"):
        run.predict("good")
    with pytest.raises(BadInput, match="the task 'sentiment' has no such option"):
        harness.train("sentiment", delay=3)
    with pytest.raises(BadInput, match="no such folder"):
        harness.load(tmp_path / "nowhere")
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        _ = harness.lode


def test_names_of_tasks_and_their_options_are_told(tmp_path: Path) -> None:
    assert harness.list_tasks() == list(tasks.find())
    assert harness.list_options("pos")["units"] == 128
    source = (ROOT / "tasks" / "pos.py").read_text().replace('name="pos"', 'name="mine"')
    (tmp_path / "mine.py").write_text(source)
    harness.include(tmp_path / "mine.py")
    assert "mine" in harness.list_tasks()


@pytest.mark.slow
def test_comparing_gives_what_the_report_holds(run: harness.Run, tmp_path: Path) -> None:
    data = str(run.options.data)
    found = harness.compare(["sentiment"], cells=["simple"], seeds=1, data=data, runs=tmp_path, **SMALL)
    assert [one["status"] for one in found["runs"]] == ["done"]
    assert found["runs"][0]["scores"] == pytest.approx(run.scores)
    assert (tmp_path / "comparisons" / "sentiment" / "report.html").exists()


@pytest.mark.slow
def test_a_run_is_opened_with_the_backend_that_the_command_line_takes(run: harness.Run) -> None:
    program = (
        "import sys, harness; harness.load(sys.argv[1]).predict(['good']); import keras; print(keras.backend.backend())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(run.directory)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == ("jax" if find_spec("jax") else "tensorflow")


def test_nothing_is_imported_before_it_is_used() -> None:
    program = "import sys, harness; print([name for name in ('numpy', 'keras', 'jax') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    program = "import sys, harness; harness.list_tasks(); harness.load; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
