"""Internal ops refuse arguments that do not fit together: their kernels rely on it."""

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ShapeError


def test_gather_grad_needs_the_gradient_of_what_was_gathered():
    dy, indices = np.ones((7, 7), np.float32), np.zeros((7, 7), np.int32)
    with pytest.raises(ShapeError, match=r"\[gather_grad\] dy must have shape \(7, 7, \?\), got \(7, 7\)"):
        ops.gather_grad(dy, indices, [9, 5])


def test_mirror_pad_grad_needs_paddings_that_fit():
    with pytest.raises(ShapeError, match=r"\[mirror_pad_grad\] paddings of dimension 0 must be at most 1, got 2 and 1"):
        ops.mirror_pad_grad(np.ones(5, np.float32), [[2, 1]], "REFLECT")


def test_blocks_need_a_pair_for_each_dimension():
    x = np.ones((4, 6), np.float32)
    with pytest.raises(ShapeError, match=r"\[from_batch\] crops must consist of pairs, got \(1,\)"):
        ops.from_batch(x, block_shape=(2,), crops=(1,))
    with pytest.raises(ShapeError, match=r"\[from_batch\] crops must have a pair for each of 1 dimensions, got \[\]"):
        ops.from_batch(x, block_shape=(2,), crops=())
    with pytest.raises(ShapeError, match=r"\[to_batch\] block_shape must be positive, got \(0,\)"):
        ops.to_batch(x, block_shape=(0,), paddings=(0, 0))


def test_slice_takes_a_begin_that_is_a_view():
    x = np.arange(30.0).reshape(5, 6)
    with ow.Graph().as_default() as graph:
        both = ow.placeholder("int32", [4])
        part = ow.slice(x, both[::2], both[1::2])
        found = ow.Session(graph=graph).run(part, {both: [1, 2, 3, 2]})
    np.testing.assert_array_equal(found, x[1:3, 3:5])


def test_shapes_known_in_advance_come_in_any_dtype():
    np.testing.assert_array_equal(np.asarray(ow.shape(np.ones((3, 2)), "bfloat16")), [3, 2])
    assert float(ow.size(np.ones((3, 2)), "bfloat16")) == 6
