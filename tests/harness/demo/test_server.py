"""Where the demo is served."""

import importlib.util
import socket

import pytest

from harness.demo import server
from pipeline.errors import BadInput


def test_without_gradio_there_is_the_line_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"Gradio is not installed; run: pip install -r requirements-demo\.txt"):
        server.check_installed()


def test_a_port_in_use_is_told_with_one_that_is_free() -> None:
    with server.bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=rf"--port {port}: it is in use; --port (\d+) is free") as caught:
            server.bind("127.0.0.1", port)
        free = int(str(caught.value).split("--port ")[2].split()[0])
        with server.bind("127.0.0.1", free) as other:
            assert other.getsockname()[1] == free > port


def test_who_connects_before_the_page_is_there_waits() -> None:
    with server.bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        accepted.close()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 65536, r"--port 65536: expected a number from 1 to 65535, or 0"),
        ("127.0.0.1", -1, r"--port -1: expected a number from 1 to 65535"),
        ("192.0.2.1", 0, r"--host 192\.0\.2\.1: this machine has no such address; leave it out"),
        ("no such host", 0, r"--host no such host: no address of that name"),
        ("x" * 300, 0, r"--host x+: no address of that name"),
    ],
)
def test_what_cannot_be_listened_at_is_told(host: str, port: int, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        server.bind(host, port)


def test_the_address_is_what_to_type_into_a_browser() -> None:
    with server.bind("127.0.0.1", 0) as listener:
        assert server.name_address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert server.is_private(listener)
    with server.bind("0.0.0.0", 0) as listener:
        assert server.name_address(listener) == f"http://localhost:{listener.getsockname()[1]}"
        assert not server.is_private(listener)
