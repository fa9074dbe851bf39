"""Rounding to integers. As in TensorFlow no gradient flows through: these ops cut the connection."""

from __future__ import annotations

from opwright import OpDef, dtypes

floor = OpDef("floor(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
ceil = OpDef("ceil(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
round_ = OpDef("round(x: T['*s']) -> (y: T['*s'])", T=dtypes.numbers)
rint = OpDef("rint(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
trunc = OpDef("trunc(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)
frac = OpDef("frac(x: T['*s']) -> (y: T['*s'])", T=dtypes.floats)

for _op in (floor, ceil, round_, rint, trunc):

    @_op.gradient
    def _no_connection(node, dy):
        return None


@frac.gradient
def _frac_gradient(node, dy):
    return dy


@round_.rewrite
def _round_rewrite(node, make):
    return list(node.inputs) if node.outputs[0].dtype.is_integer else None
