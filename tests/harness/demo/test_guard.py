"""The guard: what is refused before Gradio reads it."""

import asyncio
from typing import Any

import pytest

from harness.demo import guard
from harness.demo.guard import LARGEST_REQUEST, LARGEST_UPLOAD, LONGEST_TEXT, Guard, check_text, is_local
from pipeline.errors import BadInput


async def greet(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/broken":
        raise KeyError(999)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def request(path: str = "/", *, local: bool = True, **headers: str) -> list[dict]:
    """Return what is sent in answer to a request with such headers; _ stands for a hyphen in their names."""
    named = {"host": "127.0.0.1:7860"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    sent: list[dict] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
    asyncio.run(Guard(greet, local=local)(scope, receive, send))
    return sent


def test_a_page_may_load_nothing_from_elsewhere() -> None:
    start, body = request()
    assert start["status"] == 200 and body["body"] == b"hello"
    policy = dict(start["headers"])[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'self'") and "http" not in policy and "*" not in policy


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {"content_length": str(LARGEST_REQUEST)}, 200),
        ("/", {"content_length": str(LARGEST_REQUEST + 1)}, 413),
        ("/gradio_api/upload", {"content_length": str(LARGEST_UPLOAD + 1000)}, 200),
        ("/gradio_api/upload", {"content_length": str(LARGEST_UPLOAD + 10**6)}, 413),
        ("/gradio_api/upload", {"transfer_encoding": "chunked"}, 411),
        ("/", {"host": "localhost"}, 200),
        ("/", {"host": "[::1]:7860"}, 200),
        ("/", {"host": "elsewhere.example:7860"}, 421),
        ("/", {"host": "127.0.0.1.elsewhere.example"}, 421),
        ("/", {"host": ""}, 421),
    ],
)
def test_what_is_too_large_or_for_another_host_is_refused(path: str, headers: dict[str, str], status: int) -> None:
    assert request(path, **headers)[0]["status"] == status


def test_a_server_for_others_answers_to_any_name() -> None:
    assert request(local=False, host="elsewhere.example")[0]["status"] == 200


def test_a_refusal_says_what_is_read() -> None:
    assert request(content_length=str(10**9))[1]["body"] == b"too large: at most 8 MB are read\n"
    assert request("/upload", content_length=str(10**9))[1]["body"] == b"too large: at most 10 MB are read\n"


def test_what_fails_inside_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(guard, "say", lines.append)
    assert request("/broken") == []
    assert lines == ["POST /broken: KeyError: 999"]


def test_hosts_of_the_machine_itself() -> None:
    assert all(map(is_local, ("localhost", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:1", "[::1]", "[::1]:80")))
    assert not any(map(is_local, ("", "0.0.0.0", "192.168.1.1:80", "localhost.example", "[::2]:80", "::")))


def test_texts_are_limited() -> None:
    assert check_text("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert check_text(None) == ""
    assert check_text("a\ud800b") == "a?b"
    with pytest.raises(BadInput, match=r"the text has 20,001 characters, and at most 20,000 are read; shorten it"):
        check_text("x" * (LONGEST_TEXT + 1))
    with pytest.raises(BadInput, match=r"expected a text, got \['a'\]"):
        check_text(["a"])
