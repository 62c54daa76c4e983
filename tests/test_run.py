"""The command line as it is typed: what it prints, its exit code, and that a mistake writes nothing."""

import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import pytest

import tasks
from harness.arguments import spell
from harness.options import find_options
from pipeline.option import make_flag
from run import main
from tests.harness import ROOT, handled, read_bytes, read_record, start_keras

WORDS = ("good fine great fun warm", "bad poor dull slow cold")
SMALL = ("--units", "8", "--embedding-size", "8", "--epochs", "2")
TINY = (*SMALL, "--batch-size", "4", "--learning-rate", "0.01")
NAMED = (*TINY, "--name", "simple-s0")


def write_reviews(path: Path, end: str = "\n", mark: str = "") -> Path:
    """Write 30 reviews of two words, which half of them shows which label they have."""
    rows = ["text,label"]
    for one in range(5):
        for other in range(3):
            for words, label in zip(WORDS, ("pos", "neg"), strict=True):
                rows.append(f"{words.split()[one]} {words.split()[(one + other + 1) % 5]},{label}")
    path.write_bytes((mark + end.join(rows) + end).encode())
    return path


def run(*arguments: Any, **options: Any) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own."""
    command = [sys.executable, "run.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options)


def refused(capsys: pytest.CaptureFixture, *arguments: Any) -> str:
    """Run a command that is a mistake; return its one message."""
    start_keras()
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in captured.err and captured.out == ""
    return captured.err[captured.err.index("error: ") + 7 :].strip()


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv")


@pytest.fixture(scope="module")
def runs(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run."""
    start_keras()
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "sentiment", "--data", str(reviews), "--runs", str(folder), *NAMED]) == 0
    return folder


@pytest.fixture
def trained(runs: Path, tmp_path: Path) -> Path:
    """A copy of a complete run's directory, for tests to damage."""
    return Path(shutil.copytree(runs / "sentiment" / "simple-s0", tmp_path / "trained"))


# What is printed.


def test_list_names_every_task(capsys: pytest.CaptureFixture) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in tasks.find())
    assert main(["list", "--json"]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)["tasks"]
    assert [row["name"] for row in rows] == list(tasks.find())
    assert rows[0].keys() == {"name", "shape", "summary"} and captured.err == ""


@pytest.mark.parametrize("name", tasks.find())
def test_show_names_sources_licences_and_defaults(name: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["show", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    task = tasks.get(name)
    assert found["name"] == name and found["monitor"] == task.monitor
    assert {source["data"] for source in found["sources"]} >= set(task.sources)
    assert all(source["licence"] for source in found["sources"])
    assert task.options.items() <= found["options"].items()
    assert main(["show", name]) == 0
    assert "units" in capsys.readouterr().out


def test_help_shows_the_arguments_by_name(capsys: pytest.CaptureFixture) -> None:
    expected = {
        ("show",): "TASK",
        ("train",): "TASK",
        ("evaluate",): "RUN",
        ("analyse",): "RUN [RUN ...]",
        ("predict",): "RUN [TEXT ...]",
        ("new",): "NAME",
    }
    for command, usage in expected.items():
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        assert f"{command[0]} {usage}" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("name", tasks.find())
@pytest.mark.parametrize("command", ["train", "compare"])
def test_no_option_in_front_of_a_task_changes_its_defaults(
    command: str, name: str, capsys: pytest.CaptureFixture
) -> None:
    # Whatever has no value, and what has one, which may be the name of a task.
    flags = ["-h", "--fresh", "--no-json", "--data=sentiment", "--runs sentiment"]
    for one in find_options(tasks.get(name)).values():
        flags += [one.flag, one.flag.replace("--", "--no-", 1)] if one.type is bool else []
    for flag in flags:
        for spelt in (flag, flag[:2] + flag[2:].replace("-", "_")):
            with pytest.raises(SystemExit) as caught:
                main([command, *spelt.split(), name, "--help"])
            assert caught.value.code == 0
            shown = capsys.readouterr().out
            assert f"{find_options(tasks.get(name))['steps'].help} [" in re.sub(r"\s+", " ", shown), (spelt, name)
    assert spell(["--max_length=3", "a_b", "--lowercase", "True"]) == ["--max-length=3", "a_b", "--lowercase"]


def test_earlier_names_of_options_are_taken_and_not_shown(
    reviews: Path, runs: Path, capsys: pytest.CaptureFixture
) -> None:
    command = ["train", "sentiment", "--data", str(reviews), "--runs", str(runs), *SMALL, "--name", "simple-s0"]
    assert main([*command, "--batch", "4", "--lr", "0.01"]) == 0
    assert "is complete" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "sentiment", "--help"])
    shown = capsys.readouterr().out
    assert "--batch-size" in shown and "--batch " not in shown and "--lr" not in shown


