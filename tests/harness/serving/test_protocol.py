"""What reaches a server that is no request, or only the beginning of one."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.needs("uvicorn"), pytest.mark.needs("httptools")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    import uvicorn

    from harness.serving import protocol

    monkeypatch.setattr(protocol, "PATIENCE", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol.Protocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    # Not in the main thread, it leaves signals alone.
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[:2]
    server.should_exit = True
    thread.join(30)


def exchange(address: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """Return all that comes until the connection is closed. pause: seconds between two parts that are sent."""
    with socket.create_connection(address, timeout=20) as connection:
        for number, part in enumerate(parts):
            time.sleep(pause if number else 0)
            connection.sendall(part)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Large: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 12_000 + b"\r\n",
    ],
)
def test_what_is_no_request_is_answered_with_400_in_json(request_bytes: bytes, address: tuple[str, int]) -> None:
    head, _, body = exchange(address, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/json" in head
    assert json.loads(body) == {"error": "this is no HTTP request that can be read"}


@pytest.mark.parametrize("begun", [b"", b"POST", b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_on_which_no_request_comes_is_closed(begun: bytes, address: tuple[str, int]) -> None:
    assert exchange(address, begun) == b""


def test_the_second_request_of_a_connection_has_its_time_too(address: tuple[str, int]) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    found = exchange(address, whole, whole, b"GET / HTT", pause=0.8)
    assert found.count(b"HTTP/1.1 200 OK") == 2 and found.endswith(b"ok")
