"""Elementwise ops on integers: overflow, division, powers, bits."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op, run_in_graph

INTS = ("int8", "int16", "int32", "int64", "uint8")


def _pairs(dtype, rng, n=61):
    """Random pairs over the whole range, and all pairs of its ends with small numbers."""
    limits = np.iinfo(dtype)
    ends = np.array([limits.min, limits.max, 0, 1, 2, -1 if limits.min else 7], dtype)
    x, y = rng.integers(limits.min, limits.max, (2, n), dtype, endpoint=True)
    return np.concatenate([x, np.repeat(ends, 6)]), np.concatenate([y, np.tile(ends, 6)])


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin"])
def test_arithmetic_wraps_around(name, dtype, rng):
    _same(name, getattr(np, name), *_pairs(dtype, rng))


@pytest.mark.parametrize("dtype", INTS)
def test_squared_difference_wraps_around(dtype, rng):
    _same("squared_difference", lambda x, y: (x - y) * (x - y), *_pairs(dtype, rng))


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("name", ["floordiv", "floormod", "truncatediv", "truncatemod"])
def test_division(name, dtype, rng):
    # Python's integers do not overflow; int() truncates; what 0 divides is 0 here.
    exact = {
        "floordiv": lambda x, y: x // y if y else 0,
        "floormod": lambda x, y: x % y if y else 0,
        "truncatediv": lambda x, y: (abs(x) // abs(y)) * (1 if (x < 0) == (y < 0) else -1) if y else 0,
        "truncatemod": lambda x, y: abs(x) % abs(y) * (-1 if x < 0 else 1) if y else 0,
    }[name]

    def reference(x, y):
        made = [exact(int(a), int(b)) for a, b in zip(x, y)]
        return np.array([m % 256 if dtype == "uint8" else m for m in made], object).astype(np.int64, casting="unsafe")

    x, y = _pairs(dtype, rng)
    keep = ~((x == np.iinfo(dtype).min) & (y == -1)) if dtype != "uint8" else np.ones(x.shape, bool)
    _same(name, lambda a, b: reference(a, b).astype(dtype), x[keep], y[keep])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_the_least_integer_divided_by_minus_one_wraps_around(dtype):
    x, y = ow.constant(np.array([np.iinfo(dtype).min], dtype)), ow.constant(np.array([-1], dtype))
    for op in (ow.floordiv, ow.truncatediv):
        assert np.asarray(op(x, y))[0] == np.iinfo(dtype).min
    for op in (ow.floormod, ow.truncatemod):
        assert np.asarray(op(x, y))[0] == 0


@pytest.mark.parametrize("dtype", INTS)
def test_gcd_and_lcm(dtype, rng):
    x, y = rng.integers(0 if dtype == "uint8" else -11, 12, (2, 80)).astype(dtype)
    _same("gcd", np.gcd, x, y)
    _same("lcm", np.lcm, x, y)


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor"])
def test_bits(name, dtype, rng):
    _same(name, getattr(np, name), *_pairs(dtype, rng))
    assert getattr(ow.bitwise, name) is getattr(ow, name)


@pytest.mark.parametrize("dtype", INTS)
def test_shifts(dtype, rng):
    x, _ = _pairs(dtype, rng)
    y = rng.integers(0, 8 * np.dtype(dtype).itemsize, x.shape).astype(dtype)
    _same("left_shift", np.left_shift, x, y)
    _same("right_shift", np.right_shift, x, y)
    far = np.full(x.shape, 8 * np.dtype(dtype).itemsize, dtype)
    _same("left_shift", lambda a, b: np.zeros_like(a), x, far)
    _same("right_shift", lambda a, b: np.where(a < 0, -1, 0).astype(dtype), x, far)


@pytest.mark.parametrize("name", ["abs", "sign", "negative", "square", "invert", "round"])
@pytest.mark.parametrize("dtype", INTS)
def test_functions_of_one(name, dtype):
    limits = np.iinfo(dtype)
    x = np.array([limits.min, limits.max, 0, 1, 7, 100], dtype)
    with np.errstate(over="ignore"):
        want = getattr(np, name)(x)
    found = np.asarray(getattr(ow, name)(ow.constant(x)))
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("dtype", INTS)
def test_powers(dtype, rng):
    x = rng.integers(0 if dtype == "uint8" else -9, 10, (4, 1, 5)).astype(dtype)
    y = rng.integers(0, 12, (3, 1)).astype(dtype)
    check_op(ow.pow, [case(x, y), case(x, y[0, 0]), case(x[:0], y)], np.power, dtypes=("float32",))


def test_negative_powers_of_integers_are_refused():
    with pytest.raises(ValueError, match=r"\[pow\] integers must have exponents of at least 0, got -1"):
        ow.pow(ow.constant([2, 3]), ow.constant([1, -1]))


@pytest.mark.parametrize("dtype", INTS)
def test_true_division_gives_floats(dtype):
    x, y = np.array([7, 6, 100], dtype), np.array([2, 4, 8], dtype)
    found = np.asarray(ow.truediv(ow.constant(x), ow.constant(y)))
    np.testing.assert_array_equal(found, x / y)
    assert found.dtype == (np.float32 if np.dtype(dtype).itemsize <= 2 else np.float64)


def test_div_is_that_of_python_2():
    np.testing.assert_array_equal(np.asarray(ow.div(ow.constant([7, -7]), 2)), [3, -4])
    np.testing.assert_array_equal(np.asarray(ow.div(ow.constant([7.0, -7.0]), 2)), [3.5, -3.5])


def test_operators_ask_for_bits_of_integers_and_for_logic_on_bools():
    a, b = ow.constant([6, 1]), ow.constant([3, 3])
    p, q = ow.constant([True, False]), ow.constant([True, True])
    for found, want in [
        (a & b, [2, 1]),
        (a | b, [7, 3]),
        (a ^ b, [5, 2]),
        (~a, [-7, -2]),
        (p & q, [True, False]),
        (p | q, [True, True]),
        (p ^ q, [False, True]),
        (~p, [False, True]),
        (True & p, [True, False]),
        (a // 4, [1, 0]),
        (a % 4, [2, 1]),
        (-a // 4, [-2, -1]),
        (abs(-a), [6, 1]),
        (a**2, [36, 1]),
    ]:
        np.testing.assert_array_equal(np.asarray(found), want)


def test_sizes_are_computed_while_the_graph_is_built(graph):
    x = ow.placeholder("float32", [4, None, 6])
    assert (ow.shape(x) * 3).static_value() is None
    found = ow.fill(ow.maximum(ow.shape(x) * 3 - 8, 5) // 2 + ow.minimum(ow.shape(x), 4) % 3, 1.0)
    assert found.shape.as_list() == [2 + 1, None, 5 + 1]
    assert (-ow.constant([2, 3]) * 4).static_value().tolist() == [-8, -12]


def test_sizes_computed_from_unknown_ones_are_right_when_run(rng):
    x = rng.normal(size=(4, 2))
    (found,) = run_in_graph(lambda t: ow.fill(ow.shape(t) * 2 - 1, 1.0), [x], {}, known=False)
    assert found.shape == (7, 3)


def _same(name, reference, x, y):
    with np.errstate(all="ignore"):
        want = reference(x, y)
    found = np.asarray(getattr(ow, name)(ow.constant(x), ow.constant(y)))
    assert found.dtype == want.dtype
    np.testing.assert_array_equal(found, want)
