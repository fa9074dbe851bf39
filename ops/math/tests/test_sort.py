"""sort, argsort, top_k, nth_element, and the picking their gradients use."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_op

DTYPES = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8"]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort(axis, rng):
    check_op(ow.sort, [case(rng.normal(size=(4, 3)), axis=axis)], lambda x, axis: np.sort(x, axis))
    down = case(rng.normal(size=(4, 3)), axis=axis, direction="DESCENDING")
    check_op(ow.sort, [down], lambda x, axis, direction: -np.sort(-x, axis))


@pytest.mark.parametrize("dtype", DTYPES)
def test_order_of_every_dtype(dtype, rng):
    limits = np.iinfo(dtype) if dtype[0] in "iu" else np.finfo(dtype)
    x = np.concatenate([rng.integers(0, 50, 300), rng.integers(0, 50, 300)]).astype(dtype)
    x[:4] = limits.min, limits.max, 0, limits.max
    if dtype[0] == "f":
        x[4:9] = -0.0, np.inf, -np.inf, np.nan, np.nan
    x = x.reshape(3, 200)
    np.testing.assert_array_equal(np.asarray(ow.sort(x)), np.sort(x))
    np.testing.assert_array_equal(np.asarray(ow.argsort(x)), np.argsort(x, kind="stable"))
    np.testing.assert_array_equal(np.asarray(ow.argsort(x, 0)), np.argsort(x, 0, kind="stable"))


def test_equals_keep_their_order_downwards(rng):
    x = rng.integers(0, 4, (5, 40))
    want = np.argsort(-x, kind="stable")
    np.testing.assert_array_equal(np.asarray(ow.argsort(x, direction="DESCENDING")), want)


@pytest.mark.parametrize("k", [0, 1, 3, 40, 200])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float16"])
def test_top_k(k, dtype, rng):
    x = rng.integers(-50, 50, (2, 3, 200)).astype(dtype)
    values, indices = ow.top_k(x, k)
    want = np.argsort(-x, kind="stable")[..., :k]
    np.testing.assert_array_equal(np.asarray(indices), want)
    np.testing.assert_array_equal(np.asarray(values), np.take_along_axis(x, want, -1))


def test_top_k_gradient(rng):
    check_op(lambda x: ow.top_k(x, 2)[0], [case(rng.normal(size=(3, 5)))], lambda x: -np.sort(-x)[:, :2])


@pytest.mark.parametrize("reverse", [False, True])
def test_nth_element(reverse, rng):
    def reference(x, n, reverse):
        return np.sort(x)[..., -1 - n if reverse else n]

    check_op(
        ow.nth_element,
        [case(rng.normal(size=(2, 3, 6)), n=n, reverse=reverse) for n in (0, 2, 5)],
        reference,
        second_order=False,
    )


@pytest.mark.parametrize("axis", [0, -1])
def test_pick_and_place(axis, rng):
    x = rng.normal(size=(4, 3))
    indices = rng.integers(0, x.shape[axis], (2, 3) if axis == 0 else (4, 5))
    check_op(ow.pick_along, [case(x, indices, axis=axis)], lambda x, i, axis: np.take_along_axis(x, i, axis))
    with pytest.raises(OutOfRangeError, match=r"\[pick_along\] indices must lie in \[0, 3\), got -1"):
        ow.pick_along(x, np.full((4, 1), -1), 1)


def test_errors():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ArgumentError, match=r"\[sort\] direction must be 'ASCENDING' or 'DESCENDING', got 'UP'"):
        ow.sort(x, direction="UP")
    with pytest.raises(ShapeError, match=r"\[sort\] axis must lie in \[-2, 2\), got 2"):
        ow.sort(x, 2)
    with pytest.raises(ShapeError, match=r"\[top_k\] k must lie in \[0, 3\], got 4"):
        ow.top_k(x, 4)
    with pytest.raises(ShapeError, match=r"\[nth_element\] n must lie in \[0, 3\), got 3"):
        ow.nth_element(x, 3)
