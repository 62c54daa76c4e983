"""Protocol: HTTP itself. What is no request is answered in JSON too, and the head of one is limited."""

import asyncio

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What the method, the path and all headers of a request may take together, in bytes.
LARGEST_HEAD = 64 * 1024
# Seconds in which it must have come; else the connection is closed.
PATIENCE = 30.0


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol over httptools, with errors as JSON, and two limits that it lacks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.due = self.loop.call_later(PATIENCE, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self.due.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.head = 0
        self.due.cancel()
        self.due = self.loop.call_later(PATIENCE, self._give_up)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.due.cancel()
        super().on_headers_complete()

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # With what stands between and after them.
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self.head += size
        if self.head > LARGEST_HEAD:
            # httptools makes a parser error of it, which is answered with 400.
            raise ValueError(f"the head of the request is larger than {LARGEST_HEAD:,} bytes")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, and close the connection."""
        body = msgspec.json.encode({"error": "this is no HTTP request that can be read"})
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
