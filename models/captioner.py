"""Captioner: one to many. An image in, words out (Vinyals et al. 2015); with attention, Xu et al. 2015.

A small convolutional encoder makes a grid of feature vectors out of the image. All of them together give the decoder's
first hidden state, and with attention the decoder looks at each of them again before every word.
"""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.encoder_decoder import decode, loss
from models.layers import autoregressive
from models.layers.dropout import Dropout
from models.layers.embedding import make_inputs
from models.layers.random_changes import ColourJitter, RandomAffine, RandomCrop, RandomMirror
from models.saving import PACKAGE, saved_as
from models.tensor import LayerArgument, Tensor

if TYPE_CHECKING:
    from models.family import AutoregressiveField, InputField
    from pipeline.option import Options

__all__ = ["build", "decode", "loss"]

# The convolutions halve the image until its grid is at most so wide.
GRID = 8
WIDTHS = (32, 64, 128)


@keras.saving.register_keras_serializable(PACKAGE)
class Coordinates(layers.Layer):
    """Put where it is, x and y from -1 to 1, beside each vector of a grid (CoordConv, Liu et al. 2018).

    A convolution does not know where it is, and "above" and "left of" are about nothing else.
    """

    def call(self, grid: Tensor) -> Tensor:
        """Return (batch, height, width, features + 2). grid: (batch, height, width, features)."""
        height, width = grid.shape[1:3]
        x = ops.broadcast_to(ops.linspace(-1.0, 1.0, width), (height, width))
        y = ops.broadcast_to(ops.expand_dims(ops.linspace(-1.0, 1.0, height), 1), (height, width))
        places = ops.cast(ops.expand_dims(ops.stack([x, y], axis=-1), 0), grid.dtype)
        return ops.concatenate([grid, ops.repeat(places, ops.shape(grid)[0], axis=0)], axis=-1)


@saved_as("Colours")
class ColourHistogram(layers.Layer):
    """How much of an image each colour is, wherever it is: a colour histogram (Swain and Ballard 1991).

    shades: how many of red, of green and of blue, at equal distances from none to all; a colour is one of each. What
    lies between two shades is shared between them.
    """

    def __init__(self, shades: int, **options: LayerArgument):
        super().__init__(**options)
        self.shades = shades

    def call(self, image: Tensor) -> Tensor:
        """Return the square roots of the shares, (batch, shades ** 3). image: (batch, size, size, 3) of uint8.

        Roots, as most of a drawing is its background, and what tells two apart may be one part in a hundred.
        """
        size = image.shape[1] * image.shape[2]
        values = ops.reshape(ops.cast(image, "float32"), (-1, size, 3, 1)) * ((self.shades - 1) / 255)
        near = ops.maximum(0.0, 1 - ops.abs(values - ops.arange(self.shades, dtype="float32")))
        red, green, blue = near[:, :, 0], near[:, :, 1], near[:, :, 2]
        both = ops.reshape(ops.expand_dims(red, 3) * ops.expand_dims(green, 2), (-1, size, self.shades**2))
        shares = ops.reshape(ops.matmul(ops.swapaxes(both, 1, 2), blue) / size, (-1, self.shades**3))
        return ops.cast(ops.sqrt(shares), self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "shades": self.shades}


