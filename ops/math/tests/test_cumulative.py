"""Running sums, products, extremes, logsumexps, recurrences: values, gradients with zeros and infinities, integers."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError
from opwright.testing import case, check_gradient, check_op

NEUTRAL = {"cumsum": 0.0, "cumprod": 1.0, "cumulative_logsumexp": -np.inf}
ACCUMULATE = {
    "cumsum": np.add.accumulate,
    "cumprod": np.multiply.accumulate,
    "cumulative_logsumexp": np.logaddexp.accumulate,
}


def _scan(name):
    def reference(x, axis=0, exclusive=False, reverse=False):
        x = np.flip(x, axis) if reverse else x
        y = ACCUMULATE[name](x, axis)
        if exclusive:
            before = np.full_like(x, NEUTRAL[name]).take([0] if x.shape[axis] else [], axis)
            y = np.concatenate([before, y.take(range(x.shape[axis] - 1), axis)], axis)
        return np.flip(y, axis) if reverse else y

    return reference


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ACCUMULATE)
def test_scans(name, exclusive, reverse, rng):
    how = {"exclusive": exclusive, "reverse": reverse}
    cases = [
        case(rng.normal(size=5), **how),
        case(rng.normal(size=(2, 3)), axis=-1, **how),
        case(rng.normal(size=(2, 3, 2)), axis=1, **how),
        case(rng.normal(size=(3, 1)), axis=1, **how),
        case(rng.normal(size=(2, 0)), axis=0, **how),
    ]
    # The first of an exclusive logsumexp is -inf, where no difference is to be had: gradients below.
    check_op(getattr(ow, name), cases, _scan(name), gradient=not (exclusive and name[3] == "u"))


@pytest.mark.parametrize("reverse", [False, True])
def test_exclusive_logsumexp_gradient(reverse, rng):
    # The logarithm of nothing is -inf, its exponential 0: differences are to be had of that.
    check_gradient(lambda x: ow.exp(2.0 * ow.cumulative_logsumexp(x, 0, True, reverse)), [rng.normal(size=(4, 2))])


def test_16_bit_floats_are_summed_wider():
    x = ow.fill([1000], ow.constant(0.125, "float16"))
    np.testing.assert_array_equal(np.asarray(ow.cumsum(x)), np.arange(1, 1001) / 8)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_integers_wrap_around(dtype, rng):
    x = rng.integers(-100 if dtype[0] == "i" else 0, 100, (9, 4)).astype(dtype)
    np.testing.assert_array_equal(np.asarray(ow.cumsum(x)), np.cumsum(x, 0, dtype))
    np.testing.assert_array_equal(np.asarray(ow.cumprod(x, 1)), np.cumprod(x, 1, dtype))


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumprod_gradient_with_zeros(exclusive, reverse):
    x = np.array([[2.0, 0.0, -1.5, 0.0, 3.0], [0.0, 1.0, 2.0, -1.0, 0.5]])
    check_gradient(lambda v: ow.cumprod(v, 1, exclusive, reverse), [x])


def test_prod_gradient_with_zeros():
    x = np.array([[[2.0, 0.0], [0.0, 1.5]], [[-1.0, 2.0], [3.0, 0.5]], [[0.0, 1.0], [2.0, 2.5]]])
    for axis in (None, 0, 1, (0, 2), (-1, 0)):
        check_gradient(lambda v, axis=axis: ow.reduce_prod(v, axis), [x])
    check_gradient(lambda v: ow.reduce_prod(v, 1, keepdims=True), [x])
    check_gradient(ow.reduce_prod, [np.zeros(2)])


@pytest.mark.parametrize("reverse", [False, True])
def test_logsumexp_of_nothing_yet(reverse):
    x = np.array([-np.inf, -np.inf, 0.5, -np.inf, 2.0, -np.inf])
    y = np.array([-np.inf, -np.inf, 1.0, 0.0])
    for one in (x, y):
        fed = ow.constant(one)
        with ow.GradientTape() as tape:
            tape.watch(fed)
            found = ow.cumulative_logsumexp(fed, 0, False, reverse)
        want = _scan("cumulative_logsumexp")(one, reverse=reverse)
        np.testing.assert_allclose(np.asarray(found), want, rtol=1e-14)
        # dx_i = sum of exp(x_i - y_j) over the finite y_j that x_i is part of
        part = np.tri(len(one)).T if not reverse else np.tri(len(one))
        with np.errstate(invalid="ignore"):
            slope = np.where(np.isfinite(want), np.exp(one[:, None] - want), 0)
        np.testing.assert_allclose(np.asarray(tape.gradient(found, fed)), (slope * part).sum(1), rtol=1e-12)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_running_extremes(name, rng):
    accumulate = np.maximum.accumulate if name == "cummax" else np.minimum.accumulate

    def reference(x, axis=0, reverse=False):
        return np.flip(accumulate(np.flip(x, axis), axis), axis) if reverse else accumulate(x, axis)

    cases = [case(rng.normal(size=(4, 3)), axis=a, reverse=r) for a in (0, -1) for r in (False, True)]
    check_op(getattr(ow, name), [*cases, case(np.zeros((0, 2)))], reference, second_order=False)
    x = np.array([1.0, np.nan, 3.0, 0.0])
    np.testing.assert_array_equal(np.asarray(getattr(ow, name)(x)), accumulate(x))


def test_linear_recurrence(rng):
    def reference(decay, x, axis=0, reverse=False):
        decay, x = (np.moveaxis(v, axis, 0)[:: -1 if reverse else 1] for v in (decay, x))
        y = x.copy()
        for i in range(1, len(x)):
            y[i] += decay[i] * y[i - 1]
        return np.moveaxis(y[:: -1 if reverse else 1], 0, axis)

    cases = [
        case(rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), axis=a, reverse=r) for a in (0, 1) for r in (False, True)
    ]
    check_op(ow.linear_recurrence, cases, reference)


@pytest.mark.parametrize("by", [0, 1, -1, 2, -7])
def test_shift(by, rng):
    def reference(x, axis=0, by=1):
        x = np.moveaxis(x, axis, 0)
        y = np.zeros_like(x)
        for i in range(len(x)):
            if 0 <= i - by < len(x):
                y[i] = x[i - by]
        return np.moveaxis(y, 0, axis)

    check_op(ow.shift, [case(rng.normal(size=(4, 3)), axis=a, by=by) for a in (0, 1)], reference)


def test_errors():
    with pytest.raises(ShapeError, match=r"\[cumsum\] axis must lie in \[-1, 1\), got 1"):
        ow.cumsum(np.zeros(3, np.float32), 1)
