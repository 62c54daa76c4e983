"""Epochs: the training batches, in another order in every epoch."""

from itertools import combinations

import keras

from pipeline.batches.bucketing import Batches, Entry
from pipeline.batches.shares import Share


class Epochs(keras.utils.PyDataset):
    """The batches of one epoch after the other, for `fit`.

    passes: over the data in each epoch. done: batches of the first epoch that are left out, for they have been trained
    on; then there is no second epoch. More than one batch is left. share: the rows that this process draws, where
    several devices train; None: all, as they are.
    """

    def __init__(self, batches: Batches, first: int = 0, *, passes: int = 1, done: int = 0, share: Share | None = None):
        super().__init__()
        self.share = share
        self.usual, self.epoch, self.passes, self.done = batches, first, passes, done
        self.entries = self._plan()
        self.begun = False

    def _plan(self) -> list[tuple[Batches, Entry]]:
        """Return the batches of an epoch, each with the examples as its pass has them."""
        first = self.epoch * self.passes
        entries = [
            (batches, entry)
            for n in range(first, first + self.passes)
            for batches in [self.usual.at(n)]
            for entry in batches.plan(n)
        ]
        places = {batches.shape(*entry): place for place, (batches, entry) in enumerate(entries)}
        if len(places) == 1:
            return entries

        def contrast(shapes: tuple) -> tuple[int, int]:
            apart = [abs(one - other) for one, other in zip(*shapes, strict=True)]
            return sum(map(bool, apart)), sum(apart)

        # From the first two batches TensorFlow concludes which axes may vary.
        chosen = [places[shape] for shape in max(combinations(sorted(places, reverse=True), 2), key=contrast)]
        return [entries[place] for place in chosen] + [entry for n, entry in enumerate(entries) if n not in chosen]

    def __len__(self) -> int:
        return len(self.entries) - self.done

    def shapes(self) -> list[tuple[int, int]]:
        """Return the padded lengths of inputs and outputs of each batch of this epoch."""
        return [batches.shape(*entry) for batches, entry in self.entries]

    def __getitem__(self, position: int) -> tuple:
        # Before the epoch begins, TensorFlow looks at what the first two are like; see `_plan`.
        batches, entry = self.entries[position + self.done * self.begun]
        return self.share.draw(batches, entry) if self.share else batches.draw(*entry)

    def on_epoch_begin(self) -> None:
        self.begun = True

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.entries = self._plan()
