"""run.py train TASK"""

import json
from argparse import Namespace
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.arguments import Parser
from harness.commands.command import FLAG, Arguments, Command, add_machine, add_runs
from harness.commands.machine import start, starter
from harness.commands.printing import emit, print_summary
from harness.commands.subject import find_task, make_parser
from harness.process.console import say
from pipeline.errors import BadInput
from pipeline.option import Options
from tasks.task import Task

if TYPE_CHECKING:
    from harness.process.cluster import Cluster
    from harness.runs.schema import Summary
    from harness.training.request import Request


def train(arguments: Arguments) -> None:
    """Train a task, or go on where the same command stopped; then print the test scores."""
    task = find_task(COMMAND, arguments)
    parser = make_parser(COMMAND, task)
    given = parser.read(arguments)
    from harness.process import backend
    from harness.process.cluster import join, parse_place
    from harness.training import request
    from harness.training.begin import begin
    from harness.training.completion import read_complete
    from harness.training.devices import Devices, check_cluster, check_count, describe_process
    from harness.training.fine_tuning import choose_options
    from harness.training.save_every import read_duration
    from harness.training.tensorboard import check_installed

    check_count(given.devices)
    how: dict[str, Any] = {
        "tensorboard": given.tensorboard,
        "save_every": read_duration(given.save_every),
        "auto_batch": given.auto_batch,
    }
    if given.tensorboard:
        check_installed()

    options = choose_options(task, parser.chosen(given))
    if options.folds and options.fold is None and given.cluster is None and given.ray is None:
        from harness import cross_validation

        each = cross_validation.list_requests(task, options, given.runs, name=given.name, fresh=given.fresh)
        found = cross_validation.cross_validate(
            each, partial(start, given, devices=given.devices), **how, devices=Devices(given.devices)
        )
        emit(found) if given.json else cross_validation.print_folds(found)
        return
    place = None
    if given.ray is not None:
        trained = train_by_ray(given, task, options)
        return emit(trained) if given.json else print_summary(trained)
    if given.cluster is not None:
        check_cluster(options, auto_batch=given.auto_batch)
        place = parse_place(given.cluster, given.process)
        # Before the others are waited for.
        backend.check_backend(given.backend)
    elif given.process is not None:
        raise BadInput(f"--process {given.process}: of which cluster? Give --cluster HOST:PORT,HOST:PORT too")
    with join(place, describe_process(given.devices)) if place else nullcontext() as cluster:
        asked = request.settle(task, options, given.runs, name=given.name, fresh=given.fresh)
        together = {"devices": given.devices, "cluster": cluster}
        if cluster and not cluster.leads:
            return follow(given, asked, **together)
        summary = read_complete(asked)
        if cluster:
            cluster.tell(json.dumps({"complete": summary is not None}).encode())
        if summary is None:
            # What is wrong with the data is told before Keras starts, which takes seconds.
            with begin(asked) as training:
                where = start(given, training.experiment, **together)
                from harness.learning_curve import drawing
                from harness.training.train import train_run

                with drawing() as draw:
                    summary = train_run(training, where, **how, devices=Devices(given.devices, cluster))
                    draw(asked.directory, task)
        elif given.tensorboard:
            say("--tensorboard: the run is complete, and is not trained again; start over with --fresh")
    emit(summary) if given.json else print_summary(summary)


def follow(given: Namespace, asked: "Request", *, devices: int, cluster: "Cluster") -> None:
    """Train with process 0 of a cluster, which writes the run."""
    if json.loads(cluster.receive())["complete"]:
        return say(f"the run is complete, where {cluster.place.name(0)} keeps it")
    where = starter(given, asked.options.precision, devices=devices, cluster=cluster)()
    say(where)
    from harness.training.devices import Devices
    from harness.training.follow import follow

    follow(asked, Devices(devices, cluster), where)
    return None


def train_by_ray(given: Namespace, task: Task, options: Options) -> "Summary":
    """Train with as many processes of a Ray cluster as there are to be devices; return the summary."""
    from harness.process import backend
    from harness.training import request
    from harness.training.completion import read_complete
    from harness.training.devices import check_cluster
    from harness.training.ray_processes import train_on_ray

    if given.cluster is not None or given.process is not None:
        raise BadInput("--ray, --cluster: Ray finds the processes, or you name them; leave one of them out")
    check_cluster(options, auto_batch=given.auto_batch)
    backend.check_backend(given.backend)
    asked = request.settle(task, options, given.runs, name=given.name, fresh=given.fresh)
    if complete := read_complete(asked):
        return complete
    words = ["--backend", "jax", "--kernels", given.kernels, "--save-every", given.save_every]
    words += ["--device", given.device] if given.device else []
    words += ["--tensorboard"] if given.tensorboard else []
    return train_on_ray(asked, given.ray, given.devices, more=words)


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = add_runs(parser).run.add_argument
    add("--name", default=None, help="The run's directory is RUNS/TASK/NAME; else named by the options.")
    add("--fresh", action=FLAG, default=False, help="Delete the earlier run of that name, and start over.")
    add("--save-every", default="10m", metavar="TIME", help="Save within an epoch too, every 60s, 5m or 1h. [10m]")
    add("--auto-batch", action=FLAG, default=False, help="Out of memory: compute each batch in parts, as one step.")
    add("--devices", type=int, default=1, metavar="N", help="Train on N CPU cores or GPUs at once; JAX only. [1]")
    told = "Train with other processes: the addresses of all; the first keeps the run."
    add("--cluster", default=None, metavar="HOST:PORT,HOST:PORT", help=told)
    add("--process", type=int, default=None, metavar="I", help="With --cluster: which of them this is, from 0.")
    told = "Train with N processes of a Ray cluster, of one device each; see --devices."
    add("--ray", nargs="?", const="auto", default=None, metavar="HOST:PORT", help=told)
    add("--tensorboard", action=FLAG, default=False, help="Write curves and histograms to RUN/tensorboard.")
    return add_machine(parser)


COMMAND = Command("train", train, {"task": None}, add_options)
