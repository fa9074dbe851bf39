"""argmax, argmin: values in every layout, ties, nan, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError

SHAPES = [(5,), (7, 300), (300, 7), (3, 4, 5), (10, 1500), (1, 1), (0, 3)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "int64", "uint8", "bool"])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_values(name, dtype, rng):
    for shape in SHAPES:
        x = rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)  # many ties
        for axis in range(-len(shape), len(shape)):
            if shape[axis] == 0:
                continue
            found = np.asarray(getattr(ow, name)(x, axis))
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, getattr(np, name)(x, axis), err_msg=f"{shape} {axis}")


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_first_nan_wins(name, rng):
    x = rng.normal(size=(40, 1200)).astype(np.float32)
    x[rng.random(x.shape) < 0.001] = np.nan
    for axis in (0, 1):
        np.testing.assert_array_equal(np.asarray(getattr(ow, name)(x, axis)), getattr(np, name)(x, axis))


def test_strided_inputs_and_output_type(rng, graph, session):
    x = rng.normal(size=(30, 20)).astype(np.float32)
    fed = ow.placeholder("float32", [None, None])
    found = session.run([ow.argmax(ow.transpose(fed), a, output_type="int32") for a in (0, 1)], {fed: x})
    for axis, got in enumerate(found):
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, x.T.argmax(axis))


def test_errors():
    with pytest.raises(ShapeError, match=r"\[argmax\] input must have elements along axis 0, got shape \(0, 3\)"):
        ow.argmax(np.zeros((0, 3), np.float32))
    with pytest.raises(ShapeError, match=r"\[argmin\] axis must lie in \[-2, 2\), got 2"):
        ow.argmin(np.zeros((2, 3), np.float32), 2)
    with pytest.raises(ShapeError, match=r"\[argmax\] output_type must be int32 or int64, got"):
        ow.argmax(np.zeros(3, np.float32), output_type="int8")
