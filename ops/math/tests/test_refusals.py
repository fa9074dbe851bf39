"""Internal ops refuse arguments that do not fit together; denormals are the zeros that a run takes them for."""

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ShapeError
from opwright.testing import run_in_graph


def test_broadcast_reduced_needs_a_reduced_tensor():
    with pytest.raises(ShapeError, match=r"x must have shape \(3,\), that of \(3, 4\) reduced, got \(2,\)"):
        ops.broadcast_reduced(np.ones(2, np.float32), axis=1, shape=(3, 4))
    with pytest.raises(ShapeError, match=r"\[broadcast_reduced\] like or shape must be given, got neither"):
        ops.broadcast_reduced(np.ones(2, np.float32))


def test_place_along_needs_a_shape():
    with pytest.raises(ShapeError, match=r"\[place_along\] like or shape must be given, got neither"):
        ops.place_along(np.ones((2, 2), np.float32), np.zeros((2, 2), np.int32))


def test_reduce_like_takes_a_like_of_another_dtype_unplanned():
    x = np.arange(6.0).reshape(2, 3)
    found = run_in_graph(lambda a: ops.reduce_like(a, ops.constant([[1, 2, 3]], "int32")), [x], {}, plan="reference")
    np.testing.assert_array_equal(found[0], [[3, 5, 7]])


def test_denormals_count_as_zeros():
    tiny = np.float32([1e-45, -1e-45, 1e-45])
    np.testing.assert_array_equal(ow.atan2(tiny[:2], np.float32([-1e-45, -1e-45])), np.float32([np.pi, -np.pi]))
    np.testing.assert_array_equal(ow.log2(tiny[:1]), [-np.inf])
