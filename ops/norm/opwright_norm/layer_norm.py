"""layer_norm: (x - mean) / sqrt(variance + epsilon) scale + offset, along the last axis."""

from __future__ import annotations

from opwright import OpDef, dtypes, ops

layer_norm = OpDef(
    "layer_norm(x: T['*b n'], scale: T['n'], offset: T['n'], epsilon: float) -> (y: T['*b n'])", T=dtypes.floats
)
layer_norm_grad = OpDef(
    "layer_norm_grad(dy: T['*b n'], x: T['*b n'], scale: T['n'], epsilon: float)"
    " -> (dx: T['*b n'], dscale: T['n'], doffset: T['n'])",
    T=dtypes.floats,
)


@layer_norm.gradient
def _gradient(node, dy):
    return tuple(layer_norm_grad(dy, node.input("x"), node.input("scale"), node.attr.epsilon))


def _mean(x):
    return ops.reduce_mean(x, axis=-1, keepdims=True)


@layer_norm_grad.ref
def _grad(dy, x, scale, epsilon):
    # With z = (x - mean) r and g = dy scale: dx = r (g - mean(g) - z mean(g z)).
    centered = x - _mean(x)
    r = ops.rsqrt(_mean(ops.square(centered)) + epsilon)
    z, g = centered * r, dy * scale
    dx = r * (g - _mean(g) - z * _mean(g * z))
    return dx, ops.sum_like(dy * z, scale), ops.sum_like(dy, scale)
