"""lrn: x / (bias + alpha Σ x²)^beta, the sum over neighbouring channels (Krizhevsky, Sutskever and Hinton, 2012)."""

from __future__ import annotations

from opwright import OpDef, dtypes, ops

lrn = OpDef(
    "lrn(input: T['*b c'], depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5)"
    " -> (output: T['*b c'])",
    T=dtypes.floats,
    export="nn.local_response_normalization",
)
lrn_grad = OpDef(
    "lrn_grad(input_grads: T['*b c'], input_image: T['*b c'], depth_radius: int = 5, bias: float = 1.0,"
    " alpha: float = 1.0, beta: float = 0.5) -> (output: T['*b c'])",
    T=dtypes.floats,
)
window_sum = OpDef("window_sum(x: T['*b c'], radius: int) -> (y: T['*b c'])", T=dtypes.floats)

for _op in (lrn, lrn_grad, window_sum):

    @_op.shape
    def _shape(c):
        name = "radius" if c.definition is window_sum else "depth_radius"
        c.require(c.attributes[name] >= 0, f"{name} must not be negative", c.attributes[name])
        return c.shape(c.definition.schema.tensors[0].name)


@lrn.gradient
def _gradient(node, dy):
    return lrn_grad(dy, node.input("input"), **node.attributes)


@lrn_grad.ref
def _grad(input_grads, input_image, depth_radius, bias, alpha, beta):
    # With N = bias + alpha Σ x²: dx_i = dy_i N_i^-beta - 2 alpha beta x_i Σ_j dy_j x_j N_j^(-beta - 1).
    total = bias + alpha * window_sum(ops.square(input_image), depth_radius)
    each = input_grads * input_image * ops.pow(total, -beta - 1)
    return input_grads * ops.pow(total, -beta) - 2 * alpha * beta * input_image * window_sum(each, depth_radius)


@window_sum.gradient
def _sum_gradient(node, dy):
    return window_sum(dy, node.attr.radius)  # symmetric: i is in j's window where j is in i's
