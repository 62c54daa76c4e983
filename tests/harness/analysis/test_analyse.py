"""The analysis of trained runs: every task, the page, two runs, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import tasks
from harness.analysis import analyse, kinds
from harness.analysis.answered import collect, find_hypotheses
from harness.analysis.section import Section
from harness.analysis.table import print_analysis
from harness.selection import select
from run import main
from tasks.task import Task
from tests.harness import evaluate, open_run, small, start_keras, train_small

# What each task's analysis has, beside its scores, whatever the run.
SECTIONS = {
    "adding": {"residuals", "worst"},
    "rating": {"residuals", "worst"},
    "sentiment": {"by_label", "confusions", "calibration"},
    "labels": {"by_label", "by_threshold", "by_number", "calibration"},
    "series": {"by_label", "confusions", "calibration"},
    "digits": {"by_label", "confusions", "calibration"},
    "pos": {"by_tag", "confusions", "calibration"},
    "copy": {"by_tag", "confusions", "calibration"},
    "recall": {"by_tag", "confusions", "calibration"},
    "regular": {"by_tag", "confusions", "calibration"},
    "ner": {"confusions", "calibration"},
    "forecast": {"by_step", "worst"},
    "correct": {"worst"},
    "translation": {"edits", "worst", "n_best"},
    "caption": {"edits", "worst", "n_best"},
    "speech": {"worst", "n_best"},
    "novel": {"worst", "n_best"},
    "suggest": {"worst"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", tasks.find())
def test_every_task_has_an_analysis_with_the_scores_of_evaluate(name: str, tmp_path: Path) -> None:
    with small(name) as task:
        run = train_small(task, tmp_path, epochs=1)
        opened = open_run(run)
        answered = collect(opened, select(opened.experiment, None, "test"))
        scores = evaluate(run)["scores"]
        assert answered.scores.keys() == scores.keys()
        for score, value in scores.items():
            assert answered.scores[score] == pytest.approx(value, rel=1e-4, nan_ok=True), score
        assert len(answered.losses) == len(answered.examples) == 6 and (answered.losses >= 0).all()
        found = analyse.analyse_run(opened.experiment, select(opened.experiment, None, "test"))
    names = [section.name for section in found.sections]
    assert len(names) == len(set(names)) and SECTIONS[name] | {"scores"} <= set(names)
    assert found.page == run / "analysis.html" and found.page.read_text().count("<h2") == len(names)
    # What can be shown and written.
    print_analysis(found)
    json.dumps(found.as_json(), allow_nan=False)
    for section in found.sections:
        assert len({tuple(row) for row in section.rows}) <= 1, "rows of one section have the same columns"
    if answered.certainties:
        for certain, output in zip(answered.certainties, answered.outputs, strict=True):
            # A text is composed of what is answered at each step.
            steps = len(certain) if isinstance(output, str) else len(output)
            assert len(certain) == steps and (certain > 0).all() and (certain <= 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["translation", "speech"])
def test_the_n_best_begin_with_what_beam_search_answers(name: str, tmp_path: Path) -> None:
    with small(name) as task:
        run = train_small(task, tmp_path, epochs=2, cell="gru")
        opened = open_run(run)
        selection = select(opened.experiment, None, "test")
        found = find_hypotheses(opened, selection.examples)
        wide = collect(open_run(run, beam=5), selection)
    assert [texts[0].output for texts in found] == wide.outputs
    for texts in found:
        chances = [one.log_probability for one in texts]
        assert 1 <= len(texts) <= 5 and len({one.output for one in texts}) <= len(texts) and max(chances) <= 1e-4
    if wide.probabilities is not None:
        likely = [math.exp(texts[0].log_probability) for texts in found]
        np.testing.assert_allclose(likely, wide.probabilities, rtol=1e-3)


# The command.


TEXTS = [
    ("good film, <script>alert(1)</script>", "good"),
    ("\x1b[31mbad\x1b[0m film \u202egnp.exe", "<b>bad</b>"),
    ("a warm film مرحبا 👍", "good"),
    ("a cold film", "<b>bad</b>"),
]
SMALL = ["--units", "4", "--embedding-size", "4", "--epochs", "1", "--batch-size", "8"]


def write_reviews(path: Path, count: int = 48) -> Path:
    rows = [json.dumps({"text": f"{TEXTS[n % 4][0]} {n}", "label": TEXTS[n % 4][1]}) for n in range(count)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two runs of one data, one of other data, and one of another task."""
    start_keras()
    folder = tmp_path_factory.mktemp("runs")
    reviews, others = write_reviews(folder / "reviews.jsonl"), write_reviews(folder / "others.jsonl", 60)
    for name, data, cell in (("one", reviews, "simple"), ("two", reviews, "gru"), ("three", others, "simple")):
        words = ["train", "sentiment", "--data", str(data), "--cell", cell, "--name", name, "--runs", str(folder)]
        assert main([*words, *SMALL]) == 0
    numbers = folder / "numbers.csv"
    numbers.write_text("text,label\n" + "".join(f"film {n} {n * n},{n % 7}\n" for n in range(40)))
    words = ["train", "rating", "--data", str(numbers), "--name", "four", "--runs", str(folder)]
    assert main([*words, *SMALL]) == 0
    return folder


