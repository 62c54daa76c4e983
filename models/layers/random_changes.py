"""Recordings and images changed at random in training, so that a model does not rely on what is so in these alone."""

import keras
from keras import layers, ops

from models.saving import PACKAGE, saved_as
from models.tensor import LayerArgument, Tensor


class RandomChange(layers.Layer):
    """A change whose size is drawn at random for each example, in training only. most: bounds it."""

    def __init__(self, most: float, **options: LayerArgument):
        super().__init__(**options)
        self.most = most
        self.generator = keras.random.SeedGenerator()

    def get_config(self) -> dict:
        return {**super().get_config(), "most": self.most}


@saved_as("Stretch")
class VocalTractPerturbation(RandomChange):
    """In training, stretch or squeeze the bands of each recording, as if its speaker had another throat.

    Jaitly and Hinton 2013 (vocal tract length perturbation), here on the mel scale: what was heard in band a * b is now
    in band b. Each recording has one a between 1 - `most` and 1 + `most`; what lies between two bands is shared.
    """

    def call(self, frames: Tensor, training: bool = False) -> Tensor:
        """Return (batch, time, bands) from the same."""
        if not training:
            return frames
        bands = frames.shape[2]
        factor = 1 + self.most * (2 * keras.random.uniform((ops.shape(frames)[0], 1, 1), seed=self.generator) - 1)
        band = ops.arange(bands, dtype="float32")
        source = ops.minimum(factor * band, bands - 1.0)
        share = ops.maximum(0.0, 1 - ops.abs(ops.expand_dims(band, 1) - source))
        return ops.matmul(frames, ops.cast(share, frames.dtype))


@saved_as("Hide")
class SpecAugment(layers.Layer):
    """In training, hide stretches of time and of the bands, so that the model does not rely on any (SpecAugment).

    Park et al. 2019, without the warping of time: two stretches of each, each of them up to half of `share` of the
    recording's frames or of the bands, of (batch, time, bands); what is hidden is 0, the mean.
    """

    def __init__(self, share: float, **options: LayerArgument):
        super().__init__(**options)
        self.share = share
        self.generator = keras.random.SeedGenerator()

    def call(self, frames: Tensor, mask_in: Tensor, training: bool = False) -> Tensor:
        if not training:
            return frames
        batch, steps, bands = ops.shape(frames)[0], ops.shape(frames)[1], frames.shape[2]
        length = ops.sum(ops.cast(mask_in, "float32"), axis=1)
        times = self._stretches(batch, steps, length)
        pitches = self._stretches(batch, bands, ops.full((batch,), float(bands)))
        hidden = ops.logical_or(ops.expand_dims(times, 2), ops.expand_dims(pitches, 1))
        return ops.where(hidden, ops.zeros_like(frames), frames)

    def _stretches(self, batch: Tensor, places: Tensor, length: Tensor) -> Tensor:
        """Return which of the places are hidden, (batch, places) of bool; length: (batch,), places to choose from."""
        chance = keras.random.uniform((2, 2, batch), seed=self.generator)
        width = chance[0] * self.share / 2 * length
        start = ops.expand_dims(chance[1] * (length - width), 2)
        place = ops.arange(places, dtype="float32")
        inside = ops.logical_and(place >= start, place < start + ops.expand_dims(width, 2))
        return ops.any(inside, axis=0)

    def get_config(self) -> dict:
        return {**super().get_config(), "share": self.share}


@saved_as("Warp")
class RandomAffine(RandomChange):
    """In training, move each image, and stretch or squeeze its height and its width.

    Each by up to `most` of its size, drawn apart for height and width. The edge is repeated where the image has moved
    away from it, and what lies between two pixels is shared between them.
    """

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        """Return (batch, height, width, channels) from the same."""
        if not training:
            return image
        # Not RandomZoom and RandomTranslation of Keras: these take 60 ms for 32 images of 48 x 48, and this 1 ms.
        height, width = image.shape[1:3]
        change = 2 * keras.random.uniform((4, ops.shape(image)[0]), seed=self.generator) - 1
        return resample(
            image,
            self._choose_source(height, change[0], move=change[1]),
            self._choose_source(width, change[2], move=change[3]),
        )

    def _choose_source(self, places: int, stretch: Tensor, move: Tensor) -> Tensor:
        """Return the old place of each new place: (batch, places)."""
        place, middle = ops.arange(places, dtype="float32"), (places - 1) / 2
        stretch, move = (ops.expand_dims(self.most * part, 1) for part in (stretch, move))
        return middle + (1 + stretch) * (place - middle) + move * places


