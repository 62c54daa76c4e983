"""run.py serve RUN [RUN ...]"""

import sys
from functools import partial
from typing import TYPE_CHECKING

from harness.arguments import Parser
from harness.commands.command import FLAG, Arguments, Command, add_machine
from harness.commands.machine import starter
from harness.commands.printing import emit
from harness.commands.subject import find_runs
from harness.options import find_options, override
from harness.process.console import say
from harness.serving.limits import Limits
from pipeline.errors import BadInput
from pipeline.option import declared

if TYPE_CHECKING:
    from harness.serving.service import Service

LIMITS = declared(Limits, "run")


def serve(arguments: Arguments) -> None:
    """Answer over HTTP with trained runs, until it is stopped."""
    experiments, parser = find_runs(COMMAND, arguments)
    given = parser.read(arguments)
    limits, decoding = Limits(**{name: vars(given)[name] for name in LIMITS}), parser.chosen(given)
    if not 0 <= given.port <= 65535:
        raise BadInput(f"--port {given.port}: expected a whole number between 0 and 65535")
    if given.tokenized and not any(experiment.input_field.tokenizer for experiment in experiments):
        raise BadInput("--tokenized: none of the runs reads texts that are divided into tokens")
    asked = []
    for experiment in experiments:
        own = find_options(experiment.task)
        experiment = override(experiment, {name: value for name, value in decoding.items() if name in own})
        if given.tokenized and experiment.input_field.tokenizer:
            from harness.inputs import take_tokenized

            experiment = take_tokenized(experiment)
        asked.append(experiment)
    try:
        from harness.serving import server
    except ImportError as error:
        raise BadInput(f"serve needs {error.name}: run: pip install -r requirements-serve.txt") from None
    from harness.serving.hosts import Hosts
    from harness.serving.service import Service

    hosts = Hosts.of(given.host, given.allow_host)
    # Each run's own precision is set when its model is loaded.
    service = Service(asked, limits, starter(given), tell=say)
    listening = server.listen(given.host, given.port)
    if given.host not in ("127.0.0.1", "localhost", "::1"):
        say(f"--host {given.host}: whoever reaches this machine can ask, without a password")
    server.run(
        service, listening, hosts, ready=partial(tell_ready, service, server.tell_address(listening), given.json)
    )


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.run.add_argument
    add("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0: all of this machine. [127.0.0.1]")
    add("--port", type=int, default=8000, metavar="N", help="Port to listen on; 0: any that is free. [8000]")
    told = "A further name that it may be asked by, such as a proxy's; several times for several; * is any."
    add("--allow-host", action="append", default=[], metavar="NAME", help=told)
    add("--tokenized", action=FLAG, default=False, help="The sentences have blanks between their tokens.")
    parser.add_options(LIMITS.values())
    return add_machine(parser)


def tell_ready(service: "Service", address: str, json: bool) -> None:
    """Say where the runs are asked. json: as one JSON object on standard output."""
    from harness.serving.server import tell_path

    paths = {name: f"{address}{tell_path(run.path)}/predict" for name, run in service.runs.items()}
    if json:
        emit({"address": address, "runs": paths})
        # Who waits for it is not to wait for the end of the process.
        sys.stdout.flush()
    for path in paths.values():
        say(f"POST {path}")
    say(f"ready; how to ask: {address}/docs; Ctrl-C stops it")


COMMAND = Command("serve", serve, {"run": "*"}, add_options)
