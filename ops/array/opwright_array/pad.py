"""pad: a border of one value, or of the tensor's own elements mirrored."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.dispatch import graph_of
from opwright.errors import ArgumentError

pad_v2 = OpDef(
    "pad_v2(tensor: T, paddings: I['n 2'], constant_values: T['']) -> (y: T)", T=dtypes.movable, I=dtypes.indices
)
mirror_pad = OpDef("mirror_pad(tensor: T, paddings: I['n 2'], mode: str) -> (y: T)", T=dtypes.movable, I=dtypes.indices)
mirror_pad_grad = OpDef(
    "mirror_pad_grad(dy: T, paddings: I['n 2'], mode: str) -> (dx: T)", T=dtypes.floats, I=dtypes.indices
)


def _padded(c: Any, name: str, sign: int) -> tuple[Shape, list[tuple[Any, Any, Any]]]:
    """The shape with the paddings added (sign 1) or taken off, and (size, before, after) for each dimension."""
    given, pads = c.shape(name), c.partial("paddings")
    rank = c.shape("paddings").dims[0] if c.shape("paddings").dims else None
    fits = given.rank is None or rank in (None, given.rank)
    c.require(fits, f"paddings must have a row for each of the {given.rank} dimensions", c.shape("paddings"))
    rank = given.rank if rank is None else rank
    if rank is None:
        return Shape(None), []
    dims = [None] * rank if given.dims is None else given.dims
    rows = [(None, None)] * rank if pads is None else [tuple(row) for row in pads]
    c.require(all(p is None or p >= 0 for row in rows for p in row), "paddings must not be negative", rows)
    sizes = [None if None in (d, *row) else int(d + sign * (row[0] + row[1])) for d, row in zip(dims, rows)]
    c.require(all(s is None or s >= 0 for s in sizes), f"paddings must fit into shape {given}", rows)
    return Shape(sizes), [(d, *row) for d, row in zip(dims, rows)]


@pad_v2.shape
def _pad_shape(c):
    return _padded(c, "tensor", 1)[0]


@mirror_pad.shape
def _mirror_shape(c):
    shape, rows = _padded(c, "tensor", 1)
    for d, row in enumerate(rows):
        _require_mirror(c, d, *row)
    return shape


def _require_mirror(c: Any, d: int, size: Any, before: Any, after: Any) -> None:
    most = None if size is None else size - (c.attr.mode == "REFLECT")
    fits = most is None or all(p is None or p <= most or p == 0 for p in (before, after))
    c.require(fits, f"paddings of dimension {d} must be at most {most}", f"{before} and {after}")


@mirror_pad_grad.shape
def _mirror_grad_shape(c):
    shape, rows = _padded(c, "dy", -1)
    for d, ((_, before, after), size) in enumerate(zip(rows, shape.dims or ())):
        _require_mirror(c, d, size, before, after)
    return shape


@pad_v2.gradient
def _pad_gradient(node, dy):
    tensor, value = node.input("tensor"), node.input("constant_values")
    begin, _ = ops.unstack(node.input("paddings"), 2, axis=1)
    size = list(tensor.shape.known()) if tensor.shape.is_known else ops.shape(tensor)
    dx = ops.slice(dy, begin, size)
    fixed = graph_of([value]) is not None and value.op.definition.role == "constant"
    return dx, None, None if fixed else ops.reduce_sum(dy) - ops.reduce_sum(dx)


@mirror_pad.gradient
def _mirror_gradient(node, dy):
    return mirror_pad_grad(dy, node.input("paddings"), node.attr.mode), None


@mirror_pad_grad.gradient
def _mirror_grad_gradient(node, ddx):
    return mirror_pad(ddx, node.input("paddings"), node.attr.mode), None


@export("pad")
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0) -> Any:
    """The tensor with paddings[d][0] elements before and paddings[d][1] after it in dimension d: of one value, or with
    mode "REFLECT" mirrored without the edge, "SYMMETRIC" with it.

    Raises ShapeError where the mirrored tensor is too small, ArgumentError for another mode.
    """
    kind = mode.upper()
    if kind not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise ArgumentError(f"[pad] mode must be CONSTANT, REFLECT or SYMMETRIC, got {mode!r}")
    if kind != "CONSTANT":
        return mirror_pad(tensor, paddings, kind, name=name)
    tensor = convert_to_tensor(tensor)
    if not hasattr(constant_values, "get_shape"):
        value = bool(constant_values) if tensor.dtype.is_bool else constant_values
        constant_values = ops.constant(value, tensor.dtype)
    return pad_v2(tensor, paddings, constant_values, name=name)
