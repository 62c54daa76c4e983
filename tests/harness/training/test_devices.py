"""Several devices train one run: the same curve as one device, one run directory, and no end without a line."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import keras
import numpy as np
import pytest

import harness
from harness.process.cluster import find_port
from harness.training import auto_batch
from harness.training.devices import Devices, check_rows
from pipeline.errors import BadInput
from run import main
from tests.harness import assert_same_run, read_metrics, read_predictions, small
from tests.harness.training import process

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="several devices are for JAX")
# Within rounding: sums of fewer numbers, which are then added.
NEAR = 1e-5


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function of a task to its run directory, trained on one device."""
    folder, known = tmp_path_factory.mktemp("one"), {}

    def train(task: str) -> Path:
        known[task] = known.get(task) or process.train(task, folder)
        return known[task]

    return train


def assert_same_curve(one: Path, other: Path) -> None:
    """Assert that two runs have the same losses and scores in every epoch, and the same answers to the test."""
    first, second = read_metrics(one), read_metrics(other)
    assert len(first) == len(second) > 1
    for line, like in zip(first, second, strict=True):
        assert line == pytest.approx(like, abs=NEAR, rel=NEAR)
    answers = [[line["prediction"] for line in read_predictions(directory)] for directory in (one, other)]
    assert answers[0] == answers[1]


@on_jax
@pytest.mark.slow
@pytest.mark.parametrize("task", ["pos", "sentiment", "translation"])
def test_two_devices_of_one_process_learn_as_one_does(
    task: str, tmp_path: Path, on_one_device: Callable[[str], Path]
) -> None:
    assert_same_curve(process.train(task, tmp_path, "--devices", 2), on_one_device(task))


