"""The machine: which backend Keras computes with for a command, and how it is started."""

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.arguments import Parser
from harness.commands.command import Arguments
from harness.process.console import doing, say
from harness.process.machine import Machine
from pipeline.option import declared

if TYPE_CHECKING:
    from harness.experiment import Experiment


def select_backend(arguments: Arguments) -> None:
    """Choose what Keras computes with: an included file may import it."""
    from harness.process import backend

    parser = Parser("run.py")
    parser.add_options(declared(Machine, "run").values())
    given = vars(parser.parse_known_args(arguments)[0])
    backend.select(given.get("backend"), given.get("device"))


def starter(given: Namespace, precision: str = "float32", **together: Any) -> Callable[[], str]:
    """Return what starts Keras, and returns what it runs on. together: devices and cluster, see `backend.start`."""
    from harness.process import backend

    return partial(
        backend.start,
        given.backend,
        given.device,
        precision=precision,
        kernels=given.kernels,
        alone=True,
        **together,
    )


def start(given: Namespace, experiment: "Experiment", **together: Any) -> str:
    """Start Keras, say what it runs on, and return that; see `starter`."""
    with doing("starting Keras"):
        where = starter(given, experiment.options.precision, **together)()
    say(where)
    return where


def start_again(given: Namespace, experiment: "Experiment") -> None:
    """Start Keras as for a stored run; say what it runs on, and what the run was trained on if not on that."""
    from harness.runs import tell_device

    tell_device(experiment.directory, start(given, experiment))
