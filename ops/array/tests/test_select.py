"""where in TensorFlow 1's and 2's ways, and the places where a tensor is true."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def test_where_broadcasts(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    check_op(
        ow.where,
        [
            case(x > 0, x, y),
            case(np.array([True, False, True]), x, y[:1]),
            case(np.array(False), x, rng.normal()),
            case(np.zeros((0, 1), bool), x[:0], y[:0, :1]),
        ],
        np.where,
        dtypes=ALL,
    )


def test_a_nan_that_is_not_chosen_does_not_matter():
    x = ow.constant([1.0, np.nan])
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = ow.where([True, False], x, [0.0, 0.0])
    assert y.numpy().tolist() == [1, 0]
    assert tape.gradient(y, x).numpy().tolist() == [1, 0]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "bool"])
def test_where_takes_every_dtype(dtype):
    x, y = np.array([1, 0, 1]).astype(dtype), np.array([0, 1, 1]).astype(dtype)
    np.testing.assert_array_equal(ow.where([True, False, False], x, y).numpy(), [1, 1, 1])


def test_where_v1_chooses_rows(rng):
    x, y = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    rows = np.array([True, False, True])
    check_op(
        ow.where_v1,
        [case(rows, x, y), case(x > 0, x, y), case(np.array(True), x, y), case(rows, x[0], y[0])],
        lambda c, x, y: np.where(c[:, None] if c.ndim == 1 and x.ndim > 1 else c, x, y),
    )


def test_where_v1_does_not_broadcast(graph):
    x = ow.placeholder("float32", [3, 2])
    with pytest.raises(ow.OpwrightError, match=r"\[where\] x and y must have one shape, got \(3, 2\) and \(2,\)"):
        ow.where_v1([True] * 3, x, x[0])
    with pytest.raises(ow.OpwrightError, match=r"\[where\] condition must be a scalar, a vector or of shape"):
        ow.where_v1([True] * 2, x, x)
    with pytest.raises(ow.OpwrightError, match="both or neither"):
        ow.where([True], x)


@pytest.mark.parametrize("value", [[[0.0, 2], [-1, 0]], [0, 0, 5], [True, False], [[]], np.nan, 0, np.ones((2, 1, 2))])
def test_the_places_where_a_tensor_is_not_zero(graph, value):
    x = ow.placeholder(np.asarray(value).dtype, [None] * np.ndim(value))
    places = ow.where(x)
    assert places.shape == (None, np.ndim(value))
    found = ow.Session().run([places, places + 1], {x: value})
    np.testing.assert_array_equal(found[0], np.argwhere(value))
    np.testing.assert_array_equal(found[1], np.argwhere(value) + 1)


def test_select_is_the_old_name():
    assert ow.select([True, False], [1, 2], [3, 4]).numpy().tolist() == [1, 4]
