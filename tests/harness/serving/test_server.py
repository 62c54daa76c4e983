"""The command as it is typed, with real clients, real load and real signals."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.serve import load, read_sentences, send_malformed, serving
from harness.runs.restored import read_run
from harness.serving.limits import Limits
from tests.harness import ROOT, handled, predict, small, train_small
from tests.harness.serving import asking
from tests.test_run import refused

pytestmark = [pytest.mark.needs("fastapi"), pytest.mark.needs("httpx"), pytest.mark.needs("prometheus_client")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # Of padded lengths of its own, which small runs do not have.
    with small("pos") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1, max_length=80)


def test_a_port_or_host_that_cannot_be_had_is_one_message(run: Path, capsys: pytest.CaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = refused(capsys, "serve", run, "--port", port)
        assert found.startswith(
            f"--host 127.0.0.1 --port {port}: cannot listen there (Address already in use); give another"
        )
    assert "between 0 and 65535" in refused(capsys, "serve", run, "--port", "70000")
    assert refused(capsys, "serve", run, "--host", "no.such.host.invalid").startswith("--host no.such.host.invalid: no")
    assert "--host 192.0.2.1 --port 0: cannot listen there" in refused(
        capsys, "serve", run, "--host", "192.0.2.1", "--port", "0"
    )


def test_what_is_no_run_or_no_option_is_one_message(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert "expected a RUN" in refused(capsys, "serve")
    assert "no such folder" in refused(capsys, "serve", tmp_path / "nowhere")
    assert "no config.json there" in refused(capsys, "serve", tmp_path)
    assert "--beam: the task 'pos' has no such option" in refused(capsys, "serve", run, "--beam", "2")
    assert "--units: the run was trained with its own" in refused(capsys, "serve", run, "--units", "2")
    assert "--max-batch 0: expected a whole number" in refused(capsys, "serve", run, "--max-batch", "0")
    assert "could never wait" in refused(capsys, "serve", run, "--max-queue", "10")


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_a_run_of_an_earlier_version_that_still_trains_is_served(number: int) -> None:
    directory = ROOT / "tests" / f"format_{number}" / "stopped" / "pos"
    assert read_run(directory).lengths is None
    expected = json.loads(json.dumps(predict(directory, [("text", "bir iki üç")])))
    with asking(directory, limits=Limits(max_batch=1)) as server:
        assert server.ask("/v1/pos/pos/predict", ["bir iki üç"]).json()["predictions"] == expected
        assert "pos/pos: its training is not complete; the best model so far answers" in server.said


@pytest.mark.slow
def test_sixteen_clients_get_their_own_answers_and_malformed_requests_change_nothing(run: Path) -> None:
    sentences = read_sentences(run)
    with serving(str(run), "--max-batch", "16") as server:
        (url,) = server["runs"].values()
        found = load(url, sentences, clients=16, seconds=4)
        assert not found.lost and len(found.seconds) > 100
        statuses = send_malformed(url, 300)
        assert sum(statuses.values()) == 300 and {status[:1] for status in statuses} == {"4"}, statuses
        after = load(url, sentences, clients=1, seconds=0.5)
        assert not after.lost and after.seconds


def start(run: Path, *more: str) -> tuple[subprocess.Popen, str]:
    """Return a server that is ready, and the address of its run."""
    command = [sys.executable, "run.py", "serve", str(run), "--port", "0", "--json", *more]
    with handled(signal.SIG_DFL):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )  # fmt: skip
    assert process.stdout
    said = ""
    while not said.rstrip().endswith("}\n}"):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    return process, next(iter(json.loads(said)["runs"].values()))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_has_begun_and_refuses_what_comes(number: int, run: Path) -> None:
    import httpx

    # Requests wait a second for others to be computed with.
    process, url = start(run, "--max-wait", "1000")
    found: dict[str, httpx.Response] = {}
    with httpx.Client(timeout=30) as client:
        expected = client.post(url, json=["bir iki"]).json()
        asking = threading.Thread(target=lambda: found.update(begun=client.post(url, json=["bir iki"])))
        asking.start()
        time.sleep(0.4)
        process.send_signal(number)
        time.sleep(0.2)
        late = httpx.post(url, json=["bir"], timeout=30)
        assert late.status_code == 503 and late.json() == {"error": "the server is stopping"}
        assert httpx.get(url.split("/v1")[0] + "/health/ready").status_code == 503
        asking.join(30)
    assert found["begun"].json() == expected and len(expected["predictions"]) == 1
    assert expected["predictions"] == json.loads(json.dumps(predict(run, [("text", "bir iki")])))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0 and said.rstrip().endswith("stopped") and "Traceback" not in said


@pytest.mark.slow
def test_a_second_signal_leaves_a_request_that_does_not_come_to_its_end(run: Path) -> None:
    process, url = start(run)
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20) as connection:
        connection.sendall(f"POST {parts.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n".encode())
        time.sleep(0.5)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        _, said = process.communicate(timeout=20)
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
    assert process.returncode == 0 and "stopped; requests left unanswered: 1" in said and "Traceback" not in said


@pytest.mark.slow
def test_a_server_that_still_loads_stops_at_once(run: Path) -> None:
    with handled(signal.SIG_DFL):
        process = subprocess.Popen(
            [sys.executable, "run.py", "serve", str(run), "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
    assert process.stderr
    # The first line says what it runs on; the programs come after it.
    assert "JAX" in process.stderr.readline() or process.poll() is None
    started = time.monotonic()
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0 and "ready;" not in said and "Traceback" not in said
    assert time.monotonic() - started < 20
