"""A Ray cluster starts the processes of one training: two machines' worth of them on this one."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest

from harness.training import ray_processes
from harness.training.replicas import Lead
from pipeline.errors import BadInput
from run import main
from tests.harness import without_new_cells
from tests.harness.training.process import WORDS
from tests.harness.training.test_devices import assert_same_curve
from tests.test_run import write_reviews

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="several devices are for JAX")

# A cell as ever, and epochs that take long enough to be killed in.
SLOW = """
import time
from models.recurrent import CELLS, SimpleRNN
from harness.training.replicas import Lead

def slow(units, **options):
    return SimpleRNN(units, **options)

CELLS["slow"] = slow
end = Lead.on_epoch_end
def wait(self, *given):
    time.sleep(3)
    end(self, *given)
Lead.on_epoch_end = wait
"""


@pytest.fixture
def machines(only_cluster: None) -> Iterator[Any]:
    import ray
    from ray import cluster_utils as utilities

    found = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    found.other = found.add_node(num_cpus=1)
    found.wait_for_nodes()
    yield found
    ray.shutdown()
    found.shutdown()


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_two_machines_train_one_run_and_where_one_dies_it_goes_on(
    machines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the file changes, which is run in this process too.
    monkeypatch.setattr(Lead, "on_epoch_end", Lead.on_epoch_end)
    (tmp_path / "slow.py").write_text(SLOW)
    data = str(write_reviews(tmp_path / "reviews.csv"))
    known = [f"--{name.replace('_', '-')}={value}" for name, value in WORDS.items()]
    words = ["train", "sentiment", "--data", data, "--include", str(tmp_path / "slow.py"), "--cell", "slow"]
    words += [*known, "--no-bidirectional", "--device", "cpu", "--name", "run"]
    directory = tmp_path / "ray" / "sentiment" / "run"

    def kill() -> None:
        # What process 0 has saved comes here; the state comes before the line.
        while not (directory / "metrics.jsonl").exists():
            time.sleep(0.1)
        machines.remove_node(machines.other, allow_graceful=False)

    attempt = ray_processes.RayProcesses._try

    def replace(processes: ray_processes.RayProcesses) -> str:
        if reason := attempt(processes):
            machines.add_node(num_cpus=1)
        return reason

    monkeypatch.setattr(ray_processes.RayProcesses, "_try", replace)
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with without_new_cells():
        assert main([*words, "--runs", str(tmp_path / "ray"), "--ray", machines.address, "--devices", "2"]) == 0
        killer.join(1)
        assert not killer.is_alive()
        assert main([*words, "--runs", str(tmp_path / "one")]) == 0
    assert_same_curve(directory, tmp_path / "one" / "sentiment" / "run")
    resumed = json.loads((directory / "environment.json").read_text())["resumed"]
    assert [part["epoch"] for part in resumed] in ([1], [2])
    assert json.loads((directory / "scores.json").read_text())["run"] == str(directory)


def test_more_processes_than_the_cluster_has_devices_are_refused() -> None:
    def make(**resources: float) -> Any:
        return SimpleNamespace(cluster_resources=lambda: resources)

    assert ray_processes.check_room(make(CPU=2.0), 2, cpu=False) == "CPU"
    assert ray_processes.check_room(make(CPU=2.0, GPU=4.0), 4, cpu=False) == "GPU"
    assert ray_processes.check_room(make(CPU=2.0, GPU=4.0), 2, cpu=True) == "CPU"
    with pytest.raises(BadInput, match="--devices 9: the Ray cluster has 2 CPUs; give --devices 2 at most"):
        ray_processes.check_room(make(CPU=2.0, GPU=16.0), 9, cpu=True)


def test_a_run_that_has_saved_something_is_another(tmp_path: Path) -> None:
    (tmp_path / "state.npz").write_text("")
    state = ray_processes.describe(tmp_path)
    assert ray_processes.describe(tmp_path) == state
    (tmp_path / "state.within.npz").write_text("")
    assert ray_processes.describe(tmp_path) != state


def test_what_a_process_says_of_its_end_is_found() -> None:
    assert ray_processes.find_error(["epoch 1", "error: --units 0: expected 1", "", "more"]) == "--units 0: expected 1"
    assert ray_processes.find_error(["Traceback", "ValueError: no", ""]) == "ValueError: no"
    assert ray_processes.find_error([]) == "it has said nothing"
