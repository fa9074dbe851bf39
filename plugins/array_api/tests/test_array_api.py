"""The standard's functions against NumPy's of the same names."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError

xp = ow.array_api

A = np.array([[3.5, -1.25, 0.0], [2.0, 7.75, -0.5]], np.float32)
P = np.abs(A) / 8
INTS = np.array([[3, -1, 0], [2, 7, -5]], np.int32)
B = A > 0

UNARY = {
    name: P
    if name in ("acos", "asin", "atanh")
    else P + 1
    if name in ("acosh", "log", "log2", "log10", "sqrt", "reciprocal")
    else A
    for name in """abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor imag conj isfinite isinf isnan log log1p log2
    log10 negative positive real reciprocal round sign sin sinh sqrt square tan tanh trunc signbit""".split()
}
UNARY["log1p"] = P


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    found = getattr(xp, name)(xp.asarray(UNARY[name]))
    np.testing.assert_allclose(found, getattr(np, name)(UNARY[name]), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["ceil", "floor", "round", "trunc", "isfinite", "isinf", "isnan", "abs", "bitwise_invert"]
)
def test_unary_of_integers(name):
    assert np.array_equal(getattr(xp, name)(xp.asarray(INTS)), getattr(np, name)(INTS))


BINARY = """add atan2 copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp maximum minimum
multiply nextafter not_equal remainder subtract""".split()


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    other = np.array([1.5, -2.0, 0.5], np.float32)
    np.testing.assert_allclose(
        getattr(xp, name)(xp.asarray(A), xp.asarray(other)), getattr(np, name)(A, other), rtol=2e-6
    )


@pytest.mark.parametrize(
    "name", ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"]
)
def test_bits(name):
    other = np.array([1, 2, 3], np.int32)
    assert np.array_equal(getattr(xp, name)(xp.asarray(INTS), xp.asarray(other)), getattr(np, name)(INTS, other))


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic(name):
    assert np.array_equal(getattr(xp, name)(xp.asarray(B), xp.asarray(~B[::-1])), getattr(np, name)(B, ~B[::-1]))
    assert np.array_equal(xp.logical_not(xp.asarray(B)), ~B)


def test_promotion():
    double, byte, unsigned = xp.ones(2, dtype=xp.float64), xp.ones(2, dtype=xp.int8), xp.ones(2, dtype=xp.uint8)
    assert xp.add(xp.ones(2), double).dtype == xp.float64
    assert xp.multiply(byte, unsigned).dtype == xp.int16
    assert xp.add(xp.ones(2), 1).dtype == xp.float32
    assert xp.add(2, byte).dtype == xp.int8
    assert xp.concat([xp.ones(2), double]).dtype == xp.float64
    assert xp.result_type(xp.int32, byte) == xp.int32
    assert xp.can_cast(xp.float32, xp.float64)
    assert not xp.can_cast(xp.float64, xp.float32)
    assert not xp.can_cast(xp.int32, xp.float32)
    with pytest.raises(DTypeError, match="dtypes must be of one kind, got float32, int8"):
        xp.add(byte, xp.ones(2))
    with pytest.raises(ArgumentError, match="must be given, got none"):
        xp.result_type()


def test_dtypes():
    assert xp.isdtype(xp.int8, "signed integer")
    assert xp.isdtype(xp.uint8, ("bool", "unsigned integer"))
    assert not xp.isdtype(xp.float32, "integral")
    assert xp.isdtype(xp.bool, xp.bool)
    assert (xp.iinfo(xp.int8).min, xp.iinfo(xp.int8).max, xp.iinfo(xp.int8).bits) == (-128, 127, 8)
    info = xp.finfo(xp.float32)
    assert (info.bits, info.eps, info.max) == (32, float(np.finfo(np.float32).eps), float(np.finfo(np.float32).max))
    assert xp.finfo(xp.bfloat16).eps == 2.0**-7
    assert xp.astype(xp.asarray(A), xp.int32).dtype == xp.int32
    assert xp.pi == np.pi
    assert xp.isnan(xp.asarray(xp.nan))


def test_creation():
    for found, want in (
        (xp.arange(5), np.arange(5)),
        (xp.arange(1, 2, 0.25), np.arange(1, 2, 0.25)),
        (xp.linspace(0, 1, 5, endpoint=False), np.linspace(0, 1, 5, endpoint=False)),
        (xp.full((2, 3), 7), np.full((2, 3), 7)),
        (xp.full_like(xp.asarray(INTS), 2), np.full_like(INTS, 2)),
        (xp.zeros(3), np.zeros(3)),
        (xp.empty((2,)), np.zeros(2)),
        (xp.ones((2, 0)), np.ones((2, 0))),
        (xp.zeros_like(xp.asarray(INTS)), np.zeros_like(INTS)),
        (xp.empty_like(xp.asarray(INTS)), np.zeros_like(INTS)),
        (xp.ones_like(xp.asarray(INTS), dtype=xp.float64), np.ones_like(INTS, float)),
        (xp.eye(2, 3, k=1), np.eye(2, 3, 1)),
        (xp.tril(xp.asarray(A), k=-1), np.tril(A, -1)),
        (xp.triu(xp.asarray(A), k=1), np.triu(A, 1)),
    ):
        assert found.shape == want.shape
        np.testing.assert_allclose(found, want)
    assert np.array_equal(xp.meshgrid(xp.arange(2), xp.arange(3))[1], np.meshgrid(np.arange(2), np.arange(3))[1])
    assert np.shares_memory(xp.asarray(A).storage, A)
    assert not np.shares_memory(xp.asarray(A, copy=True).storage, A)
    assert np.shares_memory(xp.from_dlpack(A).storage, A)
    assert xp.asarray([1, 2], dtype=xp.float64).dtype == xp.float64


def test_manipulation():
    x, n = xp.asarray(A), A
    cube, ncube = xp.reshape(xp.arange(24), (2, 3, 4)), np.arange(24).reshape(2, 3, 4)
    for found, want in (
        (xp.permute_dims(cube, (2, 0, -2)), ncube.transpose(2, 0, 1)),
        (xp.matrix_transpose(cube), ncube.swapaxes(1, 2)),
        (xp.moveaxis(cube, 0, -1), np.moveaxis(ncube, 0, -1)),
        (xp.moveaxis(cube, (0, 1), (-1, 0)), np.moveaxis(ncube, (0, 1), (-1, 0))),
        (xp.expand_dims(x, axis=1), n[:, None]),
        (xp.squeeze(xp.expand_dims(x, axis=0), 0), n),
        (xp.broadcast_to(x, (2, 2, 3)), np.broadcast_to(n, (2, 2, 3))),
        (xp.concat([x, x], axis=1), np.concatenate([n, n], 1)),
        (xp.concat([x, x], axis=None), np.concatenate([n, n], None)),
        (xp.stack([x, x], axis=-1), np.stack([n, n], -1)),
        (xp.unstack(x, axis=1)[2], n[:, 2]),
        (xp.flip(x), np.flip(n)),
        (xp.flip(x, axis=1), np.flip(n, 1)),
        (xp.roll(x, 2), np.roll(n, 2)),
        (xp.roll(x, (1, -1), axis=(0, 1)), np.roll(n, (1, -1), (0, 1))),
        (xp.repeat(x, 2, axis=0), np.repeat(n, 2, 0)),
        (xp.tile(x, (2, 1, 2)), np.tile(n, (2, 1, 2))),
        (xp.take(x, xp.asarray([2, 0]), axis=1), n.take([2, 0], 1)),
        (xp.take_along_axis(x, xp.asarray([[0], [2]])), np.take_along_axis(n, np.array([[0], [2]]), -1)),
        (xp.broadcast_arrays(x, xp.ones(3))[1], np.ones((2, 3))),
        (xp.where(xp.asarray(B), x, 0.0), np.where(B, n, 0)),
        (xp.clip(x, -1, 2), n.clip(-1, 2)),
    ):
        assert found.shape == want.shape
        assert np.array_equal(found, want)


def test_products():
    x, v = xp.asarray(A), xp.asarray([1.0, 2.0, 3.0])
    np.testing.assert_allclose(xp.matmul(x, xp.matrix_transpose(x)), A @ A.T, rtol=1e-6)
    np.testing.assert_allclose(xp.matmul(x, v), A @ [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(xp.matmul(v, xp.matrix_transpose(x)), A @ [1, 2, 3], rtol=1e-6)
    assert float(xp.matmul(v, v)) == 14.0
    np.testing.assert_allclose(xp.vecdot(x, v), A @ [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(xp.tensordot(x, x, axes=2), np.tensordot(A, A, 2), rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["sum", "prod", "max", "min", "mean", "var", "std", "all", "any", "argmax", "argmin", "count_nonzero"]
)
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_reductions(name, axis):
    for keepdims in (False, True):
        found, want = (
            getattr(space, name)(x, axis=axis, keepdims=keepdims) for space, x in ((xp, xp.asarray(A)), (np, A))
        )
        assert found.shape == np.shape(want)
        np.testing.assert_allclose(found, want, rtol=1e-6)


def test_more_reductions():
    x = xp.asarray(A)
    np.testing.assert_allclose(xp.std(x, axis=0, correction=1), np.std(A, axis=0, ddof=1), rtol=1e-6)
    assert xp.sum(xp.asarray(INTS, dtype=xp.int8)).dtype == xp.int64
    assert xp.sum(x, dtype=xp.float64).dtype == xp.float64
    np.testing.assert_allclose(xp.cumulative_sum(x, axis=1), np.cumsum(A, 1))
    assert xp.cumulative_sum(xp.arange(4), include_initial=True).tolist() == [0, 0, 1, 3, 6]
    with pytest.raises(ArgumentError, match="axis must be given"):
        xp.cumulative_sum(x)


def test_searching_and_sets():
    x = xp.asarray(INTS)
    for found, want in zip(xp.nonzero(x), np.nonzero(INTS), strict=True):
        assert np.array_equal(found, want)
    assert xp.sort(x, axis=1, descending=True).tolist() == np.sort(INTS, 1)[:, ::-1].tolist()
    assert xp.argsort(x, axis=0).tolist() == np.argsort(INTS, 0).tolist()
    assert xp.searchsorted(xp.arange(5), xp.asarray([[1, 7]]), side="right").tolist() == [[2, 5]]
    doubled = np.array([[3, 1, 3], [7, 1, 3]])
    values, indices, inverse, counts = np.unique(doubled, True, True, True)
    found = xp.unique_all(xp.asarray(doubled))
    assert found.values.tolist() == values.tolist() == xp.unique_values(xp.asarray(doubled)).tolist()
    assert found.indices.tolist() == indices.tolist()
    assert found.inverse_indices.tolist() == inverse.reshape(doubled.shape).tolist()
    assert found.counts.tolist() == counts.tolist() == xp.unique_counts(xp.asarray(doubled)).counts.tolist()
    assert xp.unique_inverse(xp.asarray(doubled)).inverse_indices.shape == (2, 3)


def test_the_namespace_of_a_tensor():
    assert xp.asarray(A).__array_namespace__().sum is xp.sum
