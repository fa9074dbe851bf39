"""argmax, argmin: where the largest and smallest elements of an axis lie."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes
from opwright.shapes import normalize_axis

argmax = OpDef(
    "argmax(input: T, axis: int | None = None, output_type: dtype = 'int64') -> (y: output_type)",
    T=dtypes.any_type,
    gradient=None,
)
argmin = OpDef(
    "argmin(input: T, axis: int | None = None, output_type: dtype = 'int64') -> (y: output_type)",
    T=dtypes.any_type,
    gradient=None,
)

for _op in (argmax, argmin):

    @_op.shape
    def _shape(c):
        c.require(c.attr.output_type.name in dtypes.indices, "output_type must be int32 or int64", c.attr.output_type)
        shape = c.shape("input")
        if shape.dims is None:
            return shape
        axis = normalize_axis(c.attr.axis or 0, len(shape), c.definition.name)
        c.require(shape[axis] != 0, f"input must have elements along axis {axis}", f"shape {shape}")
        return Shape(d for i, d in enumerate(shape) if i != axis)
