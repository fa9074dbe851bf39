"""unique, unique_with_counts, setdiff1d, searchsorted."""

import numpy as np
import opwright as ow
import pytest

DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8")


def _unique(x):
    """In the order of first occurrence."""
    _, first, counts = np.unique(x, return_index=True, return_counts=True)
    order = np.argsort(first)
    y = x[np.sort(first)]
    return y, np.array([int(np.flatnonzero(y == v)[0]) for v in x], int), counts[order]


@pytest.mark.parametrize("dtype", DTYPES)
def test_unique(rng, session, dtype):
    x = ow.placeholder(dtype, [None])
    y, idx, count = ow.unique_with_counts(x)
    made = [y, idx, count, ow.gather(y, idx), ow.unique(x, "int64").idx]
    for n in (0, 1, 7, 300):
        value = rng.integers(0, 40, n).astype(dtype if dtype != "bfloat16" else "float32")
        found = session.run(made, {x: value})
        for got, want in zip(found, [*_unique(value), value, _unique(value)[1]], strict=True):
            np.testing.assert_array_equal(got, want)
    assert found[4].dtype == np.int64
    assert y.shape == (None,)


def test_unique_keeps_nans_apart_and_zeros_together():
    y, idx = ow.unique(np.array([0.0, np.nan, -0.0, np.nan, 1.0]))
    np.testing.assert_array_equal(y.numpy(), [0, np.nan, np.nan, 1])
    assert idx.numpy().tolist() == [0, 1, 0, 2, 3]
    assert ow.unique([True, False, True]).y.numpy().tolist() == [True, False]
    with pytest.raises(ow.OpwrightError, match=r"\[unique_values\] x must have 1 dimension, got shape \(1, 1\)"):
        ow.unique([[1]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_setdiff1d(rng, dtype):
    kind = dtype if dtype != "bfloat16" else "float32"
    for n, k in ((20, 10), (0, 3), (3, 0)):
        x, y = rng.integers(0, 12, n).astype(kind), rng.integers(0, 12, k).astype(kind)
        keep = ~np.isin(x, y)
        out, idx = ow.setdiff1d(ow.cast(x, dtype), ow.cast(y, dtype))
        np.testing.assert_array_equal(out.numpy(), x[keep])
        np.testing.assert_array_equal(idx.numpy(), np.flatnonzero(keep))
    assert ow.listdiff([1, 2], [2], "int64").idx.dtype.name == "int64"


@pytest.mark.parametrize("dtype", DTYPES)
def test_searchsorted(rng, dtype):
    kind = dtype if dtype != "bfloat16" else "float32"
    rows, values = np.sort(rng.integers(0, 20, (3, 15))).astype(kind), rng.integers(0, 21, (3, 8)).astype(kind)
    for side in ("left", "right"):
        want = [np.searchsorted(r, v, side) for r, v in zip(rows, values, strict=True)]
        found = ow.searchsorted(ow.cast(rows, dtype), ow.cast(values, dtype), side)
        np.testing.assert_array_equal(found.numpy(), want)
    np.testing.assert_array_equal(ow.lower_bound(rows[0], values[0]).numpy(), np.searchsorted(rows[0], values[0]))
    upper = ow.upper_bound(rows[0], values[0], "int64")
    np.testing.assert_array_equal(upper.numpy(), np.searchsorted(rows[0], values[0], "right"))


def test_searchsorted_sizes_and_errors():
    assert ow.searchsorted(np.zeros((2, 0)), np.ones((2, 3))).numpy().tolist() == [[0] * 3] * 2
    assert ow.searchsorted([1.0], np.zeros(0, np.float32)).shape == (0,)
    with pytest.raises(ow.OpwrightError, match=r"side must be 'left' or 'right', got 'up'"):
        ow.searchsorted([1.0], [1.0], "up")
    with pytest.raises(ow.OpwrightError, match="searchsorted"):
        ow.searchsorted(np.zeros((2, 3)), np.zeros((3, 3)))
