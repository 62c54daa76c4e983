"""Gradients under the backend of the tests, by hand."""

import numpy as np
from keras import ops

from harness.differentiation import compile_function, differentiate


def test_the_gradient_at_a_tensor_and_at_a_dictionary_is_that_by_hand() -> None:
    one, other = np.array([1.0, 2.0], "float32"), np.array([3.0, -1.0], "float32")
    at = ops.convert_to_tensor(one)
    np.testing.assert_allclose(ops.convert_to_numpy(differentiate(lambda x: ops.sum(x * x), at)), 2 * one)
    both = {"a": at, "b": ops.convert_to_tensor(other), "unread": ops.convert_to_tensor(other)}
    found = differentiate(lambda both: ops.sum(both["a"] * both["b"]), both)
    np.testing.assert_allclose(ops.convert_to_numpy(found["a"]), other)
    np.testing.assert_allclose(ops.convert_to_numpy(found["b"]), one)
    np.testing.assert_allclose(ops.convert_to_numpy(found["unread"]), 0)


def test_a_compiled_function_gives_the_same() -> None:
    def double(tensors: dict) -> dict:
        return {name: 2 * one for name, one in tensors.items()}

    found = compile_function(double)({"a": ops.convert_to_tensor([1.0])})
    assert float(ops.convert_to_numpy(found["a"])[0]) == 2.0
