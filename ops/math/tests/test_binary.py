"""Elementwise ops of two arguments: values, broadcasting, special values, gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")

# op -> the reference and where its arguments are taken from: away from the places without derivative.
FUNCTIONS = {
    "add": (np.add, (-2, 2), (-2, 2)),
    "subtract": (np.subtract, (-2, 2), (-2, 2)),
    "multiply": (np.multiply, (-2, 2), (-2, 2)),
    "realdiv": (np.divide, (-2, 2), (1, 3)),
    "squared_difference": (lambda x, y: (x - y) ** 2, (-2, 2), (-2, 2)),
    "maximum": (np.maximum, (-2, 0), (-1, 2)),
    "minimum": (np.minimum, (-2, 0), (-1, 2)),
    "fmax": (np.fmax, (-2, 0), (-1, 2)),
    "fmin": (np.fmin, (-2, 0), (-1, 2)),
    "hypot": (np.hypot, (0.5, 2), (-2, 2)),
    "atan2": (np.arctan2, (0.5, 2), (-2, 2)),
    "pow": (np.power, (0.2, 3), (-2, 2)),
    "logaddexp": (np.logaddexp, (-2, 2), (-2, 2)),
    "logaddexp2": (np.logaddexp2, (-2, 2), (-2, 2)),
    "xlogy": (lambda x, y: x * np.log(y), (-2, -0.5), (0.5, 3)),
    "xlog1py": (lambda x, y: x * np.log1p(y), (-2, -0.5), (-0.4, 3)),
    "xdivy": (np.divide, (-2, -0.5), (1, 3)),
    "divide_no_nan": (np.divide, (-2, 2), (1, 3)),
    "multiply_no_nan": (np.multiply, (-2, 2), (1, 3)),
    "copysign": (np.copysign, (0.5, 2), (-2, -0.5)),
    "floormod": (np.mod, (0.1, 0.9), (-3, -1)),
    "truncatemod": (np.fmod, (-0.9, -0.1), (1, 3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, rng):
    function, of_x, of_y = FUNCTIONS[name]
    shapes = [((3, 7), (3, 7)), ((2, 1, 5), (4, 1)), ((), (1, 3)), ((0, 3), (3,))]
    cases = [case(rng.uniform(*of_x, a), rng.uniform(*of_y, b)) for a, b in shapes]
    check_op(getattr(ow, name), cases, function, dtypes=DTYPES)


def _no_nan(function, zero):
    return lambda x, y: np.where(zero(x, y), 0.0, function(x, y))


SPECIAL = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "copysign": np.copysign,
    "heaviside": np.heaviside,
    "hypot": np.hypot,
    "atan2": np.arctan2,
    "pow": np.power,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "realdiv": np.divide,
    "xlogy": _no_nan(lambda x, y: x * np.log(y), lambda x, y: x == 0),
    "xlog1py": _no_nan(lambda x, y: x * np.log1p(y), lambda x, y: x == 0),
    "xdivy": _no_nan(np.divide, lambda x, y: x == 0),
    "divide_no_nan": _no_nan(np.divide, lambda x, y: y == 0),
    "multiply_no_nan": _no_nan(np.multiply, lambda x, y: y == 0),
    "truncatemod": np.fmod,
    "truncatediv": lambda x, y: np.trunc(x / y),
    "floordiv": lambda x, y: np.floor(x / y),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name):
    values = np.array([0.0, -0.0, 1.0, -1.5, 3.0, np.inf, -np.inf, np.nan])
    with np.errstate(all="ignore"):
        want = SPECIAL[name](values[:, None], values)
    for dtype in ("float32", "float64"):
        found = np.asarray(getattr(ow, name)(ow.constant(values[:, None], dtype), ow.constant(values, dtype)))
        np.testing.assert_allclose(found, want, rtol=1e-6, err_msg=dtype)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_where_both_are_equal_the_first_takes_the_gradient(name, session):
    x, y = ow.constant([1.0, 2.0]), ow.constant([1.0, 5.0])
    dx, dy = session.run(ow.gradients(getattr(ow, name)(x, y), [x, y]))
    assert (dx[0], dy[0]) == (1, 0)


@pytest.mark.parametrize("name", ["floordiv", "truncatediv"])
def test_quotients_cut_the_gradient(name, session):
    x = ow.placeholder("float32", [3])
    assert ow.gradients(getattr(ow, name)(x, 2.0), x) == [None]


def test_nextafter_steps_by_one_place():
    x = np.array([0.0, -0.0, 1.0, -1.0, 1.5, np.inf, -np.inf, np.nan, 3.0, 2.0, -2.0])
    y = np.array([1.0, -1.0, 2.0, -2.0, -9.0, 0.0, 0.0, 1.0, np.nan, 2.0, 5.0])
    for dtype in ("float32", "float64", "float16"):
        want = np.nextafter(x.astype(dtype), y.astype(dtype))
        found = np.asarray(ow.nextafter(ow.constant(x, dtype), ow.constant(y, dtype)))
        np.testing.assert_array_equal(found, want, err_msg=dtype)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(want))
    found = np.asarray(ow.nextafter(ow.constant([1.0, -1.0], "bfloat16"), 0.0))
    np.testing.assert_array_equal(found, [1 - 2.0**-8, -1 + 2.0**-8])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_ldexp(dtype, rng):
    cases = [
        case(rng.normal(size=(3, 4)), rng.integers(-3, 4, (3, 4)).astype(dtype)),
        case(rng.normal(size=(2, 1)), np.array([1, 0, -2], dtype)),
    ]
    check_op(ow.ldexp, cases, np.ldexp, dtypes=DTYPES)
    assert np.isinf(np.asarray(ow.ldexp(ow.constant([1.0]), ow.constant([np.iinfo(dtype).max], dtype))))


def test_heaviside_passes_the_gradient_of_its_value_at_zero(session):
    x, half = ow.constant([-1.0, 0.0, 2.0]), ow.constant([0.5, 0.5, 0.5])
    y = ow.heaviside(x, half)
    dx, dh = ow.gradients(y, [x, half])
    assert dx is None
    np.testing.assert_array_equal(session.run(dh), [0, 1, 0])


def test_pow_at_the_border(session):
    # As TensorFlow: log(x) counts as 0 where x <= 0.
    x, y = ow.constant([0.0, -2.0, 2.0]), ow.constant([2.0, 3.0, 2.0])
    dx, dy = session.run(ow.gradients(ow.pow(x, y), [x, y]))
    np.testing.assert_allclose(dx, [0, 12, 4])
    np.testing.assert_allclose(dy, [0, 0, 4 * np.log(2)], rtol=1e-6)


def test_derivatives_of_a_square_at_zero(session):
    x = ow.placeholder("float32", [])
    slopes = [ow.pow(x, 2.0)]
    for _ in range(3):
        slopes += ow.gradients(slopes[-1], x)
    assert session.run(slopes, {x: 0.0}) == [0, 0, 2, 0]


def test_python_values_take_the_tensors_dtype():
    x = ow.constant([1.0, 4.0], "float64")
    assert (1 / x).dtype == (x / 2).dtype == (2 - x).dtype == "float64"
    np.testing.assert_array_equal(np.asarray(1 / x), [1.0, 0.25])


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match=r"\[add\] y must be float32 like the other T, got float64"):
        ow.constant([1.0]) + ow.constant([1.0], "float64")
    with pytest.raises(TypeError, match=r"\[truediv\] the tensor must be float32, got float64"):
        ow.constant([1.0]) / ow.constant([1.0], "float64")


def test_shapes_that_do_not_broadcast_are_refused(graph):
    with pytest.raises(ValueError, match=r"\[multiply\] y's dimensions \.\.\. must broadcast against \(2, 3\)"):
        ow.placeholder("float32", [2, 3]) * ow.placeholder("float32", [4])


def test_scalar_mul():
    np.testing.assert_array_equal(np.asarray(ow.scalar_mul(3, ow.constant([1.0, 2.0]))), [3, 6])
    with pytest.raises(ValueError, match=r"\[scalar_mul\] scalar must have no dimensions, got shape \(1,\)"):
        ow.scalar_mul([3.0], ow.constant([1.0, 2.0]))


def test_accumulate_n(rng):
    check_op(ow.accumulate_n, [case([rng.normal(size=(2, 3)) for _ in range(3)])], lambda xs: xs[0] + xs[1] + xs[2])
    with pytest.raises(ValueError, match=r"\[accumulate_n\] inputs must have shape \(3,\), got \(2,\)"):
        ow.accumulate_n([ow.constant([1.0, 2.0])], shape=[3])
