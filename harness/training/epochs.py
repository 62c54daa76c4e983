"""Epochs: the training batches, in another order in every epoch."""

from itertools import combinations

import keras

from pipeline.batches.bucketing import Batches, Entry


class Epochs(keras.utils.PyDataset):
    """The batches of one epoch after the other, for `fit`. passes: over the data in each epoch."""

    def __init__(self, batches: Batches, first: int = 0, *, passes: int = 1):
        super().__init__()
        self.usual, self.epoch, self.passes = batches, first, passes
        self.entries = self._plan()

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
        return len(self.entries)

    def shapes(self) -> list[tuple[int, int]]:
        """Return the padded lengths of inputs and outputs of each batch of this epoch."""
        return [batches.shape(*entry) for batches, entry in self.entries]

    def __getitem__(self, position: int) -> tuple:
        batches, entry = self.entries[position]
        return batches.draw(*entry)

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.entries = self._plan()
