"""Powers, roots, lengths."""

from __future__ import annotations

from opwright import OpDef, dtypes, ops

from opwright_math.broadcasting import scalar_constant, sum_to, unbroadcast

square = OpDef("square(x: T['*s']) -> (y: T['*s'])", T=dtypes.numbers)
sqrt = OpDef("sqrt(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
rsqrt = OpDef("rsqrt(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
cbrt = OpDef("cbrt(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
pow_ = OpDef("pow(x: T['...'], y: T['...']) -> (z: T['...'])", T=dtypes.numbers)
hypot = OpDef("hypot(x1: T['...'], x2: T['...']) -> (z: T['...'])", T=dtypes.floats)


@square.gradient
def _square_gradient(node, dy):
    return dy * (2 * node.input("x"))


@sqrt.gradient
def _sqrt_gradient(node, dy):
    return dy * (0.5 / node.output("y"))


@rsqrt.gradient
def _rsqrt_gradient(node, dy):
    y = node.output("y")
    return dy * (-0.5 * (y * y * y))


@cbrt.gradient
def _cbrt_gradient(node, dy):
    y = node.output("y")
    return dy / (3 * (y * y))


@pow_.gradient
def _pow_gradient(node, dz):
    # dz/dx = y x^(y - 1); dz/dy = z log(x), taken as 0 where x <= 0.
    x, y = node.inputs
    dx = ops.zeros_like(dz) if _is_zero(y) else dz * (y * ops.pow(x, y - 1))
    positive = x > 0
    log_x = ops.where(positive, ops.log(ops.where(positive, x, 1)), 0)
    return sum_to(dx, x), sum_to(dz * (node.output("z") * log_x), y)


def _is_zero(y):
    """Whether a graph's constant is 0 everywhere: then x^(y - 1) must not make the slope at x = 0 nan."""
    known = y.static_value() if hasattr(y, "graph") else None
    return known is not None and not known.any()


@pow_.rewrite
def _pow_rewrite(node, make):
    x, y = node.inputs
    exponent = scalar_constant(y)
    if exponent == 1:
        return [x]
    return make("square", [x]) if exponent == 2 else None


@hypot.gradient
def _hypot_gradient(node, dz):
    # 0 at the origin, where there is no derivative.
    x, y = node.inputs
    slope = ops.divide_no_nan(dz, node.output("z"))
    return unbroadcast(node, slope * x, slope * y)
