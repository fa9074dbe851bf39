"""Errors of the float32 functions in units in the last place, over the whole range of floats."""

import numpy as np
import opwright as ow
import pytest
import scipy.special

SMALLEST = np.finfo(np.float32).smallest_normal


def every(step, low, high):
    """Every `step`-th normal float32 in [low, high]."""
    found = np.arange(0, 1 << 32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(invalid="ignore"):
        return found[(found >= low) & (found <= high) & (np.abs(found) >= SMALLEST)]


def ulps(found, exact):
    """The errors of float32 values against float64 ones, where these are normal floats."""
    with np.errstate(all="ignore"):
        normal = (np.abs(exact) >= SMALLEST) & (np.abs(exact) <= np.finfo(np.float32).max)
        unit = np.ldexp(1.0, np.frexp(exact)[1] - 24)
        return np.abs(found.astype(np.float64) - exact)[normal] / unit[normal]


@pytest.mark.parametrize(
    ("name", "exact", "low", "high", "most"),
    [
        ("exp", np.exp, -104, 104, 2.0),
        ("log", np.log, SMALLEST, np.inf, 2.0),
        ("tanh", np.tanh, -20, 20, 2.0),
        ("sigmoid", scipy.special.expit, -87, 80, 2.5),
        ("erf", scipy.special.erf, -10, 10, 2.0),
        ("sin", np.sin, -2e6, 2e6, 2.0),
        ("cos", np.cos, -2e6, 2e6, 2.0),
    ],
)
def test_functions_of_one_number(name, exact, low, high, most):
    x = every(4001, low, high)
    errors = ulps(np.asarray(getattr(ow, name)(x)), exact(x.astype(np.float64)))
    assert errors.size > 200_000
    assert errors.max() <= most


@pytest.mark.parametrize("y", [0.5, -0.5, 2, 3, -3, 0.1, 7.3, -20, 1.0001, 1e5])
def test_powers(y):
    x, y = every(8009, SMALLEST, np.inf), np.float32(y)
    with np.errstate(over="ignore", under="ignore"):
        errors = ulps(np.asarray(ow.pow(x, y)), x.astype(np.float64) ** float(y))
    assert errors.max() <= 2.0


def test_special_values():
    values = [0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, np.inf, -np.inf, np.nan, 1e30, -1e30, 16777217.0, -3000000001.0]
    x, y = (v.ravel() for v in np.meshgrid(np.float32(values), np.float32(values)))
    with np.errstate(all="ignore"):
        for found, exact in [(ow.pow(x, y), np.power(x, y)), (ow.exp(x), np.exp(x)), (ow.log(x), np.log(x))]:
            np.testing.assert_allclose(np.asarray(found), exact, rtol=3e-7)
            np.testing.assert_array_equal(np.signbit(found)[~np.isnan(exact)], np.signbit(exact)[~np.isnan(exact)])


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_do_not_change_their_neighbours(name):
    x = np.float32([0.5, 1e7, -3e30, np.inf, np.nan, -2.5])
    found = np.asarray(getattr(ow, name)(x))
    np.testing.assert_allclose(found[[0, 1, 2, 5]], getattr(np, name)(x[[0, 1, 2, 5]].astype(np.float64)), rtol=3e-7)
    assert np.isnan(found[3:5]).all()
    for i in (0, 1, 2, 5):
        np.testing.assert_array_equal(found[i], np.asarray(getattr(ow, name)(x[i : i + 1]))[0])
