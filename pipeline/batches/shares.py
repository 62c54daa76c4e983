"""Shares: the rows of a batch that one of several processes draws, and each of its devices computes."""

from dataclasses import dataclass

import numpy as np

from pipeline.batches.bucketing import Batches, Entry

# The sample weights of a row that is of no batch, but there to have as many on every device: it counts as 0.
FILLED = -1.0


@dataclass(frozen=True)
class Share:
    """The devices of one process, among all that share a batch.

    devices: of all processes. first, count: those of this one. Each has as many rows as any other.
    """

    devices: int
    first: int
    count: int

    def rows(self, length: int) -> int:
        """Return how many rows each device computes of a batch of so many."""
        return -(-length // self.devices)

    def draw(self, batches: Batches, entry: Entry) -> tuple:
        """Return this process's rows of a planned batch, as `Batches.draw` does.

        Where its rows do not divide by the devices, the last one is repeated, with the weight FILLED.
        """
        length, members, real = entry
        rows = self.rows(len(members))
        places = np.arange(self.first * rows, (self.first + self.count) * rows)
        own = members[np.minimum(places, len(members) - 1)]
        inputs, outputs, weights = batches.draw(
            length, own, int(np.clip(real - places[0], 0, len(places))), like=members
        )
        weights[places >= len(members)] = FILLED
        return inputs, outputs, weights
