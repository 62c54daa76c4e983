"""Where the demo is served: a port of this machine, with nothing that calls elsewhere."""

import errno
import importlib.util
import ipaddress
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.demo.guard import LARGEST_UPLOAD, Guard, is_local
from harness.process import interrupt
from pipeline.errors import BadInput

if TYPE_CHECKING:
    import gradio

PACKAGE = "gradio"
# Ports that are tried to suggest one.
TRIED = 200


def check_installed() -> None:
    """Raise BadInput with the pip line where Gradio is missing."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise BadInput("demo: Gradio is not installed; run: pip install -r requirements-demo.txt")


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens; what connects early waits. port: 0 for any that is free.

    Raises BadInput for a host that is not this machine's, and for a port in use, with one that is free.
    """
    if not 0 <= port <= 65535:
        raise BadInput(f"--port {port}: expected a number from 1 to 65535, or 0 for any port that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise BadInput(f"--host {host}: no address of that name ({error}); expected 127.0.0.1, say") from None
    listener = socket.socket(family, kind, protocol)
    try:
        # A port that was in use a moment ago may be taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise explain(error, host, port) from None
    return listener


def explain(error: OSError, host: str, port: int) -> BadInput:
    """Return the error for an address that cannot be listened at."""
    if error.errno == errno.EADDRINUSE:
        free = find_free(host, port)
        return BadInput(f"--port {port}: it is in use" + (f"; --port {free} is free" if free else "; give another"))
    if error.errno == errno.EADDRNOTAVAIL:
        return BadInput(f"--host {host}: this machine has no such address; leave it out for 127.0.0.1")
    if error.errno == errno.EACCES:
        return BadInput(f"--port {port}: not allowed; ports from 1024 on are for everyone")
    return BadInput(f"--host {host}, --port {port}: {error.strerror}")


def find_free(host: str, port: int) -> int | None:
    """Return the next port that is free."""
    for number in range(port + 1, min(port + TRIED, 65536)):
        with suppress(OSError), socket.create_server((host, number)):
            return number
    return None


def name_address(listener: socket.socket) -> str:
    """Return what to type into a browser of this machine."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_private(listener: socket.socket) -> bool:
    """Return whether this machine alone can connect."""
    host = listener.getsockname()[0]
    return is_local(f"[{host}]" if ":" in host else host)


def prepare() -> Path:
    """Have Gradio tell nobody of what is done; return a folder for uploads, which is removed at the end.

    To be called before Gradio is imported.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_OFFLINE"] = "1"
    folder = tempfile.TemporaryDirectory(prefix="unrolled-demo-", ignore_cleanup_errors=True)
    interrupt.before_end.append(folder.cleanup)
    os.environ["GRADIO_TEMP_DIR"] = folder.name
    return Path(folder.name)


async def refuse_download(url: str, cache_dir: str) -> str:
    """Raise a ValueError: files come by upload alone."""
    raise ValueError(f"{url}: not fetched; upload the file")


def serve(page: "gradio.Blocks", listener: socket.socket) -> None:
    """Serve a page until the process is ended."""
    import fastapi
    import gradio
    import matplotlib.pyplot  # noqa: F401 (Gradio imports it at the first question, which would wait for a second)
    import uvicorn

    from harness.demo.fragments import STYLE

    application = gradio.mount_gradio_app(
        fastapi.FastAPI(openapi_url=None),
        page,
        "/",
        server_name=listener.getsockname()[0],
        server_port=listener.getsockname()[1],
        footer_links=[],
        run_history=False,
        max_file_size=LARGEST_UPLOAD,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
    )
    # Gradio takes the path of any file of this machine for an upload, until it has launched the page itself.
    page.has_launched = True
    # And it would fetch what an address in place of an upload names.
    gradio.processing_utils.async_ssrf_protected_download = refuse_download
    guard = Guard(application, local=is_private(listener))
    uvicorn.Server(uvicorn.Config(guard, log_level="warning", access_log=False)).run(sockets=[listener])
