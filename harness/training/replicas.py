"""Replicas: the weights of one run in several processes, kept the same; see devices.py.

The fields and the config come from process 0 when it has written them, and the weights when the others begin, and after
each epoch where theirs are not its own.
"""

import io
import json
import zlib

import keras
import numpy as np

from harness.process.cluster import Cluster
from harness.process.progress import Logs
from harness.training.begin import Training
from harness.training.checkpoint import Checkpoint
from harness.training.variables import list_variables, save_variables, take_up

# What of a run the others need.
FILES = ("config.json", "fields/input.json", "fields/output.json")


def tell_others(training: Training, model: keras.Model, checkpoint: Checkpoint, *, cluster: Cluster) -> None:
    """Send the other processes what they need to train with this one."""
    directory = training.experiment.directory
    found = {name: (directory / name).read_text(encoding="utf-8") for name in FILES}
    about = {"files": found, "progress": checkpoint.progress, "within": checkpoint.within}
    cluster.tell(json.dumps(about).encode())
    cluster.tell(pack_variables(model))


def pack_variables(model: keras.Model) -> bytes:
    """Return all that changes while a model is trained."""
    content = io.BytesIO()
    save_variables(content, model)
    return content.getvalue()


def take_variables(packed: bytes, model: keras.Model) -> None:
    """Give a model what `pack_variables` returned."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as saved:
        take_up(saved, model)


def digest_variables(model: keras.Model) -> int:
    """Return a checksum of all that changes while a model is trained."""
    found = 0
    for variable in list_variables(model):
        found = zlib.crc32(np.asarray(variable).tobytes(), found)
    return found


class Lead(keras.callbacks.Callback):
    """In process 0, after each epoch: says whether it was the last, and sends weights to those that have others.

    They have others where the best weights were taken up again, and the learning rate falls. To be called last.
    """

    def __init__(self, cluster: Cluster):
        super().__init__()
        self.cluster = cluster

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        own = digest_variables(self.model)
        for process in self.cluster.messages:
            changed = json.loads(self.cluster.receive(process)) != own
            self.cluster.send(json.dumps({"stop": self.model.stop_training, "changed": changed}).encode(), process)
            if changed:
                self.cluster.send(pack_variables(self.model), process)


class Follow(keras.callbacks.Callback):
    """In the other processes, after each epoch: does as process 0 says; see `Lead`."""

    def __init__(self, cluster: Cluster):
        super().__init__()
        self.cluster = cluster

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.cluster.send(json.dumps(digest_variables(self.model)).encode())
        told = json.loads(self.cluster.receive())
        if told["changed"]:
            take_variables(self.cluster.receive(), self.model)
        self.model.stop_training = told["stop"]
