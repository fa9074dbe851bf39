"""{{ cookiecutter.name }} against NumPy: values and derivatives, in every way there is to run it."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.{{ cookiecutter.namespace }}.{{ cookiecutter.name }}


def reference(x, shift=1):
    y, n = np.zeros_like(x), x.shape[-1]
    for i in range(n):
        if 0 <= i - shift < n:
            y[..., i] = x[..., i - shift]
    return y


@pytest.mark.parametrize("shift", [0, 1, 3, -2])
def test_values_and_gradients(rng, shift):
    check_op(op, [case(rng.normal(size=shape), shift=shift) for shape in [(7,), (2, 3, 5)]], reference)


@pytest.mark.parametrize("dtype", ["int8", "int64", "bool"])
def test_other_dtypes(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    np.testing.assert_array_equal(op(x), reference(x))


def test_without_elements():
    assert op(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_a_shift_too_far_is_refused_when_built_and_when_run():
    with pytest.raises(ValueError, match="shift must be at most 3, got 4"):
        op(np.zeros(3), shift=4)
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float32", [None])
        y = op(x, shift=4)
        with pytest.raises(ValueError, match="shift must be at most 3, got 4"):
            session.run(y, {x: np.zeros(3)})
