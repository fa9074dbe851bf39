"""{{ cookiecutter.name }} against NumPy: at once, and step by step in a graph."""

import numpy as np
import opwright as ow
import pytest

op = ow.{{ cookiecutter.namespace }}.{{ cookiecutter.name }}


def reference(mean, x, decay):
    return decay * mean + (1 - decay) * x.mean(axis=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_at_once(rng, dtype):
    start, x = rng.normal(size=5).astype(dtype), rng.normal(size=(7, 5)).astype(dtype)
    mean = ow.Variable(start)
    op(mean, x, decay=0.75)
    np.testing.assert_allclose(mean.numpy(), reference(start, x, 0.75), rtol=1e-6)


def test_in_a_graph(rng):
    with ow.Graph().as_default(), ow.Session() as session:
        mean = ow.Variable(np.zeros(300))
        x = ow.placeholder("float64", [None, 300])
        updated = op(mean, x, decay=0.5)
        session.run(ow.global_variables_initializer())
        want = np.zeros(300)
        for rows in (1, 2, 33):
            batch = rng.normal(size=(rows, 300))
            want = reference(want, batch, 0.5)
            np.testing.assert_allclose(session.run(updated, {x: batch}), want)
        np.testing.assert_allclose(session.run(mean), want)


def test_what_is_no_variable_is_refused():
    with pytest.raises(TypeError, match="mean must be a variable"):
        op(np.zeros(2), np.zeros((3, 2)))


def test_bad_values_are_refused():
    mean = ow.Variable([0.0, 0.0])
    with pytest.raises(ValueError, match=r"decay must lie between 0 and 1, got 1\.5"):
        op(mean, np.zeros((3, 2), np.float32), decay=1.5)
    with pytest.raises(ValueError, match="x must have a row"):
        op(mean, np.zeros((0, 2), np.float32))
