"""rms against NumPy: values and derivatives, in every way there is to run it."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.row.rms


def reference(x):
    return np.sqrt(np.mean(x * x, axis=-1))


@pytest.mark.parametrize("shape", [(7,), (3, 1), (2, 3, 5), (4, 33)], ids=str)
def test_values_and_gradients(rng, shape):
    check_op(op, [case(rng.normal(size=shape))], reference)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats(rng, dtype):
    check_op(op, [case(rng.normal(size=(3, 9)))], reference, [dtype], tolerance=2, gradient=False)


def test_a_long_row_keeps_its_digits(rng):
    x = rng.normal(size=(2, 1_000_003)).astype(np.float32)
    np.testing.assert_allclose(op(x), reference(x.astype(np.float64)), rtol=1e-7)


@pytest.mark.parametrize("shape", [(0, 3), (0, 0)], ids=str)
def test_without_rows(shape):
    assert op(np.zeros(shape, np.float32)).shape == (0,)


def test_without_columns_it_is_nan():
    assert np.isnan(op(np.zeros((3, 0)))).all()


def test_the_gradient_of_zeros_is_zero_and_nan_stays():
    with ow.GradientTape() as tape:
        x = ow.constant([[0.0, 0.0], [np.nan, 1.0]])
        tape.watch(x)
        y = op(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [[0, 0], [np.nan, np.nan]])


def test_a_scalar_is_refused():
    with pytest.raises(ValueError, match="x must have at least 1 dimension"):
        op(1.0)