@on_jax
@pytest.mark.slow
@pytest.mark.parametrize("task", ["pos", "sentiment", "translation"])
def test_two_processes_learn_as_one_does_and_one_of_them_writes(
    task: str, tmp_path: Path, on_one_device: Callable[[str], Path]
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    found = process.end(*process.start_cluster(task, folders, find_port("127.0.0.1")))
    assert [code for code, _ in found] == [0, 0], found
    assert_same_curve(folders[0] / task / "run", on_one_device(task))
    assert not folders[1].exists()
    assert "trained; process 0 keeps the run" in found[1][1]
    assert sorted(path.name for path in (folders[0] / task / "run").rglob("*") if path.is_file()) == sorted(
        path.name for path in on_one_device(task).rglob("*") if path.is_file()
    )
    # It is complete: both say so, and end.
    again = process.end(*process.start_cluster(task, folders, find_port("127.0.0.1")))
    assert [code for code, _ in again] == [0, 0] and all("is complete" in said for _, said in again)


@on_jax
@pytest.mark.slow
def test_two_processes_of_two_devices_each_learn_as_one_device_does(
    tmp_path: Path, on_one_device: Callable[[str], Path]
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    found = process.end(*process.start_cluster("pos", folders, find_port("127.0.0.1"), "--devices", 2))
    assert [code for code, _ in found] == [0, 0], found
    assert "2 devices, in each of 2 processes" in found[0][1]
    assert_same_curve(folders[0] / "pos" / "run", on_one_device("pos"))


@on_jax
@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_where_a_process_is_killed_the_others_end_in_a_line_and_the_same_commands_go_on(
    killed: int, tmp_path: Path, on_one_device: Callable[[str], Path]
) -> None:
    # In the third step of the second epoch, of three steps each.
    patches = ["", ""]
    patches[killed] = process.KILLED.format(step=5)
    folders = [tmp_path / "first", tmp_path / "second"]
    found = process.end(*process.start_cluster("pos", folders, find_port("127.0.0.1"), patches=patches))
    assert found[killed][0] == -9
    code, said = found[1 - killed]
    assert code == 75, said
    assert f"error: --cluster: process {killed} (127.0.0.1:" in said.splitlines()[-1]
    assert "given again, go on after what was saved last" in said and "Traceback" not in said
    assert len(read_metrics(folders[0] / "pos" / "run")) == 1
    found = process.end(*process.start_cluster("pos", folders, find_port("127.0.0.1")))
    assert [code for code, _ in found] == [0, 0], found
    assert "going on after epoch 1" in found[0][1]
    assert_same_curve(folders[0] / "pos" / "run", on_one_device("pos"))
    whole = process.end(*process.start_cluster("pos", [tmp_path / "whole", tmp_path / "none"], find_port("127.0.0.1")))
    assert [code for code, _ in whole] == [0, 0]
    # Bit for bit.
    assert_same_run(folders[0] / "pos" / "run", tmp_path / "whole" / "pos" / "run")


@on_jax
@pytest.mark.slow
def test_a_signal_has_process_0_save_within_the_epoch_and_the_others_end(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    listening = ["from harness.process import interrupt; interrupt.listen([])"] * 2
    first, second = process.start_cluster(
        "pos", folders, find_port("127.0.0.1"), patches=listening, epochs=5000, patience=5000
    )
    while not (folders[0] / "pos" / "run" / "metrics.jsonl").exists() and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    (code, said), (other, told) = process.end(first, second)
    assert code == 128 + signal.SIGTERM and "stopped" in said.splitlines()[-1], said
    assert other == 75 and "was stopped; the same commands" in told.splitlines()[-1], told
    assert list((folders[0] / "pos" / "run").glob("state*.npz"))


@on_jax
@pytest.mark.slow
def test_weights_that_are_taken_up_again_in_process_0_reach_the_others(tmp_path: Path) -> None:
    # Soon no better, the best weights are taken up again, and the learning rate falls.
    options = {"budget": "best", "epochs": None, "steps": 9, "patience": 1, "learning_rate": 0.02}
    folders = [tmp_path / "first", tmp_path / "second"]
    found = process.end(*process.start_cluster("pos", folders, find_port("127.0.0.1"), **options))
    assert [code for code, _ in found] == [0, 0], found
    said = found[0][1]
    assert "from there on, the learning rate falls to 0" in said, said
    assert_same_curve(folders[0] / "pos" / "run", process.train("pos", tmp_path / "one", **options))


@on_jax
@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_another_number_of_devices(
    tmp_path: Path, on_one_device: Callable[[str], Path]
) -> None:
    # Whatever it takes, the state is saved after each step.
    patch = "from harness.training import step_checkpoint; step_checkpoint.SHARE = 0" + process.KILLED.format(step=4)
    ((code, _),) = process.end(process.start("pos", tmp_path, "--devices", 2, "--save-every", "0.000001", patch=patch))
    assert code == -9 and len(read_metrics(tmp_path / "pos" / "run")) == 1
    found = process.start("pos", tmp_path, "--devices", 3)
    ((code, said),) = process.end(found)
    assert code == 0 and "going on after step 1 of 3 of epoch 2" in said, said
    assert "trained on JAX" in said and "3 devices: the last digits may differ" in said
    assert_same_curve(tmp_path / "pos" / "run", on_one_device("pos"))


@on_jax
@pytest.mark.slow
def test_a_process_with_other_options_or_data_is_told_so_and_nothing_is_trained(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    port = find_port("127.0.0.1")
    one, _ = process.start_cluster("pos", folders, port), None
    one[1].kill()
    one[1].communicate()
    addresses = f"127.0.0.1:{port},127.0.0.1:{port + 1}"
    other = process.start("pos", folders[1], "--cluster", addresses, "--process", 1, units=9)
    found = process.end(one[0], other)
    assert [code for code, _ in found] == [2, 2], found
    assert "--units: 8 then, 9 now" in found[0][1] and "--units: 8 then, 9 now" in found[1][1]
    assert not (folders[0] / "pos" / "run" / "metrics.jsonl").exists()


@on_jax
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--devices", "0"], "--devices 0: expected 1 or more"),
        (["--process", "1"], "--process 1: of which cluster"),
        (["--cluster", "here:1,there:2"], "which of the 2 processes is this? Give --process 0 to 1"),
        (["--cluster", "here:1,there:2", "--process", "2"], "--process 2: --cluster has 2 addresses; expected 0 to 1"),
        (["--cluster", "here:1", "--process", "0"], "one process is no cluster"),
        (["--cluster", "here:1,here:1", "--process", "0"], "an address stands there twice"),
        (["--cluster", "here:1,there", "--process", "0"], "expected HOST:PORT,HOST:PORT, one per process, got 'there'"),
        (["--cluster", "here:1,there:70000", "--process", "0"], "got 'there:70000'"),
        (["--cluster", "here:1,there:2", "--process", "0", "--auto-batch"], "--auto-batch: with --cluster one process"),
        (["--cluster", "here:1,there:2", "--process", "0", "--folds", "3"], "--folds: each fold is a run of its own"),
        (["--cluster", "here:1,there:2", "--ray", "here:1"], "--ray, --cluster: Ray finds the processes"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_starts(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["train", "pos", "--runs", str(tmp_path), *words]) == 2
    said = capsys.readouterr().err
    assert message in said and len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_program_that_asks_for_no_device_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--devices 0: expected 1 or more"):
        harness.train("pos", runs=tmp_path, devices=0)


@on_jax
def test_more_devices_than_there_are_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    with small("pos"):
        assert main(["train", "pos", "--runs", str(tmp_path), "--devices", "5"]) == 2
        assert "--devices 5: this machine has 4 cores; give --devices 4 at most" in capsys.readouterr().err
        # This process has started JAX, with one.
        assert main(["train", "pos", "--runs", str(tmp_path), "--devices", "4"]) == 2
        assert f"JAX has started in this process with {jax.local_device_count()} device" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_another_backend_than_jax_is_one_line_that_says_what_to_do(
    backend: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.process import backend as backends

    monkeypatch.setattr(backends, "choose", lambda asked: asked)
    with pytest.raises(BadInput, match=f"--devices, --cluster: not on {backend} .*; give --backend jax"):
        backends.check_backend(backend)


def test_rows_that_hand_on_their_states_are_not_shared() -> None:
    training: Any = SimpleNamespace(batches={"train": SimpleNamespace(begins=np.array([True]))})
    check_rows(training, Devices(1))
    with pytest.raises(BadInput, match="--devices: a row hands its state on to the next batch"):
        check_rows(training, Devices(2))


def test_without_memory_the_share_of_a_device_is_computed_in_parts(capsys: pytest.CaptureFixture) -> None:
    batches = SimpleNamespace(lengths=[9], rows=lambda length: 9, begins=None)
    experiment = SimpleNamespace(options=SimpleNamespace(as_dict=dict))
    training: Any = SimpleNamespace(batches={"train": batches}, experiment=experiment)
    assert auto_batch.double(training, 2, "out of memory", devices=2) == 4
    assert "each device's share of 5 is computed in 4 parts of 2" in capsys.readouterr().err
    with pytest.raises(BadInput, match="one example at a time is too much"):
        auto_batch.double(training, 5, "out of memory", devices=2)
