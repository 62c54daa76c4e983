"""Follow: a process of a cluster that is not process 0 trains with it, and writes nothing; see devices.py."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from harness import runs
from harness.options import differences
from harness.process.console import say
from harness.runs.restored import restore_options
from harness.training.begin import Training, prepare
from harness.training.devices import Devices, check_rows
from harness.training.fit import fit_epochs
from harness.training.replicas import FILES, Follow, take_variables
from harness.training.request import Request, known_names
from harness.training.train import build
from pipeline import files
from pipeline.errors import BadInput


def follow(request: Request, devices: Devices, device: str) -> None:
    """Train the run that a request asks for with process 0, as that has begun it, until that says that it is done.

    device: what Keras runs on. Raises BadInput where the options or the data are not those of process 0.
    """
    assert devices.cluster
    told = json.loads(devices.cluster.receive())
    with files.temporary_folder() as folder:
        training = take_up(request, folder / "run", told)
        check_rows(training, devices)
        loop = build(training, device, devices=devices)
        loop.checkpoint.progress, loop.checkpoint.within = told["progress"], told["within"]
        loop.bar.first, loop.bar.step = loop.checkpoint.progress["epoch"], loop.checkpoint.step
        take_variables(devices.cluster.receive(), loop.trained.model)
        if not loop.checkpoint.progress["done"]:
            fit_epochs(training, loop, [Follow(devices.cluster)])
    say(f"trained; process 0 keeps the run: {devices.cluster.place.name(0)}")


def take_up(request: Request, directory: Path, told: dict[str, Any]) -> Training:
    """Return the training that process 0 has told of. directory: for its files, until the training ends."""
    for name in FILES:
        runs.write_text(directory / name, told["files"][name])
    stored = runs.read_config(directory)
    theirs = restore_options(directory, request.task, stored).as_dict()
    known = known_names(request.task, stored["options"])
    ours = {name: value for name, value in request.options.as_dict().items() if name in known}
    if found := differences({name: theirs[name] for name in ours}, ours):
        raise BadInput("the options are not those of process 0:\n  " + "\n  ".join(found))
    options = request.options.replace(**theirs)
    return prepare(dataclasses.replace(request, directory=directory, options=options), stored, joined=True)
