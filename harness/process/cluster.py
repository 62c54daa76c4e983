"""A cluster: the processes that train one run together (--cluster): how they speak, and note each other's end.

Each of the others has two connections to process 0: one for messages, in the order of the training, and one for the
pulse, on which both say every few seconds that they are there, and how they ended. Whoever hears nothing of another
any more ends with a line and the exit code LOST: the weights of a step that one process did not do are lost, and the
same commands go on after what was saved last.

A message is bytes: JSON, or arrays that are read without pickle. There is no password and no encryption: these ports
are for a network that strangers have no part in.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from harness.process import interrupt
from harness.process.console import say
from pipeline.errors import BadInput

# Seconds that the others have to come in; between two beats of a pulse; after which a process without one is lost; and
# that a process waits whether the end of another explains an error of its own.
PATIENCE, BEAT, SILENCE, SETTLE = 60.0, 5.0, 60.0, 10.0
# The exit code where another process was lost: try again (sysexits.h, EX_TEMPFAIL).
LOST = 75
# Bytes of a greeting, or of a pulse, at most: whatever else knocks at the port has another form.
SHORT = 10_000
MESSAGES, PULSE = "messages", "pulse"
AGAIN = "the same commands, given again, go on after what was saved last"


@dataclass(frozen=True)
class Place:
    """A process of a cluster. addresses: of all, process 0's first. process: its number, from 0."""

    addresses: tuple[tuple[str, int], ...]
    process: int

    @property
    def count(self) -> int:
        """Return how many processes there are."""
        return len(self.addresses)

    def name(self, process: int) -> str:
        """Return how a process is spoken of."""
        host, port = self.addresses[process]
        return f"process {process} ({host}:{port})"


def parse_place(addresses: str, process: int | None) -> Place:
    """Return the place that --cluster and --process say; BadInput for what is none."""
    found = []
    for address in addresses.split(","):
        host, _, port = address.strip().rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise BadInput(f"--cluster {addresses}: expected HOST:PORT,HOST:PORT, one per process, got {address!r:.60}")
        found.append((host.removeprefix("[").removesuffix("]"), int(port)))
    if len(found) < 2:
        raise BadInput(f"--cluster {addresses}: one process is no cluster; give the address of each, or leave it out")
    if len(set(found)) < len(found):
        raise BadInput(f"--cluster {addresses}: an address stands there twice; each process has its own")
    if process is None:
        raise BadInput(f"--cluster: which of the {len(found)} processes is this? Give --process 0 to {len(found) - 1}")
    if not 0 <= process < len(found):
        raise BadInput(f"--process {process}: --cluster has {len(found)} addresses; expected 0 to {len(found) - 1}")
    return Place(tuple(found), process)


