"""range, linspace, one_hot, sequence_mask, meshgrid."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op, run_in_graph


@pytest.mark.parametrize(
    ("bounds", "dtype"),
    [
        ((5,), "int32"),
        ((3, 18, 3), "int32"),
        ((3, 18, 4), "int32"),
        ((3, 1, -1), "int32"),
        ((0,), "int32"),
        ((1, 2, 0.25), "float32"),
        ((3.0, 1.0, -0.5), "float32"),
        ((np.int64(3), 6), "int64"),
        ((0.0, np.float64(1), 0.1), "float64"),
    ],
)
def test_range(bounds, dtype):
    want = np.arange(*bounds)
    made = ow.range(*bounds)
    assert made.dtype.name == dtype
    np.testing.assert_allclose(made.numpy(), want.astype(dtype), rtol=1e-7)  # rounding of one multiplication
    arrays = [np.asarray(b, np.int32 if isinstance(b, int) else None) for b in bounds]
    (fed,) = run_in_graph(ow.range, arrays, {}, "float64")
    np.testing.assert_allclose(fed, want, rtol=1e-15)


def test_range_follows_dtypes_and_sizes(session):
    n = ow.placeholder("int64", [])
    assert ow.range(0, n).dtype.name == "int64"
    assert ow.range(3, dtype="float16").dtype.name == "float16"
    assert ow.range(ow.constant(2), 4.0).dtype.name == "float32"
    x = ow.placeholder("float32", [None, 3])
    assert ow.range(ow.shape(x)[1]).shape == (3,)
    large = ow.range(0, 200_000, 2)
    np.testing.assert_array_equal(session.run(large), np.arange(0, 200_000, 2))
    assert session.run(ow.range(n), {n: 4}).tolist() == [0, 1, 2, 3]
    with pytest.raises(ow.OpwrightError, match=r"\[range\] delta must not be 0"):
        ow.range(0, 3, 0)
    with pytest.raises(ow.OpwrightError, match=r"\[range\] limit must lie behind start 3 by steps of 1, got 0"):
        ow.range(3, 0)


def test_linspace(rng):
    check_op(
        ow.linspace,
        [case(rng.normal(), rng.normal(), num=n) for n in (1, 2, 5)]
        + [case(rng.normal(size=3), rng.normal(size=3), num=4, axis=a) for a in (0, -1)],
        lambda start, stop, num, axis=0: np.linspace(start, stop, num, axis=axis),
    )
    assert ow.linspace(0, 10, 3).numpy().tolist() == [0, 5, 10]
    with pytest.raises(ow.OpwrightError, match="num must be positive, got 0"):
        ow.linspace(0.0, 1.0, 0)


def _one_hot(indices, depth, on_value=1.0, off_value=0.0, axis=-1):
    hit = np.expand_dims(indices, -1) == np.arange(depth)
    return np.moveaxis(np.where(hit, on_value, off_value), -1, axis)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "int64"])
def test_one_hot(kind):
    indices = np.array([[0, 2, 5], [1, 0, 2]]).astype(kind)
    for axis in (-1, 0, 1):
        np.testing.assert_array_equal(ow.one_hot(indices, 3, axis=axis).numpy(), _one_hot(indices, 3, axis=axis))


def test_one_hot_values(rng):
    indices = np.array([1, -1, 0, 4])
    check_op(
        lambda i, on, off, depth, axis=-1: ow.one_hot(i, depth, on, off, axis),
        [case(indices, rng.normal(), rng.normal(), depth=3), case(indices[:0], 1.5, 0.0, depth=3, axis=0)],
        lambda i, on, off, depth, axis=-1: _one_hot(i, depth, on, off, axis),
        dtypes=("float32", "float64", "float16", "bfloat16"),
    )
    assert ow.one_hot([1], 2, dtype="bool").numpy().tolist() == [[False, True]]
    assert ow.one_hot([1], 2, on_value=5, off_value=-1).numpy().tolist() == [[-1, 5]]
    assert ow.one_hot([1], 0).shape == (1, 0)


def test_one_hot_of_a_size_known_at_run_time(session):
    i, depth = ow.placeholder("int64", [None]), ow.placeholder("int64", [])
    made = ow.one_hot(i, depth)
    assert made.shape == (None, None)
    np.testing.assert_array_equal(session.run(made, {i: [1, 0], depth: 4}), np.eye(4)[[1, 0]])
    with pytest.raises(ow.OpwrightError, match=r"depth must not be negative, got -1"):
        ow.one_hot(i, -1)


def test_no_gradient_passes_through_indices(session):
    x = ow.placeholder("float32", [3])
    y = ow.reduce_sum(ow.one_hot(ow.cast(x, "int32"), 3) * ow.reshape(x, [3, 1]))
    (dx,) = ow.gradients(y, x)
    assert session.run(dx, {x: [0, 1, 7]}).tolist() == [1, 1, 0]


def test_sequence_mask(session):
    lengths = np.array([[0, 2], [3, 1]])
    want = np.arange(3) < lengths[..., None]
    fed = ow.placeholder("int32", [None, None])
    made = [ow.sequence_mask(fed), ow.sequence_mask(fed, 2), ow.sequence_mask(fed, ow.size(fed), "float32")]
    assert [str(m.shape) for m in made] == ["(?, ?, ?)", "(?, ?, 2)", "(?, ?, ?)"]
    found = session.run(made, {fed: lengths})
    for got, expected in zip(found, [want, want[..., :2], np.arange(4) < lengths[..., None]], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert found[2].dtype == np.float32
    assert session.run(ow.sequence_mask(fed), {fed: np.zeros((1, 0), np.int32)}).size == 0


def test_meshgrid(rng):
    vectors = [rng.normal(size=n) for n in (2, 3, 4)]
    for indexing in ("xy", "ij"):
        check_op(
            lambda *v, indexing: ow.meshgrid(*v, indexing=indexing),
            [case(*vectors, indexing=indexing), case(*vectors[:1], indexing=indexing)],
            lambda *v, indexing: np.meshgrid(*v, indexing=indexing),
        )
    with pytest.raises(ow.OpwrightError, match="indexing must be 'xy' or 'ij', got 'yx'"):
        ow.meshgrid([1], indexing="yx")
