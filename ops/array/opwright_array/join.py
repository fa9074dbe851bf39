"""concat, stack: several tensors side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, dtypes, export, ops
from opwright.shapes import normalize_axis

from opwright_array.passing import elements

concat_v2 = OpDef("concat_v2(values: list[T], axis: int) -> (y: T)", T=dtypes.movable)


@concat_v2.shape
def _concat_shape(c):
    shapes = c.shapes("values")
    c.require(len(shapes) > 0, "values must hold at least one tensor", "none")
    known = next((s for s in shapes if s.dims is not None), None)
    if known is None:
        return Shape(None)
    c.require(len(known) > 0, "values must have at least one dimension; stack joins scalars", known)
    axis = normalize_axis(c.attr.axis, len(known), "concat")
    out, total = known, 0
    for s in shapes:
        c.require(s.rank in (None, len(known)), f"values must have {len(known)} dimensions each", s)
        total = None if total is None or s.dims is None or s[axis] is None else total + s[axis]
        others = Shape(None) if s.dims is None else _without(s, axis)
        c.require(
            _without(out, axis).is_compatible_with(others), f"values must agree with {out} except along axis {axis}", s
        )
        out = _without(out, axis).merge(others)
    return Shape(total if i == axis else d for i, d in enumerate(out))


def _without(shape: Shape, axis: int) -> Shape:
    return Shape(None if i == axis else d for i, d in enumerate(shape))


@concat_v2.gradient
def _concat_gradient(node, dy):
    values = node.input_list("values")
    if len(values) == 1:
        return ([dy],)
    rank = next((v.shape.rank for v in values if v.shape.rank is not None), None)
    axis = node.attr.axis if rank is None else normalize_axis(node.attr.axis, rank, "concat")
    sizes = [v.shape[axis] if v.shape.dims is not None else None for v in values]
    sizes = [ops.shape(v)[axis] if size is None else size for v, size in zip(values, sizes)]
    return (ops.split(dy, sizes, axis),)


@concat_v2.rewrite
def _concat_rewrite(node, make):
    return node.inputs if len(node.inputs) == 1 else None


@concat_v2.static_value
def _concat_value(c):
    return _joined(c, lambda parts: np.concatenate(parts, c.attr.axis))


def _joined(c, join):
    """The values' known elements joined; those of a value of which only the shape is known are None."""
    parts = []
    for i, s in enumerate(c.shapes("values")):
        if not s.is_known:
            return None
        known = elements(c, "values", i)
        parts.append(np.full(s.known(), None, object) if known is None and s.num_elements() <= 64 else known)
    return None if not parts or any(p is None for p in parts) else join(parts)


@export("concat")
def concat(values: Any, axis: Any, name: str | None = "concat") -> Any:
    """The tensors of a list one after another along an axis; a tensor that is no list comes back as it is.

    Raises ShapeError unless they agree in all other dimensions.
    """
    if not isinstance(values, (list, tuple)):
        return ops.identity(values, name=name)
    return concat_v2(values, axis, name=name)


stack = OpDef("stack(values: list[T['*s']], axis: int = 0) -> (y: T)", T=dtypes.movable)


@stack.shape
def _stack_shape(c):
    shapes = c.shapes("values")
    c.require(len(shapes) > 0, "values must hold at least one tensor", "none")
    merged = shapes[0]
    for s in shapes[1:]:
        merged = merged.merge(s)
    if merged.dims is None:
        return Shape(None)
    at = normalize_axis(c.attr.axis, len(merged) + 1, "stack")
    return Shape([*merged.dims[:at], len(shapes), *merged.dims[at:]])


@stack.gradient
def _stack_gradient(node, dy):
    return (ops.unstack(dy, len(node.inputs), node.attr.axis),)


@stack.rewrite
def _stack_rewrite(node, make):
    if len(node.inputs) > 1:
        return None
    return make("expand_dims", node.inputs, axis=node.attributes["axis"])


@stack.static_value
def _stack_value(c):
    return _joined(c, lambda parts: np.stack(parts, c.attr.axis))
