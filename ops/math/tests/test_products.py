"""Products made of matmul and multiply: NumPy's values, gradients, unknown sizes, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op


@pytest.mark.parametrize("transpose", [False, True])
def test_matvec(transpose, rng):
    def reference(a, b):
        return (np.swapaxes(a, -1, -2) if transpose else a) @ b[..., None]

    cases = [
        case(rng.normal(size=(3, 2) if transpose else (2, 3)), rng.normal(size=3)),
        case(rng.normal(size=(2, 3, 2) if transpose else (2, 2, 3)), rng.normal(size=(4, 1, 3))),
    ]
    check_op(lambda a, b: ow.linalg.matvec(a, b, transpose), cases, lambda a, b: reference(a, b)[..., 0])


@pytest.mark.parametrize("axes", [0, 1, 2, [[0, 1], [1, 0]], [[2], [0]], [-1, 0], [[], []]])
def test_tensordot(axes, rng):
    shapes = {1: ((2, 3), (3, 2)), 2: ((2, 2, 3), (2, 3, 2)), 0: ((2,), (2, 3))}.get(
        axes if isinstance(axes, int) else -1, ((2, 3, 4), (4, 2, 3))
    )
    if axes == [[0, 1], [1, 0]]:
        shapes = ((2, 3, 2), (3, 2))
    if axes == [[], []]:
        shapes = ((2,), (3,))
    check_op(ow.tensordot, [case(*[rng.normal(size=s) for s in shapes], axes=axes)], np.tensordot)


@pytest.mark.parametrize("name", ["outer", "inner", "dot", "kron"])
def test_numpys_products(name, rng):
    shapes = {
        "outer": [((2,), (3,)), ((2, 2), (3, 1)), ((), (2,))],
        "inner": [((2, 3), (4, 3)), ((3,), (3,)), ((), (2, 2))],
        "dot": [((2, 3), (3, 2)), ((2, 3), (3,)), ((2, 3), (2, 3, 2)), ((3,), (3,)), ((2,), ())],
        "kron": [((2, 3), (3, 2)), ((2,), (2, 3)), ((2, 1, 2), (2, 2)), ((3,), (2,))],
    }[name]
    cases = [case(rng.normal(size=a), rng.normal(size=b)) for a, b in shapes]
    check_op(getattr(ow, name), cases, getattr(np, name))


def test_cross(rng):
    cases = [case(rng.normal(size=a), rng.normal(size=b)) for a, b in [((3,), (3,)), ((2, 1, 3), (4, 3))]]
    check_op(ow.linalg.cross, cases, np.cross)


def test_trace(rng):
    cases = [case(rng.normal(size=s)) for s in [(3, 3), (2, 4), (2, 3, 2), (0, 0)]]
    check_op(ow.linalg.trace, cases, lambda x: np.trace(x, axis1=-2, axis2=-1))


def test_unknown_sizes(graph, session, rng):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    fed, other = ow.placeholder("float64", [None, 3]), ow.placeholder("float64", [None, None])
    found = session.run([ow.kron(fed, other), ow.tensordot(fed, other, [[1], [1]])], {fed: a, other: b})
    np.testing.assert_array_equal(found[0], np.kron(a, b))
    np.testing.assert_allclose(found[1], a @ b.T, rtol=1e-12)


def test_errors():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ShapeError, match=r"\[tensordot\] the axes that are summed must have equal sizes, got \(2, 3\)"):
        ow.tensordot(x, x, 1)
    with pytest.raises(ArgumentError, match=r"\[tensordot\] axes must lie in \[0, 2\], got 3"):
        ow.tensordot(x, x, 3)
    with pytest.raises(
        ArgumentError, match=r"\[tensordot\] axes must name as many of a as of b, got \[0, 1\] and \[0\]"
    ):
        ow.tensordot(x, x, [[0, 1], [0]])
    with pytest.raises(ShapeError, match=r"\[cross\] b must have 3 elements in the last dimension, got shape \(2, 2\)"):
        ow.linalg.cross(x, np.zeros((2, 2), np.float32))
    with pytest.raises(ShapeError, match=r"\[matmul\] the inner dimensions of a and b must be equal, got shapes"):
        ow.linalg.matvec(x, np.zeros(2, np.float32))
