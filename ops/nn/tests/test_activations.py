"""Activations against their formulas in NumPy and SciPy, with first and second derivatives; nan, infinities, limits."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import DTypeError, ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _gelu(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * scipy.special.ndtr(x)


def _softshrink(x, lambd=0.5):
    return np.sign(x) * np.maximum(np.abs(x) - lambd, 0)


REFERENCE = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x, alpha=0.2: np.where(x > 0, x, alpha * x),
    "hard_tanh": lambda x, min_val=-1, max_val=1: np.clip(x, min_val, max_val),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "threshold": lambda x, threshold, value: np.where(x > threshold, x, value),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "selu": lambda x: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x),
    "celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    "silu": lambda x, beta=1.0: x * scipy.special.expit(beta * x),
    "gelu": _gelu,
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softshrink": _softshrink,
    "hardshrink": lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0, x),
    "tanhshrink": lambda x: x - np.tanh(x),
    "crelu": lambda x, axis=-1: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis),
}
ATTRIBUTES = {
    "leaky_relu": [{"alpha": 0.01}],
    "hard_tanh": [{"min_val": -0.25, "max_val": 2.0}],
    "threshold": [{"threshold": 0.1, "value": 20.0}],
    "celu": [{"alpha": 0.5}],
    "silu": [{"beta": 1.7}],
    "gelu": [{"approximate": True}],
    "softshrink": [{"lambd": 0.1}],
    "hardshrink": [{"lambd": 0.1}],
    "crelu": [{"axis": 0}],
}


def _away(x, *points):
    """x without what lies so close to a kink that a difference would step over it, in 16 bits too."""
    for point in points:
        x = np.where(np.abs(x - point) < 0.02, x + 0.05, x)
    return x


@pytest.mark.parametrize("name", REFERENCE)
def test_values_and_gradients(name, rng):
    wide = np.concatenate([np.linspace(-9, 9, 37) + 0.03, [-30, -100, 30, 100]])
    points = [_away(a, -3, -1, -0.5, -0.25, -0.1, 0, 0.1, 0.5, 1, 2, 3, 6) for a in (2 * rng.normal(size=(3, 7)), wide)]
    options = ATTRIBUTES.get(name, []) + [{}] * (name != "threshold")
    cases = [case(x, **attributes) for x in points for attributes in options]
    check_op(getattr(ow.nn, name), cases, REFERENCE[name], dtypes=DTYPES, tolerance=2)  # roundings in 16 bits add up
    small = [case(rng.normal(size=shape), **options[0]) for shape in [(0,), (1,), (0, 3), (2, 1, 3)]]
    check_op(getattr(ow.nn, name), small, REFERENCE[name], gradient=False)


# Straight pieces pick or scale values: nan and infinities come out as they are.
@pytest.mark.parametrize(
    "name", ["relu", "relu6", "leaky_relu", "hard_tanh", "elu", "selu", "softshrink", "hardshrink"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinities(name, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    with np.errstate(all="ignore"):
        want = REFERENCE[name](x)
    np.testing.assert_allclose(np.asarray(getattr(ow.nn, name)(x)), want, rtol=1e-6)


@pytest.mark.parametrize("name", ["elu", "selu", "celu"])
def test_small_values_keep_their_digits(name):
    # exp(x) - 1 would be off by the rounding of 1.
    x = -np.logspace(-30, 1.9, 500).astype(np.float32)
    want = REFERENCE[name](x.astype(np.float64))
    np.testing.assert_allclose(np.asarray(getattr(ow.nn, name)(x)), want, rtol=4e-7)  # some 3 ulp


def test_gelu_is_exact_over_the_whole_range():
    x = np.linspace(-10, 10, 40001).astype(np.float32)
    want = _gelu(x.astype(np.float64))
    # The rounding of 1 + erf, 6e-8, times x / 2.
    np.testing.assert_allclose(np.asarray(ow.nn.gelu(x)), want, rtol=4e-7, atol=6e-7)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
def test_relu_of_integers(dtype):
    x = np.array([0, 1, 5, 6, 7, 100, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    np.testing.assert_array_equal(np.asarray(ow.nn.relu(x)), np.maximum(x, 0))
    np.testing.assert_array_equal(np.asarray(ow.nn.relu6(x)), np.clip(x, 0, 6))


def test_relu_has_no_slope_at_0(session):
    x = ow.placeholder("float32", [3])
    slope = ow.gradients(ow.nn.relu(x), x)
    np.testing.assert_array_equal(session.run(slope, {x: [-1, 0, 2]}), [[0, 0, 1]])


def test_prelu(rng):
    def reference(x, alpha):
        return np.where(x > 0, x, alpha * x)

    x = _away(rng.normal(size=(2, 3, 4)), 0)
    cases = [case(x, rng.normal(size=shape)) for shape in [(2, 3, 4), (4,), (3, 1), ()]]
    check_op(ow.nn.prelu, cases, reference, dtypes=DTYPES)


def test_silu_of_a_tensor_beta(rng):
    check_op(ow.nn.swish, [case(rng.normal(size=(2, 3)), rng.normal(size=()))], REFERENCE["silu"])


def test_aliases():
    assert ow.nn.swish is ow.nn.silu
    assert ow.nn.hardtanh is ow.nn.hard_tanh
    assert ow.nn.hardswish is ow.nn.hard_swish
    assert ow.nn.hardsigmoid is ow.nn.hard_sigmoid


def test_errors(graph):
    x = ow.placeholder("float32", [None, 3])
    with pytest.raises(ShapeError, match=r"\[hard_tanh\] min_val must be below max_val, got 1.0 and -1.0"):
        ow.nn.hard_tanh(x, 1, -1)
    with pytest.raises(ShapeError, match=r"\[softshrink\] lambd must not be negative, got -0.5"):
        ow.nn.softshrink(x, -0.5)
    with pytest.raises(ShapeError, match=r"\[celu\] alpha must be positive, got 0.0"):
        ow.nn.celu(x, 0.0)
    with pytest.raises(ShapeError, match=r"\[prelu\] alpha must broadcast to the features' shape"):
        ow.nn.prelu(ow.placeholder("float32", [2, 3]), ow.placeholder("float32", [2, 2, 3]))
    with pytest.raises(DTypeError, match=r"\[gelu\] features must be float32, float64, float16 or bfloat16, got int32"):
        ow.nn.gelu(ow.placeholder("int32", [2]))