def resample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return an image, (batch, height, width, channels), of what was at other places.

    rows, columns: the old place of each new row, (batch, height), and column, (batch, width). The edge is repeated
    beyond it, and what lies between two pixels is shared between them.
    """
    shares = []
    for source in (rows, columns):
        places = source.shape[1]
        source = ops.clip(source, 0, places - 1)
        share = ops.maximum(0.0, 1 - ops.abs(ops.expand_dims(source, 2) - ops.arange(places, dtype="float32")))
        shares.append(ops.cast(share, image.dtype))
    return ops.einsum("bip,bpqc,bjq->bijc", shares[0], image, shares[1])


@keras.saving.register_keras_serializable(PACKAGE)
class RandomCrop(RandomChange):
    """In training, cut a part out of each image, and bring it to the size of the whole.

    Its height and its width are those of the image, less up to `most` of them, the same share of both; it may be
    anywhere.
    """

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        """Return (batch, height, width, channels) from the same."""
        if not training:
            return image
        chance = keras.random.uniform((3, ops.shape(image)[0], 1), seed=self.generator)
        cut = self.most * chance[0]
        rows, columns = (
            # In pixels from 0 to the last: what is cut off is before it and behind it.
            ops.arange(side, dtype="float32") * (1 - cut) + cut * (side - 1) * before
            for side, before in zip(image.shape[1:3], (chance[1], chance[2]), strict=True)
        )
        return resample(image, rows, columns)


@keras.saving.register_keras_serializable(PACKAGE)
class RandomMirror(layers.Layer):
    """In training, mirror every other image at random, left to right."""

    def __init__(self, **options: LayerArgument):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator()

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        """Return (batch, height, width, channels) from the same."""
        if not training:
            return image
        mirrored = keras.random.uniform((ops.shape(image)[0], 1, 1, 1), seed=self.generator) < 0.5
        return ops.where(mirrored, ops.flip(image, axis=2), image)


@keras.saving.register_keras_serializable(PACKAGE)
class ColourJitter(RandomChange):
    """In training, change how bright each image is, its contrast, and how strong its colours are, in this order.

    Each is multiplied by a number between 1 - `most` and 1 + `most`: all values; their distance from the mean grey of
    the image; and that of each pixel's colours from its own grey. Grey is 0.299 red, 0.587 green and 0.114 blue (ITU-R
    BT.601).
    """

    def call(self, image: Tensor, training: bool = False) -> Tensor:
        """Return (batch, height, width, 3) of float from 0 to 255, from the same, or from uint8."""
        image = ops.cast(image, self.compute_dtype)
        if not training:
            return image
        change = 2 * keras.random.uniform((3, ops.shape(image)[0], 1, 1, 1), seed=self.generator) - 1
        factors = 1 + ops.cast(self.most * change, image.dtype)
        return change_colours(image, factors[0], contrast=factors[1], saturation=factors[2])


def change_colours(image: Tensor, brightness: Tensor, *, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Return images, (batch, height, width, 3) from 0 to 255, with each changed by a factor; see `ColourJitter`."""
    image = ops.clip(image * brightness, 0, 255)
    mean = ops.mean(find_grey(image), axis=(1, 2), keepdims=True)
    image = ops.clip(mean + (image - mean) * contrast, 0, 255)
    grey = find_grey(image)
    return ops.clip(grey + (image - grey) * saturation, 0, 255)


def find_grey(image: Tensor) -> Tensor:
    """Return how light each pixel is, (batch, height, width, 1)."""
    shares = ops.convert_to_tensor([0.299, 0.587, 0.114], dtype=image.dtype)
    return ops.sum(image * shares, axis=-1, keepdims=True)
