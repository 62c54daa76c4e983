"""Names for what no type checker can know, as every backend of Keras has types of its own."""

from typing import Any, TypeAlias

# An array of JAX, TensorFlow or torch, a symbolic tensor of Keras, or what Keras makes one of, such as a NumPy array.
Tensor: TypeAlias = Any
# What a layer hands on to Keras' own by name: name, dtype, return_sequences and the like.
LayerArgument: TypeAlias = Any
