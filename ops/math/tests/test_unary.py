"""Elementwise ops of one argument: values, special values, gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op, run_in_graph

DTYPES = ("float32", "float64", "float16", "bfloat16")

# op -> the reference, the interval tried
FUNCTIONS = {
    "negative": (np.negative, (-3, 3)),
    "positive": (np.positive, (-3, 3)),
    "abs": (np.abs, (0.5, 3)),
    "sign": (np.sign, (-3, -0.5)),
    "square": (np.square, (-3, 3)),
    "sqrt": (np.sqrt, (0.1, 9)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (0.1, 9)),
    "cbrt": (np.cbrt, (-9, -0.1)),
    "reciprocal": (np.reciprocal, (0.2, 3)),
    "reciprocal_no_nan": (np.reciprocal, (0.2, 3)),
    "frac": (lambda x: np.modf(x)[0], (-0.9, -0.1)),
    "deg2rad": (np.deg2rad, (-180, 180)),
    "rad2deg": (np.rad2deg, (-3, 3)),
    "exp": (np.exp, (-4, 4)),
    "exp2": (np.exp2, (-4, 4)),
    "expm1": (np.expm1, (-3, 3)),
    "log": (np.log, (0.1, 9)),
    "log2": (np.log2, (0.1, 9)),
    "log10": (np.log10, (0.1, 9)),
    "log1p": (np.log1p, (-0.9, 9)),
    "tanh": (np.tanh, (-3, 3)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-5, 5)),
    "log_sigmoid": (lambda x: -np.logaddexp(0, -x), (-5, 5)),
    "softplus": (lambda x: np.logaddexp(0, x), (-5, 5)),
    "softsign": (lambda x: x / (1 + np.abs(x)), (0.1, 5)),
    "sin": (np.sin, (-6, 6)),
    "cos": (np.cos, (-6, 6)),
    "tan": (np.tan, (-1.4, 1.4)),
    "asin": (np.arcsin, (-0.95, 0.95)),
    "acos": (np.arccos, (-0.95, 0.95)),
    "atan": (np.arctan, (-5, 5)),
    "sinc": (np.sinc, (-3, 3)),
    "sinh": (np.sinh, (-3, 3)),
    "cosh": (np.cosh, (-3, 3)),
    "asinh": (np.arcsinh, (-5, 5)),
    "acosh": (np.arccosh, (1.2, 9)),
    "atanh": (np.arctanh, (-0.95, 0.95)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, rng):
    function, (low, high) = FUNCTIONS[name]
    cases = [case(rng.uniform(low, high, size)) for size in [(3, 7), (1,), (0, 2), (2, 1, 5)]]
    check_op(getattr(ow, name), cases, function, dtypes=DTYPES)


SPECIAL = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "atan": np.arctan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "softplus": lambda x: np.logaddexp(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "negative": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "rint": np.rint,
    "trunc": np.trunc,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "signbit": np.signbit,
    "nan_to_num": np.nan_to_num,
    "reciprocal_no_nan": lambda x: np.where(x == 0, 0, 1 / x),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, dtype):
    x = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-20, 1e20, np.inf, -np.inf, np.nan, 88.0, -100.0])
    x = x.astype(dtype)
    with np.errstate(all="ignore"):
        want = SPECIAL[name](x)
    found = np.asarray(getattr(ow, name)(ow.constant(x)))
    assert found.dtype == want.dtype
    # 2e-6: the fast float32 functions are right to a few units in the last place.
    np.testing.assert_allclose(found, want, rtol=2e-6 if dtype == "float32" else 1e-14, atol=1e-37)


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "rint", "trunc"])
def test_rounding(name, rng):
    cases = [case(rng.uniform(-5, 5, (3, 7))), case(np.arange(-3.5, 4))]
    check_op(getattr(ow, name), cases, getattr(np, name), dtypes=DTYPES, gradient=False)


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "rint", "trunc"])
def test_rounding_cuts_the_gradient(name, session):
    x = ow.placeholder("float32", [3])
    assert ow.gradients(getattr(ow, name)(x), x) == [None]


def test_slope_of_sinc_near_zero(session):
    # The Taylor series of the derivative: -pi^2 x / 3 + pi^4 x^3 / 30
    x = np.array([0.0, 1e-9, 1e-3, 0.0099, 0.0101])
    fed = ow.placeholder("float64", x.shape)
    (slope,) = ow.gradients(ow.sinc(fed), fed)
    (curvature,) = ow.gradients(slope, fed)
    found, bent = session.run([slope, curvature], {fed: x})
    np.testing.assert_allclose(found, -(np.pi**2) * x / 3 + np.pi**4 * x**3 / 30, rtol=2e-7)
    np.testing.assert_allclose(bent, -(np.pi**2) / 3 + np.pi**4 * x**2 / 10, rtol=2e-6)


def test_parts_of_real_numbers(rng):
    x = rng.normal(size=(3, 4))
    check_op(ow.real, [case(x)], np.real)
    check_op(ow.imag, [case(x)], np.imag)
    check_op(ow.conj, [case(x)], np.conj)
    check_op(ow.angle, [case(x)], np.angle)


def test_nan_to_num_takes_replacements(rng):
    x = np.array([np.nan, np.inf, -np.inf, 2.0])
    found = np.asarray(ow.nan_to_num(ow.constant(x), nan=1.0, posinf=5.0, neginf=-5.0))
    np.testing.assert_array_equal(found, [1, 5, -5, 2])
    fed = ow.constant(x)
    with ow.GradientTape() as tape:
        tape.watch(fed)
        y = ow.nan_to_num(fed)
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, fed)), [0, 0, 0, 1])


def test_nn_has_the_activations():
    assert ow.nn.sigmoid is ow.sigmoid is ow.math.sigmoid
    assert ow.nn.tanh is ow.tanh
    assert ow.nn.softplus is ow.math.softplus
    assert ow.nn.softsign is ow.math.softsign


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 1.0,
        lambda x: 1.0 * x,
        lambda x: x - 0.0,
        lambda x: x + -0.0,
        lambda x: x / 1.0,
        lambda x: ow.pow(x, 1.0),
        lambda x: ow.negative(-x),
    ],
)
def test_neutral_elements_leave_values_as_they_are(function):
    x = np.array([0.0, -0.0, 1.5, -np.inf, np.nan])
    (found,) = run_in_graph(function, [x], {})
    np.testing.assert_array_equal(found, x)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(x))


def test_adding_zero_to_negative_zero_gives_zero():
    (found,) = run_in_graph(lambda x: x + 0.0, [np.array([-0.0])], {})
    assert not np.signbit(found[0])