class Cluster:
    """The other processes, as this one speaks with them: process 0 with all, each of the others with process 0.

    messages, pulses: the connections, by the number of the process at the other end.
    """

    def __init__(self, place: Place, messages: Mapping[int, Connection], pulses: Mapping[int, Connection]):
        self.place, self.messages, self.pulses = place, messages, pulses
        self._lock, self._ended = threading.Lock(), threading.Event()
        for process, pulse in pulses.items():
            threading.Thread(target=self._listen, args=(process, pulse), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def leads(self) -> bool:
        """Return whether this is process 0, which alone writes the run."""
        return self.place.process == 0

    def send(self, message: bytes, process: int = 0) -> None:
        """Send a message to another process."""
        self.messages[process].send_bytes(message)

    def receive(self, process: int = 0) -> bytes:
        """Return the next message of another process; waits for it as long as that is alive."""
        return self.messages[process].recv_bytes()

    def tell(self, message: bytes) -> None:
        """Send a message to all others."""
        for process in self.messages:
            self.send(message, process)

    def end(self) -> None:
        """Note that the processes have no more to do with each other, and say so."""
        self._ended.set()
        self._say({"end": "done"})

    def fail(self, end: str, text: str) -> None:
        """Tell the others why this process ends. end: "mistake" of the user's, which comes again, or "failed"."""
        if not self._ended.is_set():
            self._ended.set()
            self._say({"end": end, "text": text[: SHORT // 8]})

    def _say(self, message: dict[str, str]) -> None:
        for pulse in self.pulses.values():
            # It may be gone.
            with contextlib.suppress(OSError), self._lock:
                pulse.send_bytes(json.dumps(message).encode())

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            self._say({})

    def _listen(self, process: int, pulse: Connection) -> None:
        name = self.place.name(process)
        while True:
            try:
                if not pulse.poll(SILENCE):
                    return self._leave(LOST, f"{name} was not heard of for {SILENCE:.0f} seconds; {AGAIN}")
                message = read_json(pulse)
            except (OSError, EOFError, ValueError):
                return self._leave(LOST, f"{name} has ended, or cannot be reached; {AGAIN}")
            if message.get("end") == "done":
                return None
            if message.get("end") == "mistake":
                return self._leave(2, f"{name}: {message.get('text')}")
            if message.get("end"):
                return self._leave(LOST, f"{name} {message.get('text')}; {AGAIN}")

    def _leave(self, code: int, text: str) -> None:
        if not self._ended.is_set():
            # The others need not guess.
            self.fail("mistake" if code == 2 else "failed", f"has lost another: {text}" if code == LOST else text)
            interrupt.leave(code, f"error: --cluster: {text}")


def read_json(connection: Connection) -> dict[str, Any]:
    """Return a short message; ValueError, OSError or EOFError where what comes is none."""
    found = json.loads(connection.recv_bytes(SHORT))
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found


@contextmanager
def join(place: Place, about: Mapping[str, object]) -> Iterator[Cluster]:
    """Join the other processes, and tell them at the end how this one has ended.

    about: what all must have in common, such as versions, by name.
    Raises BadInput where another does not come in time, or has something else.
    """
    say(f"process {place.process} of {place.count}: waiting for {'the others' if place.process == 0 else 'process 0'}")
    messages, pulses = listen(place, about) if place.process == 0 else knock(place, about)
    cluster = Cluster(place, messages, pulses)

    def stopped() -> None:
        cluster.fail("failed", "was stopped")

    interrupt.before_end.append(stopped)
    try:
        yield cluster
        cluster.end()
    except BadInput as error:
        cluster.fail("mistake", str(error))
        raise
    except Exception as error:
        # Where another process has ended, what fails here is an exchange with it; then this does not return.
        time.sleep(SETTLE)
        cluster.fail("failed", f"failed ({type(error).__name__}: {error!s:.200})")
        raise
    finally:
        interrupt.before_end.remove(stopped)


def listen(place: Place, about: Mapping[str, object]) -> tuple[dict[int, Connection], dict[int, Connection]]:
    """Return the connections of process 0 to all others, once they have come."""
    found: dict[str, dict[int, Connection]] = {MESSAGES: {}, PULSE: {}}
    host, port = place.addresses[0]
    due = time.monotonic() + PATIENCE
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        server = socket.create_server((host, port), family=family)
    except OSError as error:
        raise BadInput(
            f"--cluster: process 0 cannot listen at {host}:{port} ({error.strerror or error}); give an address of this "
            f"machine, and a port that is free"
        ) from None
    with server:
        while min(map(len, found.values())) < place.count - 1:
            server.settimeout(max(due - time.monotonic(), 0.001))
            try:
                connection, greeting = welcome(server.accept()[0])
            except TimeoutError:
                missing = sorted(set(range(1, place.count)) - set(found[PULSE]))
                names = ", ".join(map(place.name, missing))
                raise BadInput(
                    f"--cluster: {names} did not come within {PATIENCE:.0f} seconds; start all within that time"
                ) from None
            except (OSError, EOFError, ValueError):
                # Whoever knocks and is none of them.
                continue
            line, process = greeting.get("line"), greeting.get("process")
            if line not in found or not isinstance(process, int):
                continue
            reason = compare(place, about, greeting)
            if not reason and process in found[line]:
                reason = f"there are two of --process {process}"
            connection.send_bytes(json.dumps({"refused": reason}).encode())
            if reason:
                raise BadInput(f"--cluster: {reason}")
            found[line][process] = connection
    # In whichever order they came, all are spoken with in that of their numbers.
    return dict(sorted(found[MESSAGES].items())), dict(sorted(found[PULSE].items()))


def welcome(accepted: socket.socket) -> tuple[Connection, dict[str, Any]]:
    """Return a connection that was taken, and what it says first; OSError, EOFError or ValueError for a stranger's."""
    connection = connect(accepted, seconds=5)
    greeting = read_json(connection)
    set_patience(connection, 0)
    return connection, greeting


def compare(place: Place, about: Mapping[str, object], greeting: Mapping[str, Any]) -> str:
    """Return why another process, by its greeting, cannot train with process 0; nothing where it can."""
    process = greeting["process"]
    if greeting.get("processes") != place.count or not 0 < process < place.count:
        return f"process 0 was given {place.count} addresses, and process {process} {greeting.get('processes')}"
    theirs = greeting.get("about")
    theirs = theirs if isinstance(theirs, dict) else {}
    for name, value in about.items():
        if theirs.get(name) != value:
            return f"{name}: {value} in process 0, and {theirs.get(name)!s:.60} in process {process}"
    return ""


def knock(place: Place, about: Mapping[str, object]) -> tuple[dict[int, Connection], dict[int, Connection]]:
    """Return the connections of another process to process 0, once it listens."""
    found = []
    host, port = place.addresses[0]
    due = time.monotonic() + PATIENCE
    for line in (MESSAGES, PULSE):
        greeting = {"line": line, "process": place.process, "processes": place.count, "about": dict(about)}
        while True:
            try:
                connection = connect(socket.create_connection((host, port), timeout=5), seconds=PATIENCE)
                connection.send_bytes(json.dumps(greeting).encode())
                answer = read_json(connection)
                break
            except (OSError, EOFError, ValueError) as error:
                if time.monotonic() > due:
                    raise BadInput(
                        f"--cluster: nobody answers at {host}:{port} within {PATIENCE:.0f} seconds ({error}); start "
                        f"--process 0 there"
                    ) from None
                time.sleep(0.2)
        if answer.get("refused"):
            raise BadInput(f"--cluster: {answer['refused']}")
        set_patience(connection, 0)
        found.append(connection)
    return {0: found[0]}, {0: found[1]}


def connect(made: socket.socket, seconds: float) -> Connection:
    """Return a socket as a connection, which waits so long for what it reads."""
    made.settimeout(None)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(made.detach())
    set_patience(connection, seconds)
    return connection


def set_patience(connection: Connection, seconds: float) -> None:
    """Have a connection wait so many seconds for what it reads, at most; 0: for ever."""
    with socket.socket(fileno=connection.fileno()) as there:
        try:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), 0))
        finally:
            there.detach()


def find_port(host: str) -> int:
    """Return a port of this machine that is free."""
    family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
    with socket.create_server((host, 0), family=family) as server:
        return int(server.getsockname()[1])
