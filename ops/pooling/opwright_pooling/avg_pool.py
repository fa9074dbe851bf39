"""avg_pool: the mean of each window, of those of its elements that lie inside the input."""

from __future__ import annotations

import numpy as np
from opwright import OpDef, dtypes, ops
from opwright.inference import shape_from

from opwright_pooling.windows import examples, pooled_shape

avg_pool = OpDef(
    "avg_pool(value: T, ksize: ints, strides: ints, padding: str, explicit_paddings: ints, channels_first: bool)"
    " -> (output: T)",
    T=dtypes.floats,
)
avg_pool_grad = OpDef(
    "avg_pool_grad(orig_input_shape: int32['r'], grad: T, ksize: ints, strides: ints, padding: str,"
    " explicit_paddings: ints, channels_first: bool) -> (output: T)",
    T=dtypes.floats,
)


avg_pool.examples(examples(lambda rng, x, pooled, how: {"value": x}))
avg_pool_grad.examples(
    examples(
        lambda rng, x, pooled, how: {
            "orig_input_shape": np.array(x.shape, np.int32),
            "grad": rng.normal(size=pooled),
        }
    )
)


@avg_pool.shape
def _shape(c):
    return pooled_shape(c, c.shape("value"))


@avg_pool_grad.shape
def _grad_shape(c):
    rank = len(c.attr.ksize) + 2
    shape = shape_from(c.partial("orig_input_shape"), rank)
    pooled = pooled_shape(c, shape)
    given = c.shape("grad")
    c.require(given.is_compatible_with(pooled), f"grad must have the output's shape {pooled}", given)
    return shape


@avg_pool.gradient
def _gradient(node, dy):
    x = node.input("value")
    return avg_pool_grad(list(x.shape.known()) if x.shape.is_known else ops.shape(x), dy, **node.attributes)


@avg_pool_grad.gradient
def _grad_gradient(node, ddx):
    return None, avg_pool(ddx, **node.attributes)
