"""Gate: what is done around every request: limits, counting, and refusing other hosts, and while the server stops."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from harness.serving.hosts import Hosts
from harness.serving.metrics import OTHER
from harness.serving.refusal import Refusal
from harness.serving.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Paths that are answered in every state.
PROBES = ("/health", "/metrics")
# Seconds in which the body of a request must have come.
PATIENCE = 30.0
# What the bodies of all requests may take together, in largest bodies.
BODIES = 20
STOPPING = "the server is stopping"
# No browser takes an answer for a page, whatever a text in it looks like.
HEADERS = [(b"x-content-type-options", b"nosniff")]


class Gate:
    """An ASGI application around another one. hosts: the names by which it may be asked."""

    def __init__(self, app: App, service: Service, hosts: Hosts):
        self.app, self.service, self.hosts = app, service, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        service, path, started = self.service, scope["path"], time.perf_counter()
        status, begun, responded = 500, not path.startswith(PROBES), False

        async def note(message: Message) -> None:
            nonlocal status, responded
            if message["type"] == "http.response.start":
                status, responded = message["status"], True
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        body = Body(service, scope, receive)
        service.begun += begun
        try:
            if not self.hosts.admit(host):
                await refuse(
                    note, 421, f"this server is not asked by the name {host:.100}; --allow-host NAME allows it"
                )
            elif begun and service.state == "stopping":
                await refuse(note, 503, STOPPING)
            else:
                await self.app(scope, body.receive, note)
        except asyncio.CancelledError:
            # The time that it had after a signal to stop is over.
            if responded:
                raise
            await refuse(note, 503, STOPPING)
        finally:
            service.begun -= begun
            service.held -= body.held
            name = path.removeprefix("/v1/").removesuffix("/predict")
            service.metrics.note_request(name if name in service.runs else OTHER, status, time.perf_counter() - started)


class Body:
    """The body of one request, as it comes. held: bytes of it, until the request is answered."""

    def __init__(self, service: Service, scope: Message, receive: Receive):
        self.service, self._receive = service, receive
        self.held, self.complete = 0, False
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        # One of more digits is refused by the parser of HTTP.
        self.told = int(told) if told.isdigit() and len(told) < 20 else 0
        self.deadline = asyncio.get_running_loop().time() + PATIENCE

    async def receive(self) -> Message:
        """Return the next part; Refusal for a body that is too large or too slow, or comes when there are too many."""
        if self.complete:
            return await self._receive()
        # Before any of it is read: who waits for leave to send it (Expect: 100-continue) need not.
        self._check(self.told)
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, f"the body did not come within {PATIENCE:.0f} seconds") from None
        size = len(message.get("body", b""))
        self.held += size
        self.service.held += size
        self.complete = not message.get("more_body", False)
        self._check(self.held)
        return message

    def _check(self, size: int) -> None:
        limit = self.service.limits.body_bytes
        if size > limit:
            raise Refusal(413, f"the request is larger than {limit:,} bytes; divide it")
        if self.service.held > BODIES * limit:
            raise Refusal(429, "too many large requests are being read; ask again later", retry_after=1)


async def refuse(send: Send, status: int, message: str) -> None:
    """Answer with a message alone, and close the connection."""
    body = msgspec.json.encode({"error": message})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *([(b"retry-after", b"5")] if status == 503 else []),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
