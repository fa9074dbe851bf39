"""Layer normalisation against NumPy: axes, widths, dtypes, means far from 0, derivatives, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _reference(x, scale=1.0, offset=0.0, begin_norm_axis=-1, epsilon=1e-12):
    axes = tuple(range(begin_norm_axis % x.ndim, x.ndim))
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * scale + offset


def test_values_and_gradients(rng):
    cases = [
        case(rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=5)),
        case(rng.normal(size=(2, 2, 7)), rng.normal(size=7), rng.normal(size=7), epsilon=0.1),
        case(rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), begin_norm_axis=1),
        case(rng.normal(size=(2, 3, 4)), rng.normal(size=4), rng.normal(size=4), begin_norm_axis=1),
        case(rng.normal(size=(6,)), rng.normal(size=6), rng.normal(size=6)),
        case(rng.normal(size=(3, 4))),
    ]
    check_op(ow.nn.layer_norm, cases, _reference, dtypes=DTYPES, tolerance=4)


def test_a_row_of_one_element():
    x = np.array([[3.0], [-1.0]])
    np.testing.assert_array_equal(np.asarray(ow.nn.layer_norm(x, epsilon=0.1)), np.zeros((2, 1)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths(dtype, rng):
    for n in [2, 15, 16, 17, 33, 768, 4097, 9001]:
        x = (rng.normal(size=(7, n)) + 100).astype(dtype)
        scale, offset, dy = (rng.normal(size=s).astype(dtype) for s in (n, n, (7, n)))
        limit = 3e-5 if dtype == "float32" else 1e-12
        wide = [a.astype(np.float64) for a in (x, scale, offset, dy)]
        got = np.asarray(ow.nn.layer_norm(x, scale, offset, epsilon=1e-5))
        np.testing.assert_allclose(got, _reference(*wide[:3], epsilon=1e-5), rtol=limit, atol=3 * limit)
        dx, dscale, doffset = ops.layer_norm_grad(dy, x, scale, 1e-5)
        z, g = _reference(wide[0], epsilon=1e-5), wide[3] * wide[1]
        r = 1 / np.sqrt(wide[0].var(-1, keepdims=True) + 1e-5)
        want = r * (g - g.mean(-1, keepdims=True) - z * (g * z).mean(-1, keepdims=True))
        np.testing.assert_allclose(np.asarray(dx), want, rtol=limit, atol=3 * limit)
        np.testing.assert_allclose(np.asarray(dscale), (wide[3] * z).sum(0), rtol=limit, atol=6 * limit)
        np.testing.assert_allclose(np.asarray(doffset), wide[3].sum(0), rtol=limit, atol=6 * limit)


def test_empty_rows_and_many_blocks(rng):
    dx, dscale, _ = ops.layer_norm_grad(np.zeros((0, 3)), np.zeros((0, 3)), np.ones(3), 0.1)
    assert np.asarray(dx).shape == (0, 3)
    np.testing.assert_array_equal(np.asarray(dscale), np.zeros(3))
    dy = rng.normal(size=(20000, 3))
    found = ops.layer_norm_grad(dy, rng.normal(size=(20000, 3)), np.ones(3), 0.1)[2]
    np.testing.assert_allclose(np.asarray(found), dy.sum(0), rtol=1e-10)


def test_unknown_rows_and_errors(graph):
    x = ow.placeholder("float32", [None, None, 4])
    assert ow.nn.layer_norm(x).shape.as_list() == [None, None, 4]
    with pytest.raises(ShapeError, match=r"\[layer_norm\] axis must lie in \[-3, 3\), got 3"):
        ow.nn.layer_norm(x, begin_norm_axis=3)
    with pytest.raises(ShapeError, match=r"\[layer_norm\] scale must have n = 4 elements, got shape \(3,\)"):
        ow.nn.layer_norm(x, np.ones(3, np.float32))
