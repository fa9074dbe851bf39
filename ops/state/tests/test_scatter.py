"""Slices of variables written in place, against loops in NumPy."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import InvalidArgumentError, OutOfRangeError, ShapeError

WRITES = {
    "update": lambda x, u: u,
    "add": lambda x, u: x + u,
    "sub": lambda x, u: x - u,
    "mul": lambda x, u: x * u,
    "div": lambda x, u: x / u,
    "min": np.minimum,
    "max": np.maximum,
}


def expected(start, indices, updates, write):
    x = start.copy()
    for at in np.ndindex(np.shape(indices)):
        i = indices[at]
        x[i] = write(x[i], updates if np.ndim(updates) == 0 else updates[at])
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8"])
@pytest.mark.parametrize("name", WRITES)
def test_rows(session, rng, name, dtype):
    start = rng.integers(1, 9, (7, 3)).astype(dtype)
    write = WRITES[name] if dtype[0] == "f" or name != "div" else lambda x, u: x // u  # positive: // truncates too
    for indices in (np.array([3, 0, 3, 6, 3]), np.array([[1, 1], [5, 2]], np.int32), np.array(4), np.zeros((0,), int)):
        for updates in (rng.integers(1, 4, (*indices.shape, 3)).astype(dtype), np.array(2, dtype)):
            v = ow.Variable(start)
            session.run(v.initializer)
            got = session.run(getattr(ow, f"scatter_{name}")(v, indices, updates))
            want = expected(start, indices, updates, write)
            # One rounding of float32 a row, at most 4 of them.
            np.testing.assert_allclose(got, want, rtol=5e-7 if dtype == "float32" else 1e-15)
            np.testing.assert_array_equal(session.run(v), got)


def test_update_takes_every_dtype(session):
    for dtype in ("bool", "float16", "bfloat16", "uint8", "int64"):
        v = ow.Variable(ow.cast(ow.constant([0, 0, 0]), dtype))
        session.run(v.initializer)
        got = session.run(ow.scatter_update(v, [2, 0], ow.cast(ow.constant([1, 1]), dtype)))
        assert got.tolist() == [1, 0, 1]


def test_many_wide_rows_are_done_in_chunks_in_order(session, rng):
    start = rng.normal(size=(500, 640))
    indices = rng.integers(0, 500, 2000)
    updates = rng.normal(size=(2000, 640))
    v = ow.Variable(start)
    session.run(v.initializer)
    want = start.copy()
    np.add.at(want, indices, updates)
    np.testing.assert_allclose(session.run(ow.scatter_add(v, indices, updates)), want, rtol=1e-13, atol=1e-13)
    last = {int(i): j for j, i in enumerate(indices)}
    got = session.run(ow.scatter_update(v, indices, updates))
    for i, j in last.items():
        np.testing.assert_array_equal(got[i], updates[j])


@pytest.mark.parametrize("name", ["update", "add", "sub"])
def test_nd(session, rng, name):
    start = rng.normal(size=(4, 3, 2))
    for depth in (1, 2, 3):
        indices = np.stack([rng.integers(0, n, (2, 5)) for n in start.shape[:depth]], -1)
        updates = rng.normal(size=(2, 5, *start.shape[depth:]))
        want = start.copy()
        for at in np.ndindex(2, 5):
            i = tuple(indices[at])
            want[i] = WRITES[name](want[i], updates[at])
        v = ow.Variable(start)
        session.run(v.initializer)
        got = session.run(getattr(ow, f"scatter_nd_{name}")(v, indices, updates))
        np.testing.assert_allclose(got, want, rtol=1e-15)


@pytest.mark.parametrize("bad", [4, -1, 2**31])
@pytest.mark.parametrize("name", ["scatter_add", "scatter_update", "scatter_nd_sub"])
def test_a_bad_index_leaves_the_variable_as_it_was(session, name, bad):
    start = np.arange(4.0 * 40).reshape(4, 40)
    v = ow.Variable(start)
    session.run(v.initializer)
    indices = ow.placeholder("int64", [3, 1] if "nd" in name else [3])
    write = getattr(ow, name)(v, indices, np.ones((3, 40)))
    with pytest.raises(OutOfRangeError, match=rf"\[{name}\] indices must lie in \[0, 4\) in dimension 0, got {bad}"):
        session.run(write, {indices: np.reshape([0, 1, bad], indices.shape.as_list())})
    np.testing.assert_array_equal(session.run(v), start)


def test_integers_are_not_divided_by_0(session):
    v = ow.Variable([4, 6])
    session.run(v.initializer)
    with pytest.raises(InvalidArgumentError, match="updates must not be 0 where integers are divided"):
        session.run(ow.scatter_div(v, [0, 1], [2, 0]))
    assert session.run(v).tolist() == [4, 6]


def test_shapes_are_checked_when_the_graph_is_built(graph):
    v = ow.Variable(np.zeros((4, 3), np.float32))
    with pytest.raises(ShapeError, match=r"\[scatter_add\] updates must have shape \(2, 3\), or none, got \(2,\)"):
        ow.scatter_add(v, [0, 1], [1.0, 2.0])
    with pytest.raises(ShapeError, match="ref must have at least 1 dimension"):
        ow.scatter_add(ow.Variable(1.0), [0], [1.0])
    with pytest.raises(ShapeError, match=r"\[scatter_nd_add\] indices must name at most 2 dimensions of ref, got 3"):
        ow.scatter_nd_add(v, [[0, 0, 0]], [1.0])
    with pytest.raises(ShapeError, match=r"\[scatter_nd_add\] updates must have shape \(1, 3\), got \(3,\)"):
        ow.scatter_nd_add(v, [[0]], [1.0, 2.0, 3.0])


def test_methods_take_indexed_slices_eagerly_too(session):
    delta = ow.IndexedSlices(np.array([[1.0], [2.0]], np.float32), [0, 2])
    v = ow.Variable(np.ones((3, 1), np.float32))
    session.run(v.initializer)
    assert session.run(v.scatter_add(delta)).ravel().tolist() == [2, 1, 3]
    with pytest.raises(TypeError, match=r"\[scatter_add\] sparse_delta must be an IndexedSlices"):
        v.scatter_add([1.0])


def test_eager_methods():
    v = ow.Variable(np.full((3, 1), 8.0, np.float32))
    delta = ow.IndexedSlices(np.array([[2.0], [4.0]], np.float32), [0, 2])
    steps = {"sub": [6, 8, 4], "mul": [12, 8, 16], "div": [6, 8, 4], "add": [8, 8, 8], "min": [2, 8, 4]}
    for name, want in {**steps, "max": [2, 8, 4], "update": [2, 8, 4]}.items():
        assert getattr(v, f"scatter_{name}")(delta) is v
        assert v.numpy().ravel().tolist() == want, name
    assert v.scatter_nd_add([[1]], [[1.0]]).scatter_nd_sub([[0]], [[1.0]]).numpy().ravel().tolist() == [1, 9, 4]
    with pytest.raises(OutOfRangeError, match="got 3"):
        v.scatter_nd_update([[3]], [[1.0]])
    assert v.numpy().ravel().tolist() == [1, 9, 4]
