"""What a run costs beside its quality: how fast it answers, how much memory it takes."""

import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.process.allocator import return_freed_memory


@dataclass
class Pace:
    """Tokens a second. The first batch of a shape, in which the model is compiled for it, does not count."""

    seen: set[Any] = field(default_factory=set)
    tokens: int = 0
    seconds: float = 0.0

    def note(self, shape: Any, tokens: int, seconds: float) -> None:
        """Take in a batch. shape: of its arrays. tokens: of its examples, padding left out."""
        if shape in self.seen:
            self.tokens, self.seconds = self.tokens + tokens, self.seconds + seconds
        self.seen.add(shape)

    @property
    def tokens_per_second(self) -> int | None:
        """None where no shape occurred twice."""
        return round(self.tokens / self.seconds) if self.seconds else None


def forget_peak() -> None:
    """Measure the memory from here on: what this process needed before does not count, where Linux can tell."""
    return_freed_memory()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_megabytes() -> int:
    """Return the most memory held since `forget_peak`; since the process began, elsewhere than on Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)
    except OSError:
        # In bytes on macOS.
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
