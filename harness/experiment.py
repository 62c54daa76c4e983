"""Experiment: a run, as training, evaluating and predicting share it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.cells import check_lengths
from harness.process.console import say, tell_progress
from pipeline.batches import encoded_cache
from pipeline.batches.bucketing import Batches, Sides
from pipeline.batches.encoded import measure_all
from pipeline.batches.lengths import Lengths
from pipeline.batches.padding import Arrays
from pipeline.batches.windows import WEIGHT, find_windows, group
from pipeline.errors import BadInput
from pipeline.example import Example, Value, first
from pipeline.fields import InputField, OutputField, is_autoregressive, reconfigure
from pipeline.on_disk import OnDisk, read_side
from pipeline.option import Options
from tasks.task import Task

if TYPE_CHECKING:
    import keras

    from models.family import Family


@dataclass(frozen=True)
class Experiment:
    """What a run is made of, before its model: it needs no Keras.

    input_field, output_field: fitted to the training data. fingerprint: of the examples; see harness/data.py.
    lengths: what batches are padded to; None where each split has its own, in runs of earlier versions.
    """

    task: Task
    options: Options
    directory: Path
    input_field: InputField
    output_field: OutputField
    fingerprint: str
    lengths: Lengths | None = None

    @cached_property
    def family(self) -> Family:
        """Return the model family; Keras is imported with it."""
        return self.task.family.load()

    def build(self) -> keras.Model:
        """Return a new model, with the weights that training begins with."""
        return self.family.build(self.input_field, self.output_field, self.options)

    def loss(self) -> keras.losses.Loss:
        """Return the loss that the model is trained with."""
        return self.family.loss(self.output_field, self.options)

    def decode(self, model: keras.Model) -> keras.Model:
        """Return a model from the same inputs to decoded answers."""
        return self.family.decode(model, self.output_field, self.options)

    def measures(self) -> dict[str, keras.losses.Loss]:
        """Return what is measured of the answers beside the loss, by name."""
        return self.task.family.load_measures(self.output_field)

    def replace_options(self, **changed: Value) -> Experiment:
        """Return the experiment with some options changed, those of decoding that the output field has among them."""
        return dataclasses.replace(
            self, options=self.options.replace(**changed), output_field=reconfigure(self.output_field, changed)
        )

    def batch(
        self,
        origins: Sequence[str],
        inputs: Sequence[Arrays],
        outputs: Sequence[Arrays] | None = None,
        *,
        seed: int | None = None,
        resample: Callable[[int], Sides] | None = None,
        settled: Lengths | None = None,
    ) -> Batches:
        """Return encoded examples as batches of the size that the options say; seed: of their order, if any.

        origins: where each example comes from; BadInput names that of one that is too long for the cell. One that is
        longer than the input field reads at once becomes several inputs; see pipeline/batches/windows.py.
        resample: see pipeline/batches/bucketing.py. settled: the padded lengths of those that were answered before.
        """
        given, wanted = self.input_field.arrays, {} if outputs is None else self.output_field.arrays
        most = self.input_field.window
        windows = find_windows(measure_all(inputs, given).tolist(), most) if most else []
        if windows:
            origins = [origins[window.example] for window in windows]
            inputs = [window.cut(inputs[window.example], given) for window in windows]
            if outputs is not None:
                cut = [window.cut(outputs[window.example], wanted) for window in windows]
                outputs = [one | {"weight": window.weigh()} for one, window in zip(cut, windows, strict=True)]
                wanted = {**wanted, "weight": WEIGHT}
        check_lengths(self.options, origins, inputs, arrays=given)
        return Batches(
            inputs,
            given,
            size=self.options.batch_size,
            outputs=outputs,
            output_arrays=wanted,
            windows=windows,
            seed=seed,
            start=self.output_field.start if outputs is not None and is_autoregressive(self.output_field) else None,
            tokens=self.options.batch_tokens,
            known=settled or self.lengths,
            settled=settled is not None,
            curriculum=self.options.curriculum,
            resample=resample,
        )

    def encode(self, examples: Sequence[Example], *, seed: int | None = None, key: str | None = None) -> Batches:
        """Return examples as batches; BadInput with the file and line of one that cannot be encoded; see `batch`.

        Examples without an output have none in the batches either.
        key: under which they are kept, once encoded, if that takes long; see pipeline/batches/encoded_cache.py.
        """
        origins = read_side(examples, attrgetter("origin"))
        labelled = examples[0].output is not None
        arrays = self.input_field.arrays, self.output_field.arrays if labelled else {}
        if isinstance(examples, OnDisk):
            inputs, outputs = encoded_cache.encode_to_disk(
                key, arrays, lambda: tell_progress(self._encode(examples), "encoding the data", len(examples)), say
            )
        elif labelled:
            inputs, outputs = encoded_cache.load_or_encode(key, arrays, lambda: self._encode_all(examples), say)
        else:
            inputs, _ = self._encode_all(examples)
        if not labelled:
            return self.batch(origins, inputs, seed=seed)
        resample = None if seed is None else self._resample(examples, (inputs, outputs), seed)
        return self.batch(origins, inputs, outputs, seed=seed, resample=resample)

    def _resample(self, examples: Sequence[Example], usual: Sides, seed: int) -> Callable[[int], Sides] | None:
        """Return what gives the inputs and outputs of an epoch of training, where chance has a part in them.

        usual: the same of all other splits; of a side in which chance has none.
        """
        values = (
            read_side(examples, attrgetter("input")),
            read_side(examples, lambda example: first(example.output)),
        )
        sides = self.input_field, self.output_field

        # The first epoch is drawn once for its lengths, and again to be trained on.
        @lru_cache(maxsize=1)
        def draw(epoch: int) -> Sides:
            own = int(np.random.default_rng((seed, epoch)).integers(2**31))
            found = [side.resample(given, own) for side, given in zip(sides, values, strict=True)]
            inputs, outputs = (one if one is not None else other for one, other in zip(found, usual, strict=True))
            return [*map(self._find_fitting, inputs, usual[0], outputs)], outputs

        some = [side.resample(given[:1], 0) for side, given in zip(sides, values, strict=True)]
        return draw if any(one is not None for one in some) else None

    def _find_fitting(self, drawn: Arrays, usual: Arrays, output: Arrays) -> Arrays:
        """Return the drawn arrays of an input; the usual ones where those are too short for its output, for one."""
        try:
            self.output_field.check_pair(drawn, output)
        except BadInput:
            return usual
        return drawn

    def encode_input(self, value: Value) -> Arrays:
        """Return the arrays of an input, however long it is where there is an answer for each of its steps."""
        output = self.output_field.arrays["output"]
        in_windows = output.timed and output.per_step and not is_autoregressive(self.output_field)
        return self.input_field.encode_whole(value) if in_windows else self.input_field.encode(value)

    def _encode_all(self, examples: Sequence[Example]) -> Sides:
        pairs = list(self._encode(examples))
        return [given for given, _ in pairs], [wanted for _, wanted in pairs]

    def _encode(self, examples: Sequence[Example]) -> Iterator[tuple[Arrays, Arrays]]:
        """Yield the encoded input and output of each; one of several right outputs is encoded, the first.

        An output that nobody knows has no arrays.
        """
        before, given = None, None
        for example in examples:
            with pointing_at(example.origin):
                # The captions of one image follow each other, and share its array.
                if given is None or example.input is not before:
                    given = self.encode_input(example.input)
                before = example.input
                wanted: Arrays = {}
                if example.output is not None:
                    wanted = self.output_field.encode(first(example.output))
                    self.output_field.check_pair(given, wanted)
            yield given, wanted


def describe_windows(batches: Batches, options: Options) -> str | None:
    """Return how many examples are read in windows, and in how many; None where none is."""
    if not batches.windows:
        return None
    count = len(group(batches.windows))
    cut = [len(members) for members in group(batches.windows) if len(members) > 1]
    return (
        f"{len(cut):,} of {count:,} sentences are longer than --max-length {options.max_length:,} and are read in "
        f"{sum(cut):,} windows, which overlap by a quarter; the answers are put together"
    )


@contextmanager
def pointing_at(origin: str) -> Iterator[None]:
    """Put the place that an example comes from before the message of any BadInput raised inside."""
    try:
        yield
    except BadInput as error:
        raise type(error)(f"{origin}: {error}") from error
