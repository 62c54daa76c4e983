"""Devices: those that train one run together (--devices, --cluster); each computes some rows of every batch.

Process 0 does what a training does on one device: it reads, validates, saves and tests, and it alone writes. The others
only train, and hold what they need; see replicas.py and follow.py.
"""

import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from harness import runs
from harness.process import distributed
from harness.process.cluster import Cluster
from harness.training.begin import Training
from pipeline.batches.shares import Share
from pipeline.errors import BadInput
from pipeline.option import Options

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Devices:
    """Devices that train together. count: of this process. cluster: all processes; None where this one is alone."""

    count: int = 1
    cluster: Cluster | None = None

    @property
    def total(self) -> int:
        """Return how many there are in all processes."""
        return self.count * (self.cluster.place.count if self.cluster else 1)

    @property
    def share(self) -> Share | None:
        """Return the rows of a batch that this process draws; None where they are all, for one device."""
        if self.total == 1:
            return None
        return Share(self.total, self.cluster.place.process * self.count if self.cluster else 0, self.count)

    def use(self, model: "keras.Model") -> None:
        """Have the compiled model, whose training step is set, train on them."""
        if self.total > 1:
            from models.backends import data_parallel

            data_parallel.use_devices(model, distributed.list_devices(self.count))


ALONE = Devices()


def check_count(devices: int) -> None:
    """Raise BadInput for a number of devices that there cannot be."""
    if devices < 1:
        raise BadInput(f"--devices {devices}: expected 1 or more")


def check_cluster(options: Options, *, auto_batch: bool) -> None:
    """Raise BadInput for what the processes of a cluster cannot do together."""
    if options.folds and options.fold is None:
        raise BadInput("--folds: each fold is a run of its own; train one after the other, with --fold 1 and so on")
    if auto_batch:
        raise BadInput(
            "--auto-batch: with --cluster one process without memory would end all; give a smaller --batch-size"
        )


def describe_process(devices: int) -> dict[str, object]:
    """Return what all processes of a cluster must have in common, by name: their versions, and how many devices."""
    versions = {package: version(package) for package in ("keras", "jax", "numpy") if importlib.util.find_spec(package)}
    return {"unrolled": runs.read_version(), **versions, "--devices": devices}


def check_rows(training: Training, devices: Devices) -> None:
    """Raise BadInput for a run whose batches cannot be shared."""
    if devices.total > 1 and training.batches["train"].begins is not None:
        raise BadInput("--devices: a row hands its state on to the next batch, whose rows others compute; leave it out")
