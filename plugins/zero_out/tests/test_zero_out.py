"""zero_out against NumPy: values and derivatives, in every way there is to run it; preserve_index."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.tutorial.zero_out


def reference(to_zero, preserve_index=0):
    zeroed = np.zeros_like(to_zero)
    zeroed.flat[preserve_index] = to_zero.flat[preserve_index]
    return zeroed


@pytest.mark.parametrize("index", [0, 1, 29])
def test_values_and_gradients(rng, index):
    check_op(op, [case(rng.normal(size=(2, 3, 5)), preserve_index=index)], reference)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (), (100_003,)], ids=str)
def test_integers(dtype, shape):
    x = np.arange(5, 5 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(op(x), reference(x))
    with ow.Graph().as_default(), ow.Session() as session:
        np.testing.assert_array_equal(session.run(op(x, preserve_index=x.size - 1)), reference(x, x.size - 1))


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="to_zero must be int32, int64, float32 or float64, got int8"):
        op(np.int8([1, 2]))


@pytest.mark.parametrize(("size", "index"), [(3, 3), (0, 0)])
def test_preserve_index_is_checked_when_built_and_when_run(size, index):
    said = f"preserve_index must be below the {size} elements of to_zero, got {index}"
    with pytest.raises(ValueError, match="preserve_index must not be negative, got -1"):
        op([5, 4, 3], preserve_index=-1)
    with ow.Graph().as_default(), ow.Session() as session:
        with pytest.raises(ValueError, match=said):
            op(ow.placeholder("int32", [size]), preserve_index=index)
        with pytest.raises(ValueError, match="must not be negative, got -1"):
            op(ow.placeholder("int32", [None]), preserve_index=-1)
        x = ow.placeholder("int32", [None])
        y = op(x, preserve_index=index)
        with pytest.raises(ValueError, match=said):
            session.run(y, {x: np.zeros(size, np.int32)})
        np.testing.assert_array_equal(session.run(y, {x: np.arange(9, 14)}), reference(np.arange(9, 14), index))
