"""space_to_depth, depth_to_space, space_to_batch, batch_to_space against TensorFlow's documented examples and loops."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def _to_depth(x, block_size, data_format="NHWC"):
    b = block_size
    if data_format == "NCHW":
        return np.moveaxis(_to_depth(np.moveaxis(x, 1, -1), b), -1, 1)
    return np.concatenate([x[:, i::b, j::b] for i in range(b) for j in range(b)], -1)


def _to_space(x, block_size, data_format="NHWC"):
    b = block_size
    if data_format == "NCHW":
        return np.moveaxis(_to_space(np.moveaxis(x, 1, -1), b), -1, 1)
    n, h, w, c = x.shape
    y = np.empty((n, h * b, w * b, c // b**2), x.dtype)
    for k, part in enumerate(np.split(x, b * b, -1)):
        y[:, k // b :: b, k % b :: b] = part
    return y


def test_space_and_depth(rng):
    x = rng.normal(size=(2, 4, 6, 3))
    z = rng.normal(size=(2, 3, 2, 8))
    check_op(ow.space_to_depth, [case(x, block_size=2), case(x[:, :3, :3], block_size=3)], _to_depth, dtypes=ALL)
    check_op(ow.depth_to_space, [case(z, block_size=2), case(z[:1], block_size=1)], _to_space, dtypes=ALL)
    turned = [np.moveaxis(a, -1, 1).copy() for a in (x, z)]
    check_op(ow.nn.space_to_depth, [case(turned[0], block_size=2, data_format="NCHW")], _to_depth)
    check_op(ow.nn.depth_to_space, [case(turned[1], block_size=2, data_format="NCHW")], _to_space)


def _to_batch(x, block_shape, paddings):
    x = np.pad(x, [(0, 0), *paddings, *[(0, 0)] * (x.ndim - 1 - len(block_shape))])
    cells = [
        x[(slice(None), *[slice(i, None, b) for i, b in zip(at, block_shape, strict=True)])]
        for at in np.ndindex(*block_shape)
    ]
    return np.concatenate(cells)


def _from_batch(x, block_shape, crops):
    parts = np.split(x, np.prod(block_shape))
    n, *sizes = parts[0].shape
    y = np.empty((n, *[s * b for s, b in zip(sizes, [*block_shape, *[1] * len(sizes)], strict=False)]), x.dtype)
    for part, at in zip(parts, np.ndindex(*block_shape), strict=True):
        y[(slice(None), *[slice(i, None, b) for i, b in zip(at, block_shape, strict=True)])] = part
    return y[(slice(None), *[slice(a, s - b) for (a, b), s in zip(crops, y.shape[1:], strict=False)])]


def test_space_and_batch(rng):
    x = rng.normal(size=(2, 3, 4, 2))
    check_op(
        ow.space_to_batch_nd,
        [
            case(x, block_shape=[2, 2], paddings=[[0, 1], [1, 1]]),
            case(x, block_shape=[3], paddings=[[2, 1]]),
            case(x, block_shape=[1, 2, 2], paddings=[[0, 0]] * 3),
        ],
        _to_batch,
    )
    z = rng.normal(size=(12, 2, 3, 2))
    check_op(
        ow.batch_to_space_nd,
        [
            case(z, block_shape=[2, 3], crops=[[1, 0], [2, 1]]),
            case(z, block_shape=[4], crops=[[0, 0]]),
        ],
        _from_batch,
    )
    pads = [[1, 0], [0, 0]]
    check_op(
        ow.space_to_batch,
        [case(x, paddings=pads, block_size=2)],
        lambda x, paddings, block_size: _to_batch(x, [2, 2], pads),
    )
    back = ow.batch_to_space(ow.space_to_batch(x, pads, block_shape=[2, 2]), pads, 2)
    np.testing.assert_array_equal(back.numpy(), x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.space_to_depth(x, 2), r"height and width must be multiples of block_size 2, got \(4, 3, 4, 2\)"),
        (lambda x: ow.depth_to_space(x, 2), r"channels must be a multiple of block_size squared, 4"),
        (lambda x: ow.space_to_depth(x, 0), "block_size must be positive, got 0"),
        (lambda x: ow.space_to_depth(x, 1, "NWHC"), "data_format must be NHWC or NCHW, got 'NWHC'"),
        (
            lambda x: ow.space_to_batch(x, [[0, 0], [0, 0]], 2),
            r"the padded dimensions must be multiples of block_shape",
        ),
        (lambda x: ow.batch_to_space(x, [[0, 0], [0, 0]], 3), "the batch must be a multiple of the block's 9 elements"),
        (lambda x: ow.batch_to_space(x, [[9, 0], [0, 0]], 2), "crops must fit into"),
    ],
)
def test_errors(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [4, 3, 4, 2]))
