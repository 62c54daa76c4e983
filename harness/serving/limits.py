"""Limits: what one request may ask for, and how many may wait."""

from dataclasses import dataclass

from pipeline.errors import BadInput
from pipeline.option import option

MEGABYTE = 10**6


@dataclass(frozen=True)
class Limits:
    """Options of a server."""

    max_body: int = option(10, "Largest request, in megabytes; a larger one is refused with 413.", low=1, high=1000)
    max_inputs: int = option(1000, "Most inputs of one request, likewise.", low=1, high=100_000)
    max_characters: int = option(20_000, "Longest text, in characters, likewise.", low=1)
    max_queue: int = option(4000, "Most inputs of a run that wait; more are refused with 429.", low=1)
    max_batch: int = option(64, "Most inputs that are computed together.", low=1, high=1024)
    max_wait: float = option(2.0, "Milliseconds that an input waits for others to be computed with.", low=0, high=1000)

    def check(self) -> None:
        """Raise BadInput for limits of which one makes another useless."""
        if self.max_inputs > self.max_queue:
            raise BadInput(
                f"--max-inputs {self.max_inputs}: a request of so many could never wait in a queue of --max-queue "
                f"{self.max_queue}; raise that"
            )

    @property
    def body_bytes(self) -> int:
        """Return the size of the largest request, in bytes."""
        return self.max_body * MEGABYTE
