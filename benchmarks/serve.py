"""Load on `run.py serve`: requests per second, their latencies, and whether one is lost; then requests that are none.

    python benchmarks/serve.py runs/pos/gru-s0 [--clients 64] [--seconds 20] [--rate N] [--malformed 10000]

The run reads texts. Each client sends one sentence of the run's test data, waits for the answer, and sends the next;
with --rate, all of them together that many a second. An answer counts only if it repeats its own sentence. Clients and
server share the machine.
"""

import argparse
import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
# Seconds after which a request is lost.
PATIENCE = 30
JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[dict]:
    """Start a server on a free port, give what it says of itself (address, runs), and stop it at the end."""
    command = [sys.executable, "run.py", "serve", *arguments, "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            # One JSON object, of several lines, once it is ready.
            said = ""
            while not said.endswith("}\n") or said.count("{") > said.count("}"):
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("the server has ended")
                said += line
            yield json.loads(said)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@dataclass
class Outcome:
    """What became of the requests. seconds: of each that was answered. lost: why each of the others was not."""

    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    elapsed: float = 0.0

    def quantile(self, share: float) -> float:
        """Return the seconds that so many of the requests did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def load(url: str, sentences: Sequence[str], *, clients: int, seconds: float, rate: float = 0.0) -> Outcome:
    """Return what becomes of the requests of so many clients; rate: requests per second, 0 for as many as they can."""
    outcome, begun = Outcome(), time.perf_counter()
    host, path = split(url)

    def ask(number: int) -> None:
        connection, drawn, sent = connect(host), random.Random(number), 0
        while (now := time.perf_counter()) < begun + seconds:
            if rate:
                due = begun + (sent * clients + number) / rate
                if due > begun + seconds:
                    break
                time.sleep(max(0.0, due - now))
            sent += 1
            sentence, started = drawn.choice(sentences), time.perf_counter()
            try:
                connection.request("POST", path, json.dumps([sentence]), JSON)
                response = connection.getresponse()
                content = json.loads(response.read())
                repeated = content["predictions"][0]["input"] if response.status == 200 else content
            except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
                outcome.lost.append(repr(error))
                connection = connect(host)
                continue
            if squeeze(repeated) != squeeze(sentence):
                outcome.lost.append(f"{response.status} {str(repeated)[:100]}")
            else:
                outcome.seconds.append(time.perf_counter() - started)
        connection.close()

    run_threads([lambda number=number: ask(number) for number in range(clients)])
    outcome.elapsed = time.perf_counter() - begun
    return outcome


def squeeze(text: object) -> str:
    """Return a text, or tokens, without blanks."""
    return "".join("".join(map(str, text) if isinstance(text, list) else str(text)).split())


def split(url: str) -> tuple[str, str]:
    """Return "host:port" and the path of an address."""
    parts = urlsplit(url)
    return parts.netloc, parts.path


def connect(host: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(host, timeout=PATIENCE)


def run_threads(calls: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def make_malformed(path: str, seed: int) -> bytes:
    """Return the bytes of a request that no server should answer with 200, of one of many kinds."""
    drawn = random.Random(seed)
    noise = drawn.randbytes(drawn.randrange(1, 400))
    text = "".join(chr(drawn.choice((0, 9, 27, 60, 0x202E, 0x5D0, 0x1F600, 0xFFFF, 97))) for _ in range(20))
    form = b"multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    bodies = [
        noise,
        b"",
        b"[" * drawn.randrange(1, 100_000),
        b'{"a":' * drawn.randrange(1, 10_000),
        json.dumps(["good", text])[: -drawn.randrange(1, 12)].encode(),
        json.dumps({text: text}).encode(),
        json.dumps(text).encode(),
        json.dumps([drawn.choice([1, 1.5, None, True, {}, [[]], [1]])]).encode(),
        json.dumps(["good", ""]).encode(),
        b"[]",
        b'["\xff\xfe"]',
        b'["\\ud800"]',
        b"[" + b"9" * 5000 + b"]",
        b"[1e999999]",
        b"NaN",
        json.dumps(["long " * 30_000]).encode(),
        json.dumps([["a"] * 30_000]).encode(),
        json.dumps(["a"] * 20_000).encode(),
    ]
    body = drawn.choice(bodies)
    requests = [
        make_request(path, body),
        make_request(path, body),
        make_request(path, body),
        make_request(path + drawn.choice(["/", "s", "/../..", "%00", "%2e%2e/etc/passwd", "?attention=maybe"]), body),
        make_request(path + "?seed=" + drawn.choice(["-1", "x", "9" * 5000, "%F0", "1e9"]), body),
        make_request(path, b'["good"]', method=drawn.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])),
        make_request(path, b'["good"]', kind=drawn.choice([b"text/plain", b"image/png", noise.hex().encode(), b";;"])),
        make_request(path, noise, kind=form),
        make_request(path, part % (b"x.txt", b""), kind=form),
        make_request(path, part % (b"../../x.csv", noise), kind=form),
        make_request(path, part % (b"x.gz", b"\x1f\x8b" + noise), kind=form),
        make_request(path, part % (b"x.parquet", b"PAR1" + noise), kind=form),
        make_request(path, part % (b"x.json", b"[" * 20_000), kind=form),
        make_request(path, b'["good"]', length=drawn.choice([b"-1", b"x", b"9" * 30, b"99999999999"])),
        make_request(path, b'["good"]', more=b"X-Large: " + b"x" * 100_000 + b"\r\n"),
        make_request(path, b'["good"]', more=b"Transfer-Encoding: chunked\r\n"),
        make_request(path, b'["good"]', more=b"Bad Header\r\n"),
        noise + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    return drawn.choice(requests)


def make_request(
    path: str, body: bytes, *, method: str = "POST", kind: bytes = b"application/json", length: bytes = b"",
    more: bytes = b"",
) -> bytes:  # fmt: skip
    """Return a request as it goes over the wire, which asks for the connection to be closed."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
    head += b"Content-Type: " + kind + b"\r\n" + more
    return head + b"Content-Length: " + (length or str(len(body)).encode()) + b"\r\n\r\n" + body


def send(host: str, request: bytes) -> str:
    """Return the status of the response to a request, or why there was none."""
    name, port = host.rsplit(":", 1)
    with socket.create_connection((name, int(port)), timeout=PATIENCE) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    if b"Traceback" in answer:
        return "traceback"
    return answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.1 ") else "none"


def send_malformed(url: str, count: int, *, clients: int = 16) -> Counter[str]:
    """Return how many of so many malformed requests were answered with each status."""
    host, path = split(url)
    statuses: list[str] = []

    def ask(first: int) -> None:
        for seed in range(first, count, clients):
            statuses.append(send(host, make_malformed(path, seed)))

    run_threads([lambda first=first: ask(first) for first in range(clients)])
    return Counter(statuses)


def read_sentences(run: Path) -> list[str]:
    """Return the inputs of a run's test as they would be typed."""
    lines = (run / "predictions" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    inputs = [json.loads(line)["input"] for line in lines]
    return [one if isinstance(one, str) else " ".join(one) for one in inputs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--malformed", type=int, default=10_000)
    given = parser.parse_args()
    sentences = read_sentences(given.run)
    with serving(str(given.run.absolute())) as server:
        url = next(iter(server["runs"].values()))
        found = load(url, sentences, clients=given.clients, seconds=given.seconds, rate=given.rate)
        milliseconds = {name: 1000 * found.quantile(share) for name, share in (("p50", 0.5), ("p99", 0.99))}
        print(
            f"{given.clients} clients, {found.elapsed:.1f} s: {len(found.seconds):,} requests answered, "
            f"{len(found.seconds) / found.elapsed:.0f} per second, {len(found.lost)} lost; "
            f"p50 {milliseconds['p50']:.0f} ms, p99 {milliseconds['p99']:.0f} ms"
        )
        for reason, times in Counter(found.lost).most_common(5):
            print(f"  lost {times}: {reason}")
        statuses = send_malformed(url, given.malformed)
        print(
            f"{given.malformed:,} malformed requests: " + ", ".join(f"{n:,} x {s}" for s, n in sorted(statuses.items()))
        )
        after = load(url, sentences, clients=1, seconds=1)
        print(f"afterwards: {len(after.seconds)} requests of one client answered, {len(after.lost)} lost")


if __name__ == "__main__":
    main()
