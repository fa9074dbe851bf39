"""add_n(inputs): the sum of tensors of one shape."""

from __future__ import annotations

from opwright import OpDef, dtypes

add_n = OpDef("add_n(inputs: list[T['*s']]) -> (y: T['*s'])", T=dtypes.numbers)

FEW = 8  # tensors that are added by nodes of their own, which fuse with what surrounds them


@add_n.shape
def _shape(c):
    shapes = c.shapes("inputs")
    c.require(len(shapes) > 0, "inputs must hold at least one tensor", "none")
    merged = shapes[0]
    for shape in shapes[1:]:
        merged = merged.merge(shape)
    return merged


@add_n.gradient
def _gradient(node, dy):
    return ([dy] * len(node.input_list("inputs")),)


@add_n.rewrite
def _rewrite(node, make):
    total, *rest = node.inputs
    if len(rest) >= FEW or (rest and total.dtype.name not in ("float32", "float64", "int32", "int64")):
        return None  # the kernel rounds 16-bit floats once, at the end
    for x in rest:
        (total,) = make("add", [total, x])
    return [total]
