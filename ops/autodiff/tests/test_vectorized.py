"""vmap against a loop over the examples."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, GradientError, ShapeError

FUNCTIONS = {
    "elementwise": (lambda x: ow.sin(x) * 2.0 + x, [(4, 3)]),
    "ranks that broadcast": (lambda x, y: x + y, [(4, 3), (4, 2, 3)]),
    "a scalar each": (lambda x, y: x * y, [(4,), (4, 3)]),
    "softmax": (lambda x: ow.nn.softmax(x), [(4, 3)]),
    "softmax of an axis": (lambda x: ow.nn.softmax(x, axis=0), [(4, 3, 2)]),
    "all of it": (lambda x: ow.reduce_sum(x * x), [(4, 3, 2)]),
    "an axis": (lambda x: ow.reduce_max(x, axis=0), [(4, 3, 2)]),
    "the last axis": (lambda x: ow.reduce_mean(x, axis=-1, keepdims=True), [(4, 3, 2)]),
    "matmul": (lambda a, b: ow.matmul(a, b), [(4, 3, 2), (4, 2, 5)]),
    "reshape": (lambda x: ow.reshape(x, [-1]), [(4, 3, 2)]),
    "transpose": (lambda x: ow.transpose(x), [(4, 3, 2)]),
    "indexing": (lambda x: x[1:, 0], [(4, 3, 2)]),
    "concat": (lambda x, y: ow.concat([x, y], 0), [(4, 3), (4, 2)]),
    "several results": (lambda x: {"a": x + 1.0, "b": [ow.reduce_sum(x)]}, [(4, 3)]),
    "cumsum": (lambda x: ow.cumsum(x), [(4, 3)]),
    "squeeze": (lambda x: ow.squeeze(x), [(4, 3, 1, 2)]),
    "constant result": (lambda x: ow.ones([2]), [(4, 3)]),
    "argmax": (lambda x: ow.argmax(x, 0), [(4, 3)]),
}


def leaves(made):
    if isinstance(made, dict):
        return [leaf for v in made.values() for leaf in leaves(v)]
    return [leaf for v in made for leaf in leaves(v)] if isinstance(made, (list, tuple)) else [np.asarray(made)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vmap_is_a_loop(name, rng):
    f, shapes = FUNCTIONS[name]
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    found = leaves(ow.vmap(f)(*arrays))
    rows = [leaves(f(*[ow.constant(a[i]) for a in arrays])) for i in range(4)]
    for got, *want in zip(found, *rows, strict=True):
        np.testing.assert_allclose(got, np.stack(want), rtol=1e-5, atol=1e-6)


def test_axes(rng):
    x, w = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    found = ow.vmap(lambda a, m: ow.linalg.matvec(m, a), in_axes=(1, None), out_axes=1)(x, w)
    np.testing.assert_allclose(found, w @ x, rtol=1e-5)
    nested = ow.vmap(ow.vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))(x[:, 0], x[0])
    np.testing.assert_allclose(nested, np.outer(x[:, 0], x[0]), rtol=1e-6)
    np.testing.assert_allclose(ow.vectorized_map(lambda r: ow.reduce_sum(r), x), x.sum(1), rtol=1e-5)


def test_gradients_pass_through_a_batch(rng):
    x = ow.constant(rng.normal(size=(4, 3)).astype(np.float32))
    w = ow.Variable(np.ones(3, np.float32))
    with ow.GradientTape() as tape:
        y = ow.reduce_sum(ow.vmap(lambda r: ow.reduce_sum(r * w))(x))
    np.testing.assert_allclose(tape.gradient(y, w), np.asarray(x).sum(0), rtol=1e-5)


def test_a_gradient_for_each_example(rng):
    x = rng.normal(size=(4, 3)).astype(np.float32)
    found = ow.vmap(ow.grad(lambda r: ow.reduce_sum(r * r * r)))(x)
    np.testing.assert_allclose(found, 3 * x * x, rtol=1e-5)
    w = ow.constant([1.0, 2.0, 3.0])
    with pytest.raises(GradientError, match="a source must be a batch as the target is"):
        ow.vmap(lambda r: ow.grad(lambda v: ow.reduce_sum(v * r))(w))(x)
    repeated = ow.broadcast_to(w, [4, 3])
    np.testing.assert_allclose(ow.vmap(lambda r, v: ow.grad(lambda u: ow.reduce_sum(u * r))(v))(x, repeated), x)


def test_graphs(rng):
    x = rng.normal(size=(4, 3)).astype(np.float32)
    with ow.Graph().as_default(), ow.Session() as session:
        made = ow.vmap(lambda r: ow.nn.softmax(r)[1:])(ow.constant(x))
        assert made.shape == (4, 2)
        e = np.exp(x)
        np.testing.assert_allclose(session.run(made), (e / e.sum(1, keepdims=True))[:, 1:], rtol=1e-5)


def test_errors():
    with pytest.raises(ShapeError, match=r"batches of one size, got sizes \[2, 3\]"):
        ow.vmap(ow.add)([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match="must hold a batch, got none"):
        ow.vmap(ow.add, in_axes=None)(1.0, 2.0)
    with pytest.raises(ArgumentError, match="one item for each of 2 arguments"):
        ow.vmap(ow.add, in_axes=(0,))([1.0], [2.0])
    with pytest.raises(ShapeError, match="must be a dimension of each argument"):
        ow.vmap(ow.abs)(1.0)
    with pytest.raises(TypeError, match="no truth value of its own"):
        ow.vmap(lambda x: x if x > 0 else -x)([1.0, 2.0])