def test_texts_and_labels_are_shown_and_never_executed(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run = folder / "sentiment" / "one"
    assert main(["analyse", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\u202e" not in shown and "<b>bad</b>" in shown
    page = (run / "analysis.html").read_text()
    assert "<script" not in page and "<b>bad" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;b&gt;bad&lt;/b&gt;" in page
    assert "http://" not in page and "https://" not in page


def test_json_has_all_sections_and_nothing_else_is_printed(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run = folder / "sentiment" / "one"
    assert main(["evaluate", str(run), "--split", "validation", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert main(["analyse", str(run), "--split", "validation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == "sentiment" and found["split"] == "validation"
    assert found["page"] == str(run / "analysis-validation.html") and Path(found["page"]).exists()
    assert {row["score"]: row["value"] for row in found["scores"]["rows"]} == pytest.approx(scores)
    assert 0 <= found["calibration"]["expected_calibration_error"] <= 1


def test_other_data_says_what_of_it_is_in_the_vocabulary(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run, other = folder / "sentiment" / "one", folder / "new.jsonl"
    rows = [{"text": f"unheard words {n}", "label": "good"} for n in range(3)] + [{"text": "film", "label": "good"}]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["analyse", str(run), "--data", str(other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == str(run / "analysis-data.html") and found["examples"] == 4
    known, *others = found["by_frequency"]["rows"]
    assert (known["the rarest word"], known["examples"]) == ("known", 1)
    assert all(row["the rarest word"].startswith("unknown") for row in others)
    assert sum(row["examples"] for row in others) == 3


def test_two_runs_are_compared_example_by_example(folder: Path, capsys: pytest.CaptureFixture) -> None:
    one, two = folder / "sentiment" / "one", folder / "sentiment" / "two"
    assert main(["analyse", str(one), str(two), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(row["examples"] for row in found["agreement"]["rows"]) == found["examples"]
    assert found["page"] == str(one / "analysis-test-against-two.html") and Path(found["page"]).exists()
    assert 0 <= found["scores"]["p"] <= 1
    assert main(["analyse", str(one), str(two)]) == 0


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "analyse: expected a RUN, a directory such as"),
        (["/nowhere"], "/nowhere: no such folder"),
        (["sentiment/one", "sentiment/one"], "is given twice; expected different runs"),
        (["sentiment/one", "rating/four"], "is of the task 'sentiment', and"),
        (
            ["sentiment/one", "sentiment/three"],
            "have different examples to be scored on (4 and 6); give --data for both",
        ),
        (["sentiment/one", "sentiment/two", "sentiment/three"], "analyse: expected one RUN or two, got 3"),
        (["sentiment/one", "--split", "tset"], "analyse: argument --split: invalid choice: 'tset'"),
        (["sentiment/one", "--beam", "3"], "--beam: the task 'sentiment' has no such option"),
        (["sentiment/one", "--data", "nothing.csv"], "--data nothing.csv: there is no such path"),
        (["sentiment/one", "--text-column", "x"], "--text-column: for another --data, which is not given"),
    ],
)
def test_what_cannot_be_analysed_is_refused(
    words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [str(folder / word) if "/" in word else word for word in words]
    before = sorted(folder.rglob("*.html"))
    assert main(["analyse", *given]) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*.html")) == before


def test_a_run_that_is_still_training_says_so(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run = folder / "sentiment" / "two"
    scores = (run / "scores.json").read_bytes()
    (run / "scores.json").unlink()
    try:
        assert main(["analyse", str(run)]) == 0
        assert "the training is not complete; this is its best epoch so far" in capsys.readouterr().err
        (run / "best.keras").rename(run / "away")
        assert main(["analyse", str(run)]) == 2
        assert "no trained model yet (best.keras is missing)" in capsys.readouterr().err
        (run / "away").rename(run / "best.keras")
    finally:
        (run / "scores.json").write_bytes(scores)


def test_where_the_page_cannot_be_written_the_analysis_is_shown_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(analyse.runs, "write_text", refuse)
    assert main(["analyse", str(folder / "sentiment" / "one")]) == 0
    shown = capsys.readouterr()
    assert "the page cannot be written there: Permission denied" in shown.err and "Confusions" in shown.out


def test_a_kind_follows_from_the_field_and_not_from_the_name() -> None:
    from harness.analysis import forecasts, label_sets, labels, numbers, others, spans, tags, texts
    from harness.options import defaults

    def find(task: Task) -> kinds.Kind:
        # A number, but where the answer can be none.
        return kinds.find_kind(task.output(defaults(task)), "a text" if task.name == "correct" else 0.5)

    kind = {name: find(task) for name, task in tasks.find().items() if name != "suggest"}
    assert kind == {
        "adding": numbers.analyse,
        "rating": numbers.analyse,
        "sentiment": labels.analyse,
        "labels": label_sets.analyse,
        "series": labels.analyse,
        "digits": labels.analyse,
        "pos": tags.analyse,
        "copy": tags.analyse,
        "recall": tags.analyse,
        "regular": tags.analyse,
        "ner": spans.analyse,
        "correct": others.analyse,
        "translation": texts.analyse,
        "caption": texts.analyse,
        "novel": texts.analyse,
        "speech": texts.analyse,
        "forecast": forecasts.analyse,
    }
    words = tasks.get("suggest").output(defaults(tasks.get("suggest")))
    assert kinds.find_kind(words, (("a", "b"),)) is others.analyse
    series = tasks.get("adding").output(defaults(tasks.get("adding")))
    assert kinds.find_kind(series, (0.5, 0.7)) is others.analyse


def test_the_terminal_says_where_the_rest_is(capsys: pytest.CaptureFixture) -> None:
    rows = [{"n": n, "text": "a\nb" + "x" * 200} for n in range(9)]
    section = Section("many", "Many", "All of them.", rows, brief=2)
    print_analysis(analyse.Analysis({"run": "r"}, [section], Path("analysis.html")))
    shown = capsys.readouterr().out
    assert "7 more: analysis.html" in shown and r"a\nbxxx" in shown and "x" * 100 not in shown
