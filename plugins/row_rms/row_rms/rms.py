"""rms(x): the root of the mean of squares along the last axis. Its gradient is an op with a kernel too."""

from opwright import OpDef, dtypes, ops

rms = OpDef(
    "row::rms(x: T['*b n']) -> (y: T['*b'])",
    T=dtypes.floats,
)
rms_grad = OpDef(
    "row::rms_grad(dy: T['*b'], x: T['*b n'], y: T['*b']) -> (dx: T['*b n'])",
    T=dtypes.floats,
)


@rms.gradient
def _gradient(node, dy):
    return rms_grad(dy, node.input("x"), node.output("y"))


@rms_grad.gradient
def _second(node, ddx):
    # dx = dy x / (n y): linear in dy and in x.
    dy, x, y = node.input("dy"), node.input("x"), node.input("y")
    mean = ops.reduce_mean(ddx * x, axis=-1)
    return mean / y, rms_grad(dy, ddx, y), -dy * mean / ops.square(y)
