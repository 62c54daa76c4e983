"""A service whose application is asked without a socket."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.options import override
from harness.runs.restored import read_run
from harness.serving.limits import Limits

# Small ones, so that a test reaches them, and few programs to compile.
LIMITS = Limits(max_body=1, max_inputs=20, max_characters=5000, max_queue=40, max_batch=4, max_wait=1.0)


@dataclass
class Asked:
    """A service in a thread of its own. said: what it told."""

    service: Any
    client: Any
    loop: asyncio.AbstractEventLoop
    said: list[str]

    def do(self, coroutine: Coroutine) -> Any:
        """Return what a coroutine of the service's loop returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def ask(self, path: str, content: Any = None, *, method: str = "", **given: Any) -> Any:
        """Return the response to a request: GET, or POST where there is content, as JSON unless it is bytes."""
        method = method or ("GET" if content is None and not given.get("files") else "POST")
        if content is not None:
            given |= {"content": content} if isinstance(content, bytes) else {"json": content}
        return self.do(self.client.request(method, path, **given))


@contextlib.contextmanager
def asking(*directories: Path, limits: Limits = LIMITS, opened: bool = True, **decoding: Any) -> Iterator[Asked]:
    """Give a service of runs; opened: with their models loaded. decoding: options in place of the runs' own."""
    import httpx

    from harness.serving.app import make_app
    from harness.serving.hosts import Hosts
    from harness.serving.service import Service

    loop, said = asyncio.new_event_loop(), []
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def make() -> Asked:
        experiments = [override(read_run(directory), decoding) for directory in directories]
        service = Service(experiments, limits, lambda: "Keras runs already", tell=said.append)
        transport = httpx.ASGITransport(make_app(service, Hosts()), raise_app_exceptions=False)
        asked = Asked(service, httpx.AsyncClient(transport=transport, base_url="http://localhost"), loop, said)
        if opened:
            await service.open()
        return asked

    asked = asyncio.run_coroutine_threadsafe(make(), loop).result(300)
    try:
        yield asked
    finally:
        asked.do(asked.client.aclose())
        asked.do(asked.service.stop(asyncio.Event()))
        loop.call_soon_threadsafe(loop.stop)
