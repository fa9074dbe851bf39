"""moments against NumPy: at once, and step by step in a graph."""

import numpy as np
import opwright as ow
import pytest

op = ow.running.moments


def reference(mean, variance, x, decay):
    return decay * mean + (1 - decay) * x.mean(axis=0), decay * variance + (1 - decay) * x.var(axis=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_at_once(rng, dtype):
    start, x = rng.normal(size=(2, 5)).astype(dtype), rng.normal(10, 1, size=(7, 5)).astype(dtype)
    mean, variance = ow.Variable(start[0]), ow.Variable(start[1])
    op(mean, variance, x, decay=0.75)
    np.testing.assert_allclose([mean.numpy(), variance.numpy()], reference(*start, x, 0.75), rtol=1e-5)


def test_in_a_graph(rng):
    with ow.Graph().as_default(), ow.Session() as session:
        mean, variance = ow.Variable(np.zeros(300)), ow.Variable(np.ones(300))
        x = ow.placeholder("float64", [None, 300])
        updated = op(mean, variance, x, decay=0.5)
        session.run(ow.global_variables_initializer())
        want = np.zeros(300), np.ones(300)
        for rows in (1, 2, 33):
            batch = rng.normal(size=(rows, 300))
            want = reference(*want, batch, 0.5)
            np.testing.assert_allclose(session.run(updated, {x: batch}), want)
        np.testing.assert_allclose(session.run([mean, variance]), want)


def test_what_is_read_comes_before_what_is_written():
    with ow.Graph().as_default(), ow.Session() as session:
        mean, variance = ow.Variable([4.0]), ow.Variable([2.0])
        x = ow.constant([[1.0], [3.0]])
        normed = (x - mean) / ow.sqrt(variance)
        session.run(ow.global_variables_initializer())
        found, _ = session.run([normed, op(mean, variance, x, decay=0.0)[0].op])
        np.testing.assert_allclose(found, [[-3 / np.sqrt(2)], [-1 / np.sqrt(2)]], rtol=1e-6)
        np.testing.assert_allclose(session.run([mean, variance]), [[2], [1]])


def test_what_is_no_variable_is_refused():
    with pytest.raises(TypeError, match="mean must be a variable"):
        op(np.zeros(2), np.ones(2), np.zeros((3, 2)))


def test_bad_values_are_refused():
    mean, variance = ow.Variable([0.0, 0.0]), ow.Variable([1.0, 1.0])
    with pytest.raises(ValueError, match=r"decay must lie between 0 and 1, got 1\.5"):
        op(mean, variance, np.zeros((3, 2), np.float32), decay=1.5)
    with pytest.raises(ValueError, match="x must have a row"):
        op(mean, variance, np.zeros((0, 2), np.float32))
