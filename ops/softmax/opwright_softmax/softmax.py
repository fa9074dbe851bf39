"""softmax and log_softmax, along any axis."""

from __future__ import annotations

from opwright import OpDef, dtypes, ops
from opwright.shapes import normalize_axis

softmax = OpDef("softmax(logits: T['*b n'], axis: int = -1) -> (y: T['*b n'])", T=dtypes.floats, export="math.softmax")
softmax_grad = OpDef("softmax_grad(dy: T['*s'], y: T['*s'], axis: int = -1) -> (dx: T['*s'])", T=dtypes.floats)
log_softmax = OpDef(
    "log_softmax(logits: T['*b n'], axis: int = -1) -> (y: T['*b n'])", T=dtypes.floats, export="math.log_softmax"
)
log_softmax_grad = OpDef("log_softmax_grad(dy: T['*s'], y: T['*s'], axis: int = -1) -> (dx: T['*s'])", T=dtypes.floats)


for _op in (softmax, log_softmax, softmax_grad, log_softmax_grad):

    @_op.shape
    def _shape(c):
        shape = c.shape(c.definition.schema.tensors[0].name)
        if shape.rank is not None:
            normalize_axis(c.attr.axis, shape.rank, c.definition.name)
        return (shape,)


@softmax.gradient
def _softmax_gradient(node, dy):
    return softmax_grad(dy, node.output("y"), node.attr.axis)


@softmax_grad.gradient
def _softmax_grad_gradient(node, ddx):
    # dx = y (dy - <dy, y>): symmetric in dy, and the product rule for y.
    dy, y, axis = node.input("dy"), node.input("y"), node.attr.axis
    by_y = ddx * (dy - _sum(dy * y, axis)) - dy * _sum(ddx * y, axis)
    return softmax_grad(ddx, y, axis), by_y


@log_softmax.gradient
def _log_softmax_gradient(node, dy):
    return log_softmax_grad(dy, node.output("y"), node.attr.axis)


@log_softmax_grad.gradient
def _log_softmax_grad_gradient(node, ddx):
    dy, axis = node.input("dy"), node.attr.axis
    weighted = ddx * ops.exp(node.input("y"))
    return ddx - _sum(weighted, axis), -weighted * _sum(dy, axis)


def _sum(x, axis):
    return ops.reduce_sum(x, axis=axis, keepdims=True)
