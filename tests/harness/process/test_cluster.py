"""The processes of a cluster speak with each other, and note each other's end."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from harness.process import cluster as clusters
from harness.process import interrupt
from harness.process.cluster import Cluster, Place, join, parse_place
from pipeline.errors import BadInput

ABOUT = {"unrolled": "1.0"}
LONGEST = clusters.PATIENCE


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"PATIENCE": 3.0, "BEAT": 0.05, "SILENCE": 1.0, "SETTLE": 0.5}.items():
        monkeypatch.setattr(clusters, name, seconds)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, str]]]:
    """The exit codes and lines with which processes would have ended."""
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(interrupt, "leave", lambda code, text: found.append((code, text)))
    yield found


def make_places(count: int) -> list[Place]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    return [Place(tuple(("127.0.0.1", port + n) for n in range(count)), number) for number in range(count)]


def join_all(places: list[Place], stack: ExitStack, about: Callable[[int], dict[str, Any]] = lambda _: ABOUT) -> list:
    """Return the cluster as each process has it, or what it raised; as threads of this process."""
    found: list[Any] = [None] * len(places)

    def enter(place: Place) -> None:
        try:
            found[place.process] = stack.enter_context(join(place, about(place.process)))
        except BadInput as error:
            found[place.process] = error

    threads = [threading.Thread(target=enter, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def wait_for(condition: Callable[[], object]) -> None:
    due = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < due
        time.sleep(0.01)


def test_messages_come_in_their_order_however_large(left: list) -> None:
    with ExitStack() as stack:
        first, *others = join_all(make_places(3), stack)
        assert first.leads and not others[0].leads
        large = bytes(10_000_000)
        sender = threading.Thread(target=lambda: (first.tell(b"small"), first.tell(large)))
        sender.start()
        for one in others:
            assert one.receive() == b"small" and one.receive() == large
            one.send(str(one.place.process).encode())
        sender.join()
        assert [first.receive(1), first.receive(2)] == [b"1", b"2"]
        # Longer than a silence that is too long: the pulse goes on.
        time.sleep(1.2)
        for one in (first, *others):
            one.end()
    time.sleep(0.3)
    assert not left


def test_the_end_of_a_process_is_noted_by_the_others(left: list) -> None:
    with ExitStack() as stack:
        found = join_all(make_places(2), stack)
        # As the system closes them when a process is killed.
        for connection in [*found[1].messages.values(), *found[1].pulses.values()]:
            socket.socket(fileno=os.dup(connection.fileno())).shutdown(socket.SHUT_RDWR)
        # Process 1, which is a thread here, may note it too, and of process 0.
        wait_for(lambda: any("--cluster: process 1 (127.0.0.1:" in text for _, text in left))
    for code, text in left:
        assert code == 75 and "has ended, or cannot be reached; the same commands, given again" in text


def test_a_process_that_is_not_heard_of_any_more_is_lost(left: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "_beat", lambda self: None)
    with ExitStack() as stack:
        join_all(make_places(2), stack)
        wait_for(lambda: left)
    assert left[0][0] == 75 and "was not heard of for 1 seconds" in left[0][1]


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (BadInput("--units 0: expected 1 or more"), 2, "--units 0: expected 1 or more"),
        (ValueError("out of range"), 75, "failed (ValueError: out of range)"),
    ],
)
def test_why_a_process_ends_is_told_by_the_others(left: list, error: Exception, code: int, text: str) -> None:
    with ExitStack() as stack:
        places = make_places(2)

        @contextmanager
        def failing() -> Iterator[None]:
            with pytest.raises(type(error)), join(places[1], ABOUT):
                raise error
            yield

        thread = threading.Thread(target=lambda: stack.enter_context(failing()))
        thread.start()
        stack.enter_context(join(places[0], ABOUT))
        thread.join()
        wait_for(lambda: left)
    assert left[0][0] == code and left[0][1].startswith("error: --cluster: process 1 ") and text in left[0][1]


def test_whoever_knocks_and_is_none_of_the_processes_is_not_taken_for_one(left: list) -> None:
    places = make_places(2)
    with ExitStack() as stack:

        def knock() -> None:
            for said in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x02[]", b"\0\0\0\x02{}", b""):
                for _ in range(100):
                    try:
                        stranger = stack.enter_context(socket.create_connection(places[0].addresses[0]))
                        break
                    except ConnectionRefusedError:
                        time.sleep(0.01)
                if said:
                    stranger.sendall(said)
                else:
                    stranger.close()

        threads = [threading.Thread(target=knock)]
        threads[0].start()
        found: list[Any] = []
        joining = threading.Thread(target=lambda: found.append(stack.enter_context(join(places[0], ABOUT))))
        joining.start()
        threads[0].join()
        found.append(stack.enter_context(join(places[1], ABOUT)))
        joining.join()
        for one in found:
            one.end()
    assert not left


def test_nobody_who_answers_is_waited_for_no_longer_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LONGEST <= 60
    monkeypatch.setattr(clusters, "PATIENCE", 0.3)
    places = make_places(3)
    with pytest.raises(BadInput, match=r"nobody answers at 127.0.0.1:\d+ within 0 seconds .*; start --process 0 there"):
        join(places[1], ABOUT).__enter__()
    with pytest.raises(BadInput, match=r"process 1 .*, process 2 .* did not come within 0 seconds"):
        join(places[0], ABOUT).__enter__()


def test_an_address_that_is_not_this_machines_or_taken_is_refused() -> None:
    for host in ("192.0.2.1", "nowhere.invalid"):
        with pytest.raises(BadInput, match=f"process 0 cannot listen at {host}:7000"):
            join(Place(((host, 7000), (host, 7001)), 0), ABOUT).__enter__()
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = Place((server.getsockname(), ("127.0.0.1", 1)), 0)
        with pytest.raises(BadInput, match="cannot listen at .* a port that is free"):
            join(place, ABOUT).__enter__()


def test_processes_that_are_not_alike_are_refused_with_what_is_not_alike() -> None:
    with ExitStack() as stack:
        found = join_all(make_places(2), stack, lambda process: {"--devices": process + 1})
    for error in found:
        assert "--devices: 1 in process 0, and 2 in process 1" in str(error)
    with ExitStack() as stack:
        places = make_places(2)
        found = join_all([places[0], Place((*places[0].addresses, ("127.0.0.1", 1)), 1)], stack)
    for error in found:
        assert "process 0 was given 2 addresses, and process 1 3" in str(error)


def test_addresses_are_read_those_of_ipv6_too() -> None:
    assert parse_place("one:1, [::1]:2", 1) == Place((("one", 1), ("::1", 2)), 1)
