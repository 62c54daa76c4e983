"""Metrics: what is counted, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# The path of requests that are not for a run.
OTHER = "other"


class Metrics:
    """Requests by status, their seconds, the sizes of batches, how many wait, and how many were answered."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        # A second series for each, with the time of its first count.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "unrolled_requests", "Requests by run and HTTP status.", ["run", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "unrolled_request_seconds", "Seconds from a request to its response.", ["run"], buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._batches = Histogram(
            "unrolled_batch_examples", "Inputs that were computed together.", ["run"], buckets=SIZES,
            registry=self.registry,
        )  # fmt: skip
        self._examples = Counter("unrolled_examples", "Inputs answered.", ["run"], registry=self.registry)
        self._queue = Gauge("unrolled_queue_examples", "Inputs that wait.", ["run"], registry=self.registry)
        self._ready = Gauge("unrolled_ready", "1 while questions are answered, else 0.", registry=self.registry)

    def watch_queue(self, run: str, count: Callable[[], int]) -> None:
        """Have the length of a queue told when it is asked for."""
        self._queue.labels(run).set_function(count)

    def watch_ready(self, ready: Callable[[], bool]) -> None:
        """Have it told whether questions are answered."""
        self._ready.set_function(ready)

    def note_request(self, run: str, code: int, seconds: float) -> None:
        """Count one request. run: its name, or OTHER."""
        self._requests.labels(run, str(code)).inc()
        self._seconds.labels(run).observe(seconds)

    def note_batch(self, run: str, size: int) -> None:
        """Count one batch that was answered."""
        self._batches.labels(run).observe(size)
        self._examples.labels(run).inc(size)

    def format(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)
