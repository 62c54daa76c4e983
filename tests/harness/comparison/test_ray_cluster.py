"""Sweeps on a Ray cluster: two machines' worth of processes on this one."""

import json
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tasks
from harness.comparison import ray_cluster
from harness.comparison.compare import train_all
from harness.comparison.sweep import Entry
from harness.process import backend
from pipeline.errors import BadInput
from run import main
from tests.harness import small_options, without_new_cells
from tests.test_run import write_reviews

# Every model that is built leaves a file.
CELLS = """
import os, time
from pathlib import Path
from models.recurrent import CELLS, SimpleRNN

LOG = Path(r"FOLDER")

def slow(units, **options):
    (LOG / f"{time.time_ns()}-{os.getpid()}").touch()
    time.sleep(2)
    return SimpleRNN(units, **options)

CELLS["slow"] = slow
"""


@pytest.fixture
def two_machines(only_cluster: None) -> Any:
    import ray
    from ray import cluster_utils as utilities

    machines = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    other = machines.add_node(num_cpus=1)
    machines.wait_for_nodes()
    yield machines, other
    ray.shutdown()
    machines.shutdown()


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_a_sweep_goes_on_when_a_machine_dies_and_no_run_is_lost_or_done_twice(
    two_machines: Any, tmp_path: Path
) -> None:
    machines, other = two_machines
    (tmp_path / "log").mkdir()
    (tmp_path / "cells.py").write_text(CELLS.replace("FOLDER", str(tmp_path / "log")))
    data = str(write_reviews(tmp_path / "reviews.csv"))
    task = tasks.get("sentiment")
    found: list[Entry] = []
    for seed in range(5):
        options = small_options(task, data=data, cell="slow", seed=seed, epochs=2, bidirectional=False)
        folder = tmp_path / "runs"
        found.append(Entry("sentiment", options, folder, folder / "sentiment" / f"slow-s{seed}"))
    start = partial(backend.start, "jax", "cpu")
    pool = ray_cluster.Cluster(machines.address, 1, start=start, include=[tmp_path / "cells.py"])

    def kill() -> None:
        # Both machines are at work on their first run.
        while len(list((tmp_path / "log").iterdir())) < 2:
            time.sleep(0.1)
        machines.remove_node(other, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with without_new_cells():
        results = train_all(found, pool, fresh=False)
    killer.join(1)
    assert not killer.is_alive()
    assert [result["status"] for result in results] == ["done"] * 5, results
    for entry, result in zip(found, results, strict=True):
        scores = json.loads((entry.directory / "scores.json").read_text())
        assert scores["scores"] == result["scores"] and scores["run"] == str(entry.directory) == result["run"]
        assert (entry.directory / "best.keras").exists()
    # A model was rehearsed and one built for each run; for the one that died with its machine one or both once more;
    # for the gradients of seed 0 one anew, and one when the run is opened, to compare its shapes.
    assert len(list((tmp_path / "log").iterdir())) - (2 * 5 + 1 + 1) in (1, 2)


@pytest.mark.needs("ray")
def test_an_address_that_does_not_answer_is_refused_within_seconds(
    only_cluster: None, capsys: pytest.CaptureFixture
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "auto"):
        begun = time.perf_counter()
        assert main(["compare", "sentiment", "--ray", address]) == 2
        assert time.perf_counter() - begun < 10
        assert "no Ray cluster answers there" in capsys.readouterr().err


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="expected HOST:PORT"):
        ray_cluster.Cluster("nowhere", 1, start=lambda: "", include=())


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match="pip install -r requirements-ray.txt"):
        ray_cluster.Cluster("auto", 1, start=lambda: "", include=())