def test_the_help_of_a_task_is_a_few_screens_under_five_headings(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["train", "sentiment", "--help"])
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) <= 75
    assert [line for line in shown.splitlines() if line.endswith(":")] == ["data:", "model:", "training:", "run:"]
    assert "--image-size" not in shown and "None" not in shown
    with pytest.raises(SystemExit):
        main(["train", "sentiment", "--help-all"])
    every = capsys.readouterr().out
    flags = {make_flag(name) for name in find_options(tasks.get("sentiment"))}
    assert flags <= set(re.findall(r"--[a-z-]+", every.replace("[no-]", "")))
    assert "--ngram-buckets" in every and "--ngram-buckets" not in shown
    with pytest.raises(SystemExit):
        main(["train", "novel", "--help"])
    assert "\ndecoding:\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("pos", "--help"),
        ("--help", "pos"),
        ("--cell", "lstm", "pos", "--help"),
        ("--fresh", "pos", "--help"),
        ("--runs", "sentiment", "pos", "--help"),
        ("--json", "--data=sentiment", "pos", "--help"),
    ],
)
def test_the_help_of_train_has_the_tasks_own_defaults(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        main(["train", *arguments])
    assert re.search(r"--min-count N +Words .* \[2\]", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["train", "--help"]])
def test_what_needs_no_keras_is_quick(arguments: list[str], tmp_path: Path) -> None:
    # Processor time, which the other work of the machine does not change, of a program whose modules are compiled:
    # where Python is told to keep no bytecode, two fifths of the time are compiling.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    assert run(*arguments, env=environment).returncode == 0
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(*arguments, env=environment).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert statistics.median(seconds) < 0.5


def test_no_sequence_of_an_input_or_a_message_is_obeyed_by_the_terminal(
    trained: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["predict", str(trained), "a \x1b[31mwarm\x1b[0m \u202efilm"]) == 0
    assert r"a \x1b[31mwarm\x1b[0m \u202efilm" in capsys.readouterr().out
    assert r"\x1b[31mruns" in refused(capsys, "predict", "\x1b[31mruns", "a film")


def test_what_needs_no_keras_imports_none() -> None:
    program = "import sys, run; run.main(['list']); print(sorted({'keras', 'jax', 'tensorflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_json_is_all_there_is_on_standard_output(reviews: Path, tmp_path: Path) -> None:
    done = run("train", "--data", reviews, "--runs", tmp_path, *NAMED, "sentiment", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["task"] == "sentiment" and 0 <= summary["scores"]["accuracy"] <= 1
    directory = tmp_path / "sentiment" / "simple-s0"
    assert summary["run"] == str(directory)
    assert "tensorflow" not in done.stderr.lower() and "WARNING" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("epoch ")]) == 2

    scored = run("evaluate", directory, "--json")
    assert json.loads(scored.stdout)["scores"] == summary["scores"]
    assert "tensorflow" not in scored.stderr.lower()

    answered = run("predict", directory, "--input", "-", "--json", input="good fun\nbad\n")
    found = json.loads(answered.stdout)["predictions"]
    assert [one["input"] for one in found] == ["good fun", "bad"]
    assert {one["output"] for one in found} <= {"pos", "neg"} and all(0.5 <= one["probability"] <= 1 for one in found)
    assert answered.stderr.splitlines() == [line for line in answered.stderr.splitlines() if " on " in line]


def test_train_prints_the_scores_and_says_again_what_is_complete(
    runs: Path, reviews: Path, capsys: pytest.CaptureFixture
) -> None:
    before = read_bytes(runs)
    assert main(["train", "sentiment", "--data", str(reviews), "--runs", str(runs), *NAMED]) == 0
    captured = capsys.readouterr()
    assert "accuracy" in captured.out and "is complete" in captured.err
    assert read_bytes(runs) == before


def test_predict_writes_to_a_file(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(trained), "good", "[red]bad", "--output", str(tmp_path / "out.txt")]) == 0
    assert capsys.readouterr().out == ""
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["good", "[red]bad"]


