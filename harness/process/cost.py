"""What a run costs beside its quality: throughput and memory (RAM)."""

import resource
import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

from harness.process.allocator import return_freed_memory


@dataclass
class Throughput:
    """Tokens per second. The first batch of a shape does not count: the model is compiled for it."""

    shapes: set[Hashable] = field(default_factory=set)
    tokens: int = 0
    seconds: float = 0.0

    def add(self, shape: Hashable, *, tokens: int, seconds: float) -> None:
        """Take in a batch. shape: of its arrays. tokens: of its examples, padding left out."""
        if shape in self.shapes:
            self.tokens, self.seconds = self.tokens + tokens, self.seconds + seconds
        self.shapes.add(shape)

    @property
    def tokens_per_second(self) -> int | None:
        """None where no shape occurred twice."""
        return round(self.tokens / self.seconds) if self.seconds else None


def reset_peak_ram() -> None:
    """Measure the peak from here on: what this process needed before does not count, where Linux can tell."""
    return_freed_memory()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_ram_megabytes() -> int:
    """Return the most RAM held since `reset_peak_ram`; since the process began, elsewhere than on Linux.

    Not by psutil: its version 7.2 knows no peak on Linux.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)
    except OSError:
        # In bytes on macOS.
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
