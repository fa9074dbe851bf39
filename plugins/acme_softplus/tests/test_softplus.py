"""softplus against NumPy: values and derivatives, in every way there is to run it."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.acme.softplus


def reference(x):
    return np.logaddexp(0, x)


def test_values_and_gradients(rng):
    check_op(op, [case(rng.normal(size=shape)) for shape in [(17,), (2, 3, 5), ()]], reference)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats(rng, dtype):
    check_op(op, [case(rng.normal(size=(3, 9)))], reference, [dtype], tolerance=2, gradient=False)


def test_large_values_do_not_overflow():
    x = np.array([-1e4, -100, 0, 100, 1e4, np.inf, -np.inf])
    np.testing.assert_allclose(op(x), reference(x), rtol=1e-14)
    assert np.isnan(op(np.nan).numpy())


def test_nothing_gives_nothing():
    assert op(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="x must be float32"):
        op(np.arange(3))