def test_square_brackets_and_colons_are_printed_as_they_are(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["train", "sentiment", "--data", str(reviews), "--runs", str(tmp_path / "[a]:ok:"), *NAMED]) == 0
    assert "[a]:ok:" in re.sub(r"\s+", "", capsys.readouterr().out)


@pytest.mark.parametrize(("end", "mark"), [("\r\n", ""), ("\n", "\ufeff"), ("\r\n", "\ufeff")])
def test_the_line_ends_of_windows_and_a_byte_order_mark_change_nothing(
    end: str, mark: str, runs: Path, tmp_path: Path
) -> None:
    path = write_reviews(tmp_path / "reviews.csv", end, mark)
    assert main(["train", "sentiment", "--data", str(path), "--runs", str(tmp_path), *NAMED]) == 0
    one, other = runs / "sentiment" / "simple-s0", tmp_path / "sentiment" / "simple-s0"
    fingerprints = [json.loads((run / "config.json").read_text())["data"] for run in (one, other)]
    assert fingerprints[0] == fingerprints[1]
    assert (one / "predictions" / "test.jsonl").read_bytes() == (other / "predictions" / "test.jsonl").read_bytes()


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error() -> None:
    for arguments in ("list --json", "show pos", "train --help"):
        command = f"{sys.executable} run.py {arguments}"
        # The pipe is closed before anything is written to it.
        done = subprocess.run(
            ["bash", "-c", f"{command} | (exec <&-; sleep 1)"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""


def read_terminal(arguments: list[str], interrupt: bool = False) -> tuple[str, int]:
    """Run a command under a terminal; return what it wrote and its exit code. interrupt: at the first epoch's end."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140"}
    # Though the tests may run in the background, where it is ignored.
    with handled(signal.SIG_DFL):
        process = subprocess.Popen(
            [sys.executable, "run.py", *arguments],
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
    os.close(theirs)
    written, end = b"", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 1)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
            if interrupt and b"validation accuracy" in written:
                process.send_signal(signal.SIGINT)
                interrupt = False
    os.close(ours)
    return written.decode(), process.wait(10)


@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_a_stop_leaves_it_as_it_was(reviews: Path, tmp_path: Path) -> None:
    arguments = ["train", "sentiment", "--data", str(reviews), "--runs", str(tmp_path), *NAMED, "--epochs", "150"]
    arguments += ["--keep-epoch", "best"]
    text, code = read_terminal([*arguments, "--patience", "150"], interrupt=True)
    assert code == 130, text
    if keras.config.backend() == "jax":
        assert re.search(r"compiling 1 of \d lengths", text)
    assert "stopped; the same command goes on after " in text and "Traceback" not in text
    # The cursor, hidden by the bar, is back.
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    text, code = read_terminal([*arguments, "--patience", "150"])
    assert code == 0, text
    assert "going on after epoch" in text
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    stages = ("reading the data", "starting Keras", "building the model", "epoch", "testing")
    assert sorted(stages, key=text.index) == list(stages)
    assert re.search(r"epoch \d+/150 loss \d\.\d{4}  best accuracy \d\.\d{4}  [\d,]+ tokens/s  \d+:\d\d left", text)


def test_the_home_folder_is_found_in_every_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    # A shell leaves the ~ of --data=~/x.csv.
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write_reviews(tmp_path / "bad.csv", "|")
    assert main(["train", "sentiment", f"--data=~/{path.name}", "--runs=~/runs"]) == 2
    assert str(path) in capsys.readouterr().err
    for name in ("--train-file", "--validation-file", "--test-file"):
        assert main(["train", "sentiment", f"{name}=~/nowhere.csv", "--runs=~/runs"]) == 2
        assert str(tmp_path / "nowhere.csv") in capsys.readouterr().err
    assert main(["new", "mine", "--folder=~"]) == 0 and (tmp_path / "mine.py").exists()
    assert main(["list", "--include=~/mine.py"]) == 0
    assert main(["predict", "~/run", "--output=~/nowhere/x", "text"]) == 2
    assert main(["runs", "--runs=~/nowhere"]) == 2
    assert f"--runs {tmp_path}/nowhere" in capsys.readouterr().err


def test_the_command_line_may_be_a_link_and_work_begin_anywhere(tmp_path: Path) -> None:
    (tmp_path / "unrolled").symlink_to(ROOT / "run.py")
    for command in (["unrolled", "new", "mine"], ["unrolled", "show", "mine", "--include", "mine.py", "--json"]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "mine"


# Mistakes.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", "pos"], "unknown command 'trian'. Did you mean 'train'?"),
        (["show", "sentimnt"], "unknown task 'sentimnt'. Did you mean 'sentiment'?"),
        (["train", "sentimnt"], "unknown task 'sentimnt'. Did you mean 'sentiment'?"),
        (["train", "pos", "--cell", "lstn"], "unknown --cell 'lstn'. Did you mean 'lstm'? Known: bag, delta, dnn, "),
        (
            ["train", "novel", "--cell", "dnn"],
            "--cell dnn: the task 'novel' writes one symbol after another, and this cell reads all of its input at "
            "once, with no state to go on from; expected one of simple, lstm, gru, ",
        ),
        (["train", "copy", "--cell", "dnn"], "--cell dnn: it would be built for inputs of --max-length 100,000 steps"),
        (["train", "pos", "--units", "0"], "--units 0: expected a whole number of at least 1"),
        (["train", "pos", "--dropout", "2"], "--dropout 2.0: expected a number between 0 and 0.95"),
        (["train", "pos", "--limit", "0"], "--limit 0: expected a whole number of at least 1"),
        (["train", "pos", "--lr", "nan"], "--learning-rate nan: expected a number between 1e-09 and 10"),
        (
            ["train", "pos", "--pooling", "max"],
            "--pooling: the task 'pos' has no such option. It is one of adding, digits, forecast, labels, rating",
        ),
        (["train", "pos", "--chrono", "9"], "--chrono 9: --cell simple has no such option; lstm, gru, "),
        (["train", "pos", "--name", "a/b"], "--name a/b: expected the name of a folder"),
        (["train", "pos", "--data", "turkisch"], "--data {here}/turkisch: there is no such path under"),
        (["train", "pos", "--data", ""], "--data"),
        (
            ["train", "pos", "--text-column", "2"],
            "--text-column, --label-column: the source 'turkish' has fixed columns",
        ),
        (["train", "pos", "--include", "/nowhere.py"], "--include /nowhere.py: there is no such file"),
        (["list", "--include", "/nowhere.py"], "--include /nowhere.py: there is no such file"),
        (["evaluate", "/nowhere"], "/nowhere: no such folder; expected a run directory"),
        (["predict", "/nowhere", "text"], "/nowhere: no such folder; expected a run directory"),
    ],
)
def test_a_mistake_is_one_message(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    where = ["--runs", tmp_path / "runs"] if arguments[0] == "train" else []
    assert refused(capsys, *arguments, *where).startswith(message.replace("{here}", os.getcwd()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "pos", "--unts", "3"], "unknown option of the task 'pos' '--unts'. Did you mean '--units'?"),
        (["train", "pos", "--poolin", "3"], "--poolin: the task 'pos' has no such option. Did you mean --pooling?"),
        (["train", "pos", "--epochs", "x"], "--epochs x: expected a whole number of at least 1"),
        (["train", "pos", "--epochs"], "train: argument --epochs: expected one argument"),
        (["train", "pos", "--backend", "tensorflo"], "unknown --backend 'tensorflo'. Did you mean 'tensorflow'?"),
        (["train", "pos", "--bidirectional", "maybe"], "train: 'maybe' was not expected"),
        (["train", "pos", "--bidirectional=maybe"], "train: argument --bidirectional/--no-bidirectional"),
        (["train"], "train: expected a TASK; known: adding, caption"),
        (["train", "pos", "sentiment"], "train: 'sentiment' was not expected"),
        (["evaluate"], "evaluate: expected a RUN"),
        (["evaluate", "RUN", "--split", "tset"], "evaluate: argument --split: invalid choice: 'tset'"),
        (["evaluate", "RUN", "--beam", "3"], "--beam: the task 'sentiment' has no such option. It is one of caption"),
        (["predict", "RUN", "--units", "3"], "--units: the run was trained with its own"),
        (["predict", "RUN", "text", "--input", "x"], "TEXT and --input: give one of them, not both"),
        (["predict", "RUN", "text", "--output", "/nowhere/x"], "--output /nowhere/x: there is no folder /nowhere"),
        (["predict", "RUN", "text", "--output", "/dev/null"], "--output /dev/null: not a file"),
        (["predict", "RUN", "text", "--attention-weights"], "--attention-weights: they are tables of numbers"),
        (["compare", "pos", "--seeds", "x"], "compare: argument --seeds: invalid int value: 'x'"),
        (["list", "--jsn"], "unknown option of list '--jsn'. Did you mean '--json'?"),
        ([], "expected a COMMAND"),
    ],
)
def test_what_cannot_be_parsed_names_what_is_meant(
    arguments: list[str], message: str, trained: Path, capsys: pytest.CaptureFixture
) -> None:
    command = [str(trained) if word == "RUN" else word for word in arguments]
    assert refused(capsys, *command).startswith(message)


@pytest.mark.parametrize(
    ("task", "name", "content", "message"),
    [
        ("sentiment", "x.csv", b"text,when,where\na,b,c\nd,e,f\n", "x.csv:1: no column named label or sentiment"),
        ("sentiment", "x.csv", b"", "x.csv: the file is empty"),
        ("sentiment", "x.csv", b"text\nhello\n", "x.csv:1: no column named"),
        ("sentiment", "x.csv", b"text,label\ncaf\xe9,pos\n", "x.csv:2: not UTF-8: byte 0xe9"),
        ("sentiment", "x.csv", b"text,label\na,pos\n,neg\n", "x.csv:3: the text is empty"),
        ("sentiment", "x.csv", b"text,label\na,pos\nb,pos\nc,pos\nd,pos\n", "one label only, 'pos'"),
        ("sentiment", "x.csv", b"text,label\na,pos\nb,neg\n", "too few"),
        ("rating", "x.csv", b"text,label\na,7\nb,good\n", "x.csv:3: the label is 'good', which is not a number"),
        ("rating", "x.csv", b"text,label\na,7\nb,nan\n", "x.csv:3: the label is 'nan', which is not a number"),
        ("pos", "x.tsv", b"a\nb\n", "x.tsv:1: one column where at least two are expected"),
        ("pos", "x.tsv", b"a\tX\n" * 30_000, "x.tsv:1: a sentence of 30000 tokens starts here"),
        ("ner", "x.tsv", b"a\tB-PER\nb\tVERB\n", "x.tsv:2: 'VERB' is not a span tag"),
    ],
)
def test_a_file_that_cannot_be_trained_on_is_refused_with_its_place(
    task: str, name: str, content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert message in refused(capsys, "train", task, "--data", path, "--runs", tmp_path / "runs", "--strict")
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_an_unknown_tag_in_the_test_file_is_refused_with_its_place_if_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    sentences = {"train": "a\tX\nb\tY\n", "dev": "a\tX\n", "test": "a\tX\n\nb\tY\na\tZ\n"}
    (tmp_path / "data").mkdir()
    for split, text in sentences.items():
        (tmp_path / "data" / f"{split}.tsv").write_text(text)
    command = ["train", "pos", "--data", tmp_path / "data", "--runs", tmp_path / "runs", "--strict"]
    assert refused(capsys, *command) == "test.tsv:3: unknown label 'Z'. Known: X, Y."
    assert not (tmp_path / "runs").exists()


def test_a_label_seen_in_test_only_is_counted_and_refused_with_its_place_if_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "data").mkdir()
    for split, rows in {"train": "a,pos\nb,neg\n", "valid": "a,pos\n", "test": "a,pos\nb,negative\n"}.items():
        (tmp_path / "data" / f"{split}.csv").write_text(f"text,label\n{rows}")
    command = ["train", "sentiment", "--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]
    message = "test.csv:3: unknown label 'negative'. Did you mean 'neg'? Known: neg, pos."
    assert refused(capsys, *command, "--strict") == message
    assert not (tmp_path / "runs").exists()
    assert main([*command, *NAMED]) == 0
    assert "test: 1 of 2 examples have labels that are not in the training data (negative 1)" in capsys.readouterr().err


@pytest.mark.parametrize("fresh", [[], ["--fresh"]])
def test_a_folder_that_is_no_run_is_kept(
    fresh: list[str], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    directory = tmp_path / "sentiment" / "simple-s0"
    directory.mkdir(parents=True)
    (directory / "thesis.txt").write_text("years of work")
    message = refused(capsys, "train", "sentiment", "--data", reviews, "--runs", tmp_path, *NAMED, *fresh)
    assert "neither empty nor a run directory" in message
    assert read_bytes(tmp_path) == {"sentiment/simple-s0/thesis.txt": b"years of work"}
    assert "no config.json there" in refused(capsys, "evaluate", directory)
    assert "no config.json there" in refused(capsys, "predict", directory, "text")


def test_a_file_in_the_way_of_the_runs_is_named(reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "runs").write_text("a file")
    message = refused(capsys, "train", "sentiment", "--data", reviews, "--runs", tmp_path / "runs", *NAMED)
    assert str(tmp_path / "runs") in message
    assert read_bytes(tmp_path) == {"runs": b"a file"}


def test_a_run_directory_whose_name_is_taken_by_a_file_is_named(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "sentiment").mkdir()
    (tmp_path / "sentiment" / "simple-s0").write_text("a file")
    message = refused(capsys, "train", "sentiment", "--data", reviews, "--runs", tmp_path, *NAMED)
    assert message.startswith(f"{tmp_path}/sentiment/simple-s0: a file stands where the run's directory would")


def test_another_command_has_another_directory_and_the_same_goes_on(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command = ["train", "sentiment", "--data", str(reviews), "--runs", str(tmp_path), *TINY, "--epochs", "1"]
    for more in ([], ["--units", "9"], ["--units", "9"], ["--units", "8"]):
        assert main([*command, *more]) == 0
    assert capsys.readouterr().err.count("is complete") == 2
    assert len(list((tmp_path / "sentiment").iterdir())) == 2
    assert main(["runs", "--runs", str(tmp_path), "--task", "sentiment", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"]
    assert [row["complete"] for row in found] == [True, True]
    assert sorted(row["options"]["units"] for row in found) == [8, 9]
    assert found[0]["score"] >= found[1]["score"]


def test_a_run_of_other_options_is_kept(
    runs: Path, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    before = read_bytes(runs)
    message = refused(capsys, "train", "sentiment", "--data", reviews, "--runs", runs, *NAMED, "--units", "9")
    assert "--units: 8 then, 9 now" in message and "--fresh" in message
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\n")
    refused(capsys, "train", "sentiment", "--data", bad, "--runs", runs, *NAMED, "--fresh")
    assert read_bytes(runs) == before


@pytest.mark.parametrize("name", ["config.json", "fields/input.json", "fields/output.json", "best.keras"])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"\x00\xff" * 99, lambda b: b"[]", None])
def test_a_damaged_run_is_one_message(name: str, damage: Any, trained: Path, capsys: pytest.CaptureFixture) -> None:
    path = trained / name
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    before = read_bytes(trained)
    for arguments in (["evaluate", trained], ["predict", trained, "good"]):
        assert path.name in refused(capsys, *arguments)
    assert read_bytes(trained) == before


def change_json(path: Path, **changed: Any) -> None:
    path.write_text(json.dumps(read_record(path) | changed))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 9}, "best.keras is not the model of config.json and fields/"),
        ({"layers": 2}, "best.keras is not the model of config.json and fields/"),
        ({"bidirectional": False}, "best.keras is not the model of config.json and fields/"),
        ({"cell": "gru"}, "best.keras is not the model of config.json and fields/"),
        ({"cell": "simpla"}, "config.json: unknown RNN type 'simpla'. Did you mean 'simple'?"),
        ({"max_length": 9}, "fields/input.json: the file is damaged (max_length is 400, and by the options 9)"),
        ({"units": 10**18}, "best.keras is not the model of config.json and fields/"),
        ({"dropout": 7}, "config.json: --dropout 7.0: expected a number between 0 and 0.95"),
        (
            {"precision": "float8"},
            "config.json: the option precision: invalid enum value 'float8'; restore it",
        ),
    ],
)
def test_options_that_are_not_those_of_the_fields_or_the_model_are_refused(
    change: dict, message: str, trained: Path, capsys: pytest.CaptureFixture
) -> None:
    path = trained / "config.json"
    change_json(path, options=json.loads(path.read_text())["options"] | change)
    assert message in refused(capsys, "evaluate", trained)


def test_a_run_of_another_task_in_the_place_of_one_is_refused(
    runs: Path, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    change_json(tmp_path / "runs" / "sentiment" / "simple-s0" / "config.json", task="rating")
    message = refused(capsys, "train", "sentiment", "--data", reviews, "--runs", tmp_path / "runs", *NAMED)
    assert "config.json: the file is damaged (expected the task 'sentiment', got 'rating')" in message


def test_it_is_said_where_a_run_was_trained_if_that_is_not_here(
    runs: Path, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    directory = tmp_path / "runs" / "sentiment" / "simple-s0"
    here = json.loads((directory / "environment.json").read_text())["device"]
    (directory / "scores.json").unlink()
    change_json(directory / "environment.json", device="JAX on NVIDIA H100")
    said = f"trained on JAX on NVIDIA H100; now on {here}: the last digits may differ"
    resume = ["train", "sentiment", "--data", str(reviews), "--runs", str(tmp_path / "runs"), *NAMED]
    for command in (["evaluate", str(directory)], ["predict", str(directory), "good"], resume):
        capsys.readouterr()
        assert main(command) == 0
        assert capsys.readouterr().err.count(said) == 1
    # What it began with is kept, and what changed beside it.
    environment = json.loads((directory / "environment.json").read_text())
    assert environment["device"] == "JAX on NVIDIA H100"
    assert [(part["epoch"], part["device"]) for part in environment["resumed"]] == [(2, here)]
    # Neither of the two alone.
    assert main(["evaluate", str(directory)]) == 0
    assert f"trained on JAX on NVIDIA H100, then {here}; now on {here}" in capsys.readouterr().err
    assert main(["evaluate", str(runs / "sentiment" / "simple-s0")]) == 0
    assert "trained on" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "text 1: the text '' has no word in it"),
        (["good", " "], "text 2: the text ' ' has no word in it"),
        ([], "nothing to predict: give TEXT after the run, or --input FILE"),
        (["--input", "/nowhere.txt"], "--input /nowhere.txt: there is no such file"),
        (["--input", "/tmp"], "/tmp: cannot be read"),
    ],
)
def test_nothing_to_answer_is_a_mistake(
    arguments: list[str], message: str, trained: Path, capsys: pytest.CaptureFixture
) -> None:
    assert message in refused(capsys, "predict", trained, *arguments)


def test_an_empty_line_of_the_input_is_answered_by_one_and_named_if_strict(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "x.txt").write_text("good\n\nbad\n")
    command = ["predict", str(trained), "--input", str(tmp_path / "x.txt"), "--output", str(tmp_path / "out")]
    assert "x.txt:2: the line is empty" in refused(capsys, *command, "--strict")
    assert not (tmp_path / "out").exists()
    assert main(command) == 0
    assert "1 of 3 lines are empty" in capsys.readouterr().err
    lines = (tmp_path / "out").read_text().splitlines()
    assert len(lines) == 3 and [bool(line) for line in lines] == [True, False, True]


def test_the_task_file_of_a_run_may_move_but_not_vanish(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source = (ROOT / "tasks" / "sentiment.py").read_text().replace('name="sentiment"', 'name="mine"')
    (tmp_path / "mine.py").write_text(source)
    include = ["--include", str(tmp_path / "mine.py")]
    assert main(["train", *include, "mine", "--data", str(reviews), "--runs", str(tmp_path), *NAMED]) == 0
    directory = tmp_path / "mine" / "simple-s0"
    assert main(["evaluate", str(directory)]) == 0
    (tmp_path / "mine.py").rename(tmp_path / "moved.py")
    message = refused(capsys, "evaluate", directory)
    assert f"its task file {tmp_path / 'mine.py'} is not there; say with --include FILE" in message
    assert main(["evaluate", str(directory), "--include", str(tmp_path / "moved.py")]) == 0


def test_a_gpu_that_is_not_there_is_a_mistake(reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    backend = keras.config.backend()
    command = ["train", "sentiment", "--data", reviews, "--runs", tmp_path, "--device", "gpu", "--backend", backend]
    assert refused(capsys, *command).startswith(f"--device gpu: {backend} sees no GPU on this machine")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_dataset_that_cannot_be_downloaded_says_so_soon(tmp_path: Path) -> None:
    # A proxy that is not there stands for a machine without a network.
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    start = time.perf_counter()
    done = run("train", "sentiment", "--data", "tfds:imdb_reviews", "--runs", tmp_path / "runs", env=environment)
    seconds = time.perf_counter() - start
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert "error: TensorFlow dataset 'imdb_reviews' is not in" in done.stderr
    assert not list(tmp_path.iterdir())
    # Mostly the imports. Tried without a look at the network first, it would be minutes.
    assert seconds < 60
