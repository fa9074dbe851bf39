"""{{ cookiecutter.name }} against NumPy: values and derivatives, in every way there is to run it."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.{{ cookiecutter.namespace }}.{{ cookiecutter.name }}


def reference(x):
    return np.sum(x * x, axis=-1)


@pytest.mark.parametrize("shape", [(7,), (3, 1), (2, 3, 5), (4, 33)], ids=str)
def test_values_and_gradients(rng, shape):
    check_op(op, [case(rng.normal(size=shape))], reference)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats(rng, dtype):
    check_op(op, [case(rng.normal(size=(3, 9)))], reference, [dtype], tolerance=2, gradient=False)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=str)
def test_without_elements(shape):
    np.testing.assert_array_equal(op(np.zeros(shape, np.float32)), np.zeros(shape[:-1]))


def test_a_scalar_is_refused():
    with pytest.raises(ValueError, match="x must have at least 1 dimension"):
        op(1.0)
