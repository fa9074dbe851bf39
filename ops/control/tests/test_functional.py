"""map_fn, scan, foldl, foldr against Python's loops, and their gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError

X = np.linspace(-1, 2, 12).reshape(4, 3)


def both(build, *values):
    """What build gives eagerly, in a graph, and in a graph of unknown sizes."""
    eager = ow.nest.map_structure(lambda t: t.numpy(), build(*[ow.constant(v) for v in values]))
    for known in (True, False):
        with ow.Graph().as_default(), ow.Session() as session:
            shapes = [v.shape if known else [None, *v.shape[1:]] for v in values]
            feeds = [ow.placeholder(str(v.dtype), s) for v, s in zip(values, shapes, strict=True)]
            made = session.run(build(*feeds), dict(zip(feeds, values, strict=True)))
        for a, b in zip(ow.nest.flatten(made), ow.nest.flatten(eager), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    return eager


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_map_fn(rows):
    x = X[:rows]
    np.testing.assert_allclose(
        both(lambda x: ow.map_fn(lambda r: r * ow.reduce_sum(r), x), x), x * x.sum(1, keepdims=True)
    )


def test_map_fn_over_nests():
    y = np.arange(4)
    made = both(lambda x, y: ow.map_fn(lambda e: {"s": e[0] * 2, "n": e[1] + 1}, (x, y), fn_output_signature={"s": "float64", "n": "int64"}), X, y)  # fmt: skip
    np.testing.assert_array_equal(made["n"], y + 1)
    np.testing.assert_array_equal(made["s"], X * 2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("start", [None, np.ones(3)])
def test_scan(reverse, start):
    order = X[::-1] if reverse else X
    expected, a = [], start
    for row in order:
        a = row if a is None else a * 0.5 + row
        expected.append(a)
    expected = np.array(expected[::-1] if reverse else expected)
    np.testing.assert_allclose(
        both(lambda x: ow.scan(lambda a, r: a * 0.5 + r, x, start, reverse=reverse), X), expected
    )


def test_folds():
    left = right = np.zeros(3)
    for row in X:
        left = left * 2 + row
    for row in X[::-1]:
        right = right * 2 + row
    np.testing.assert_allclose(both(lambda x: ow.foldl(lambda a, r: a * 2 + r, x, np.zeros(3)), X), left)
    np.testing.assert_allclose(both(lambda x: ow.foldr(lambda a, r: a * 2 + r, x, np.zeros(3)), X), right)
    np.testing.assert_allclose(both(lambda x: ow.foldl(lambda a, r: a + r, x), X), X.sum(0))


@pytest.mark.parametrize(
    "build",
    [
        lambda x: ow.map_fn(lambda r: ow.tanh(r) * ow.reduce_sum(r * r), x),
        lambda x: ow.scan(lambda a, r: ow.sin(a) * r + a, x, x[0] * 2),
        lambda x: ow.scan(lambda a, r: ow.sin(a) * r, x, reverse=True),
        lambda x: ow.foldl(lambda a, r: a * ow.exp(r * 0.3), x, x[1]),
    ],
)
def test_gradients(build):
    with ow.Graph().as_default(), ow.Session() as session:
        p = ow.placeholder("float64", X.shape)
        y = ow.reduce_sum(build(p) ** 2)
        (dy,) = ow.gradients(y, [p])
        z = ow.reduce_sum(dy**2)
        found = session.run([dy, ow.gradients(z, [p])[0]], {p: X})
        for target, made in zip([y, z], found, strict=True):
            for i in np.ndindex(*X.shape):
                step = np.zeros_like(X)
                step[i] = 1e-5
                high, low = (float(session.run(target, {p: X + s})) for s in (step, -step))
                np.testing.assert_allclose(made[i], (high - low) / 2e-5, rtol=1e-5, atol=1e-6)


def test_errors():
    with pytest.raises(ShapeError, match=r"\[map_fn\] elems must have at least 1 dimension, got shape \(\)"):
        ow.map_fn(lambda x: x, ow.constant(1.0))
    with ow.Graph().as_default():
        x = ow.constant(X)
        with pytest.raises(ArgumentError, match=r"\[map_fn\] fn must return dtype float32 for output 0, got float64"):
            ow.map_fn(lambda r: r, x, dtype="float32")
        with pytest.raises(
            ArgumentError, match=r"\[scan\] fn must return what the initializer is like, dtype float64 and shape \(3,\)"
        ):
            ow.scan(lambda a, r: ow.reduce_sum(a), x)
