"""Comparisons and logic."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name, rng):
    x = np.array([1.0, 2.0, np.nan, np.inf, 0.0, -1.0])
    y = np.array([1.0, 3.0, np.nan, np.inf, -0.0, -2.0])
    cases = [case(x, y), case(rng.integers(0, 3, (4, 1, 3)) * 1.0, rng.integers(0, 3, (5, 1)) * 1.0)]
    check_op(getattr(ow, name), cases, getattr(np, name), dtypes=("float32", "float64", "float16", "bfloat16"))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_integers(name, dtype, rng):
    x, y = rng.integers(0, 3, (2, 50)).astype(dtype)
    found = np.asarray(getattr(ow, name)(ow.constant(x), ow.constant(y)))
    np.testing.assert_array_equal(found, getattr(np, name)(x, y))


def test_equality_of_bools():
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(np.asarray(ow.equal(x, y)), x == y)
    np.testing.assert_array_equal(np.asarray(ow.not_equal(x, y)), x != y)


@pytest.mark.parametrize("name", ["logical_and", "logical_or"])
def test_logic(name):
    x, y = np.array([[True], [False]]), np.array([True, False])
    check_op(getattr(ow, name), [case(x, y)], getattr(np, name), dtypes=("float32",))


def test_logical_not():
    check_op(ow.logical_not, [case(np.array([True, False]))], np.logical_not, dtypes=("float32",))


def test_logic_takes_bools_only():
    with pytest.raises(TypeError, match=r"\[logical_and\] x must be bool, got int32"):
        ow.logical_and(ow.constant([1]), True)


def test_logical_xor():
    x, y = np.array([[True], [False]]), np.array([True, False])
    check_op(ow.logical_xor, [case(x, y)], np.logical_xor, dtypes=("float32",))


def test_closeness():
    x = np.array([1.0, 1.0, 1.0, np.inf, np.inf, np.nan, np.nan, 0.0])
    y = np.array([1.0, 1.0 + 3e-6, 1.1, np.inf, -np.inf, np.nan, 1.0, 1e-9])
    for equal_nan in (False, True):
        found = np.asarray(ow.isclose(ow.constant(x), ow.constant(y), equal_nan=equal_nan))
        np.testing.assert_array_equal(found, np.isclose(x, y, equal_nan=equal_nan))
    found = np.asarray(ow.approximate_equal(ow.constant([1.0, 1.0]), ow.constant([1.1, 1.3]), tolerance=0.2))
    np.testing.assert_array_equal(found, [True, False])


def test_names_of_tensorflow():
    assert ow.math.is_nan is ow.isnan
    assert ow.is_finite is ow.isfinite
    assert ow.math.is_inf is ow.math.isinf
