"""The guard: what of a request is refused before Gradio reads it, and what a page may load."""

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from harness.process.console import say
from harness.serving.hosts import is_address, read_name
from pipeline.errors import BadInput

# Characters of a text: some 3,000 words, more than the tasks read.
LONGEST_TEXT = 20_000
LARGEST_UPLOAD = 10 * 2**20
# Bytes of any other request. A text that is too long is refused with a message on the page, so it must come so far.
LARGEST_REQUEST = 8 * 2**20
DISCARDED = 100 * 2**20
# Of the form that carries a file.
ENVELOPE = 2**16

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Nothing from anywhere else: no fonts, no scripts, no counting of visitors.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"


def check_text(typed: object) -> str:
    """Return what was typed into a form; BadInput for a text that is too long, or that is none."""
    if typed is None:
        return ""
    if not isinstance(typed, str):
        raise BadInput(f"expected a text, got {typed!r:.60}")
    if len(typed) > LONGEST_TEXT:
        raise BadInput(f"the text has {len(typed):,} characters, and at most {LONGEST_TEXT:,} are read; shorten it")
    # A lone surrogate, which no UTF-8 has, can come by JSON alone.
    return typed.encode("utf-8", "replace").decode()


class Guard:
    """An ASGI application around another one.

    It refuses a request whose body is too large, or of unknown length; and, of a server for this machine alone, one for
    another host: a page elsewhere may have a name that leads here (DNS rebinding).
    local: whether the server is for this machine alone.
    """

    def __init__(self, app: App, *, local: bool):
        self.app, self.local = app, local

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if refusal := self.refuse(scope["path"], headers):
            await discard(receive)
            return await answer(send, *refusal)

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_policy)
        # It has been answered with the status 500; Gradio has no other for a request that makes no sense.
        except Exception as error:
            say(f"{scope['method']} {scope['path']}: {type(error).__name__}: {error!s:.200}")

    def refuse(self, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Return the HTTP status and the reason to refuse a request; None if it may pass."""
        if self.local and not is_local(headers.get("host", "")):
            return 421, "this server answers for localhost alone; run.py demo --host ADDRESS serves others"
        if "transfer-encoding" in headers:
            return 411, "a request must say its length"
        upload = path.endswith("/upload")
        most = LARGEST_UPLOAD + ENVELOPE if upload else LARGEST_REQUEST
        if int(headers.get("content-length", "0")) > most:
            shown = LARGEST_UPLOAD if upload else LARGEST_REQUEST
            return 413, f"too large: at most {shown // 2**20} MB are read"
        return None


async def discard(receive: Receive) -> None:
    """Read what is sent and forget it, DISCARDED bytes at most: who still sends does not hear why it is refused."""
    read, more = 0, True
    while more and read < DISCARDED:
        message = await receive()
        read += len(message.get("body", b""))
        more = message.get("more_body", False)


async def answer(send: Send, status: int, text: str) -> None:
    """Send a short text as the whole answer."""
    body = text.encode() + b"\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})


def is_local(host: str) -> bool:
    """Return whether a name or address, with a port or without, is that of the machine itself."""
    name = read_name(host)
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)
