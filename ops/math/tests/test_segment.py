"""Segment ops: values, dropped and empty segments, every dtype, gradients, ids that are only known when a step runs."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import InvalidArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_gradient, check_op

COMBINE = {"sum": (np.add, 0.0), "prod": (np.multiply, 1.0), "max": (np.maximum, None), "min": (np.minimum, None)}


def _unsorted(kind, dtype=np.float64):
    ufunc, start = COMBINE[kind]
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    start = {"max": limits.min, "min": limits.max}.get(kind, start)

    def reference(data, ids, n):
        y = np.full((int(n), *data.shape[ids.ndim :]), start, data.dtype)
        for i in np.ndindex(ids.shape):
            if ids[i] >= 0:
                y[ids[i]] = ufunc(y[ids[i]], data[i])
        return y

    return reference


@pytest.mark.parametrize("kind", COMBINE)
def test_unsorted(kind, rng):
    cases = [
        case(rng.normal(size=(5, 3)), np.array([2, 0, -1, 2, 1]), np.array(3)),
        case(rng.normal(size=(2, 3)), np.array([[1, 1, 0], [-2, 1, 1]], np.int32), np.array(2, np.int32)),
        case(rng.normal(size=(3, 40)), np.array([0, 0, 1]), np.array(2)),
        case(rng.normal(size=(0, 2)), np.zeros(0, np.int64), np.array(0)),
    ]
    check_op(getattr(ow, f"unsorted_segment_{kind}"), cases, _unsorted(kind), dtypes=("float64",))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize("kind", COMBINE)
def test_dtypes_and_empty_segments(kind, dtype, rng):
    data = rng.integers(1, 4, (7, 2, 3)).astype(dtype)
    ids = np.array([4, 1, 1, -1, 4, 0, 4])
    found = np.asarray(getattr(ow, f"unsorted_segment_{kind}")(data, ids, 6))
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found, _unsorted(kind, dtype)(data, ids, 6))


def test_16_bit_floats_are_rounded_once():
    half = ow.constant(np.array([1.0] + [2.0**-11] * 8, np.float32), "float16")
    assert float(ow.unsorted_segment_sum(half, np.zeros(9, np.int32), 1)[0]) == 1 + 2.0**-8


@pytest.mark.parametrize(("name", "power"), [("mean", 1.0), ("sqrt_n", 0.5)])
def test_divided_sums(name, power, rng):
    def reference(data, ids, n):
        counts = np.bincount(ids[ids >= 0], minlength=int(n)).clip(1).reshape(-1, 1)
        return _unsorted("sum")(data, ids, n) / counts**power

    cases = [case(rng.normal(size=(5, 3)), np.array([2, 0, -1, 2, 0]), np.array(4))]
    check_op(getattr(ow, f"unsorted_segment_{name}"), cases, reference)


SORTED = np.array([0, 0, 1, 3, 3])


@pytest.mark.parametrize("kind", ["sum", "mean", "prod", "max", "min"])
def test_sorted(kind, rng):
    combine = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min}[kind]

    def reference(data, ids):
        n = ids[-1] + 1 if len(ids) else 0
        empty = np.full(data.shape[1:], 1.0 if kind == "prod" else 0.0)
        rows = [combine(data[ids == i], 0) if (ids == i).any() else empty for i in range(n)]
        return np.array(rows).reshape(n, *data.shape[1:])

    cases = [
        case(rng.normal(size=(5, 2)), SORTED),
        case(rng.normal(size=5), np.array([0, 1, 1, 2, 2], np.int32)),
        case(rng.normal(size=(0, 2)), np.zeros(0, np.int64)),
    ]
    check_op(getattr(ow, f"segment_{kind}"), cases, reference)


@pytest.mark.parametrize(("name", "power"), [("sum", 0.0), ("mean", 1.0), ("sqrt_n", 0.5)])
def test_sparse(name, power, rng):
    indices = np.array([3, 1, 1, 0, 2])

    def reference(data, indices, ids):
        return _unsorted("sum")(data[indices], ids, 4) / np.bincount(ids, minlength=4).clip(1).reshape(-1, 1) ** power

    check_op(getattr(ow, f"sparse_segment_{name}"), [case(rng.normal(size=(4, 2)), indices, SORTED)], reference)


@pytest.mark.parametrize("kind", ["max", "min"])
def test_ties_share_the_gradient(kind):
    x = ow.constant([1.0, 3.0, 3.0, 1.0, 1.0])
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = getattr(ow, f"unsorted_segment_{kind}")(x, np.array([0, 0, 0, 1, 1]), 3)
    want = [0, 0.5, 0.5, 0.5, 0.5] if kind == "max" else [1, 0, 0, 0.5, 0.5]
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, x)), want)


def test_prod_gradient_with_zeros(rng):
    x = np.array([[2.0, 0.0], [0.0, 0.0], [3.0, 1.5], [-1.0, 0.0]])
    ids = np.array([0, 0, 0, 1])
    check_gradient(lambda v: ow.unsorted_segment_prod(v, ids, 2), [x], second_order=False)
    one = np.array([[2.0, 0.0], [0.0, 2.5], [3.0, 1.5], [-1.0, 0.0]])
    check_gradient(lambda v: ow.unsorted_segment_prod(v, ids, 2), [one])


def test_errors():
    data = np.ones((3, 2), np.float32)
    with pytest.raises(OutOfRangeError, match=r"segment_ids must be below num_segments = 2, got 2"):
        ow.unsorted_segment_sum(data, [0, 2, 1], 2)
    with pytest.raises(InvalidArgumentError, match=r"segment_ids must be sorted and not negative, got 0 after 1"):
        ow.segment_sum(data, [0, 1, 0])
    with pytest.raises(InvalidArgumentError, match=r"segment_ids must be sorted and not negative, got -1 after 0"):
        ow.segment_max(data, [-1, 0, 0])
    with pytest.raises(ShapeError, match=r"the shape of data must begin with that of segment_ids, \(2,\), got shape"):
        ow.unsorted_segment_max(data, [0, 1], 2)
    with pytest.raises(ShapeError, match=r"\[unsorted_segment_min\] num_segments must not be negative, got -1"):
        ow.unsorted_segment_min(data, [0, 1, 1], -1)