@saved_as("Standardised")
class WeightStandardizedConv2D(layers.Conv2D):
    """A convolution whose kernels have mean 0 and length 1 (weight standardisation, Qiao et al. 2019).

    Otherwise what all images have in common grows from layer to layer: what is rectified has a mean above 0, and a
    kernel with a mean adds it up. Group normalisation, which looks at one image at a time, cannot take it out, and in
    the end scales all else down: with some seeds the captioner then took one image for the other.
    """

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return (batch, height, width, filters) from (batch, height, width, features) and the kernel as it is kept."""
        kernel = kernel - ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        length = ops.sqrt(ops.sum(ops.square(kernel), axis=(0, 1, 2), keepdims=True) + 1e-6)
        return super().convolution_op(inputs, kernel / length)


def convolve(grid: Tensor, width: int, *, strides: int, name: str, side: int = 3) -> Tensor:
    """Return (batch, height / strides, width / strides, features): a convolution, normalised, rectified.

    Group normalisation (Wu and He 2018) looks at one image at a time: rows that only fill up a batch do not matter.
    """
    return layers.Activation("relu", name=name)(normalise_convolved(grid, width, strides=strides, name=name, side=side))


def normalise_convolved(
    grid: Tensor, width: int, *, strides: int, name: str, side: int = 3, scale: str = "ones"
) -> Tensor:
    """Return what `convolve` does before it is rectified. scale: what that of the normalisation begins as."""
    grid = WeightStandardizedConv2D(
        width, side, strides=strides, padding="same", use_bias=False, name=f"{name}_convolution"
    )(grid)
    return layers.GroupNormalization(groups=8, gamma_initializer=scale, name=f"{name}_normalisation")(grid)


def add_block(grid: Tensor, width: int, *, name: str) -> Tensor:
    """Return (batch, height, width, features) from the same: a residual block of two convolutions (He et al. 2016).

    It begins as the identity: the scale of its second normalisation begins as 0 (Goyal et al. 2017, section 5.1).
    """
    branch = convolve(grid, width, strides=1, name=f"{name}_first")
    branch = normalise_convolved(branch, width, strides=1, name=name, scale="zeros")
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_sum")([grid, branch]))


def encode_image(image: Tensor, options: "Options") -> tuple[Tensor, Tensor]:
    """Return the context, (batch, 2 units), and the encoder states, (batch, positions, features), of an image.

    image: (batch, size, size, 3) of uint8. options.colour_jitter, random_affine, random_crop, random_mirror: see
    models/layers/random_changes.py. options.residual_blocks: after each halving of the grid.
    """
    if options.colour_jitter:
        image = ColourJitter(options.colour_jitter, name="jitter")(image)
    grid = layers.Rescaling(1 / 127.5, -1.0, name="scale")(image)
    if options.random_affine:
        grid = RandomAffine(options.random_affine, name="warp")(grid)
    if options.random_crop:
        grid = RandomCrop(options.random_crop, name="crop")(grid)
    if options.random_mirror:
        grid = RandomMirror(name="mirror")(grid)
    for number in range(10):
        if grid.shape[1] <= GRID:
            break
        width = WIDTHS[min(number, len(WIDTHS) - 1)]
        grid = convolve(grid, width, strides=2, name=f"half_{number}", side=3 if number else 5)
        if number == 1:
            grid = convolve(grid, width, strides=1, name="more")
        for block in range(options.residual_blocks):
            grid = add_block(grid, width, name=f"residual_{number}_{block}")
    grid = convolve(Coordinates(name="coordinates")(grid), WIDTHS[-1], strides=1, name="around")
    # Once more, so that a place knows of the other side of the image: "left of" is about two places.
    grid = convolve(grid, WIDTHS[-1], strides=1, name="grid")
    height, width, features = grid.shape[1:]
    states = layers.Reshape((height * width, features), name="memory")(grid)
    # What there is, wherever it is: one place teaches the features of a shape to all places.
    anywhere = layers.GlobalMaxPooling1D(name="anywhere")(states)
    # And where: few numbers per position, all positions side by side.
    squeezed = layers.Dense(32, "relu", name="squeeze")(states)
    parts = [layers.Flatten(name="flatten")(squeezed), anywhere]
    if options.colour_histogram:
        shares = ColourHistogram(options.colour_histogram, name="colours")(image)
        parts.append(layers.LayerNormalization(name="colours_normalisation")(shares))
    flat = layers.Concatenate(name="seen")(parts)
    if options.dropout:
        flat = Dropout(options.dropout)(flat)
    return layers.Dense(2 * options.units, "relu", name="context")(flat), states


def build(input_field: "InputField", output_field: "AutoregressiveField", options: "Options") -> keras.Model:
    """Return a model from {"image": (batch, size, size, 3), "previous": (batch, time)} to logits of every word.

    The image is of uint8; the logits are (batch, time, words).
    """
    inputs = make_inputs(input_field.arrays)
    context, states = encode_image(inputs["image"], options)
    # Colours are in the context alone, at no position: what is said of them late must not be forgotten.
    merge = bool(options.colour_histogram)
    decoder = autoregressive.make_decoder(
        output_field,
        options,
        attention=options.attention or "none",
        merge=merge,
        input_feeding=options.input_feeding,
    )
    return autoregressive.attach_decoder(
        decoder,
        inputs,
        context,
        output_field=output_field,
        options=options,
        encoder_states=states,
        name="captioner",
    )
