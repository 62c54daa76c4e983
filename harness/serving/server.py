"""Server: the socket, the signals, and the end, which finishes what has begun."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote

import uvicorn

from harness.process.interrupt import SIGNALS
from harness.serving.app import make_app
from harness.serving.hosts import Hosts
from harness.serving.protocol import Protocol
from harness.serving.service import Service
from pipeline.errors import BadInput

# Connections that wait to be accepted.
BACKLOG = 2048
# Seconds that a connection may be idle between two requests: longer than clients keep theirs, so that none of them
# sends a request into a connection that is being closed.
IDLE = 75


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; BadInput where that is not possible. port: 0 is any that is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise BadInput(
            f"--host {host}: no address of this machine ({getattr(error, 'strerror', None) or error}); expected one "
            "such as 127.0.0.1, or 0.0.0.0 for all of them"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise BadInput(
            f"--host {host} --port {port}: cannot listen there ({error.strerror}); give another --port, or 0 for any "
            "that is free"
        ) from None
    listening.setblocking(False)
    return listening


def tell_address(listening: socket.socket) -> str:
    """Return the address of a socket as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def tell_path(path: str) -> str:
    """Return a path as it stands in an address."""
    return quote(path, safe="/=,+:@")


class Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to `serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(service: Service, listening: socket.socket, hosts: Hosts, *, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; then finish what has begun. ready: called once questions are answered.

    hosts: the names by which it may be asked.

    Raises BadInput for a run whose model cannot be loaded.
    """
    # What is no request, or no form, anyone can send as often as he likes.
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.ERROR)
    asyncio.run(serve(service, listening, hosts, ready=ready))


async def serve(service: Service, listening: socket.socket, hosts: Hosts, *, ready: Callable[[], None]) -> None:
    """Serve; see `run`."""
    config = uvicorn.Config(
        make_app(service, hosts),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE,
    )
    server, stop, hurry = Server(config), asyncio.Event(), asyncio.Event()

    def hear() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, hear)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    opening = asyncio.create_task(service.open())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if opening.done() and not stop.is_set():
            # What it raised, if anything.
            opening.result()
            ready()
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        service.tell("stopping: what has begun is finished; once more to leave it")
        left = await service.stop(hurry)
        service.tell(f"stopped; requests left unanswered: {left}" if left else "stopped")
        server.force_exit = bool(left)
    finally:
        opening.cancel()
        stopped.cancel()
        server.should_exit = True
        await serving
        for number in heard:
            loop.remove_signal_handler(number)
