"""split, unstack: the parts of a tensor along an axis, as views."""

from __future__ import annotations

from typing import Any

from opwright import Layout, OpDef, Shape, dtypes, export, ops
from opwright.errors import ShapeError
from opwright.shapes import normalize_axis

split_evenly = OpDef("split_evenly(value: T, num: int, axis: int = 0) -> (y: list[T])", T=dtypes.movable)
split_v = OpDef("split_v(value: T, sizes: I['n'], axis: int = 0) -> (y: list[T])", T=dtypes.movable, I=dtypes.indices)
unstack = OpDef("unstack(value: T, num: int | None = None, axis: int = 0) -> (y: list[T])", T=dtypes.movable)


def _with(shape: Shape, axis: int, size: Any) -> Shape:
    return Shape(size if i == axis else d for i, d in enumerate(shape))


@split_evenly.shape
def _evenly_shape(c):
    shape, num = c.shape("value"), c.attr.num
    c.require(num > 0, "num_or_size_splits must be positive", num)
    if shape.dims is None:
        return [Shape(None)] * num
    axis = normalize_axis(c.attr.axis, len(shape), "split")
    size = shape[axis]
    c.require(size is None or size % num == 0, f"dimension {axis} must be a multiple of {num}", shape)
    return [_with(shape, axis, None if size is None else size // num)] * num


@split_v.shape
def _sizes_shape(c):
    shape, sizes = c.shape("value"), c.partial("sizes")
    (num,) = c.shape("sizes").dims or (None,)
    c.require(num is not None, "the number of sizes must be known", c.shape("sizes"))
    if shape.dims is None:
        return [Shape(None)] * num
    axis = normalize_axis(c.attr.axis, len(shape), "split")
    return [_with(shape, axis, size) for size in _completed(c, shape[axis], [None] * num if sizes is None else sizes)]


def _completed(c: Any, total: int | None, sizes: Any) -> list[int | None]:
    """The sizes with -1, which stands for what is left, resolved where that can be."""
    found = [None if s is None else int(s) for s in sizes]
    c.require(all(s is None or s >= -1 for s in found) and found.count(-1) <= 1, "sizes may hold one -1", found)
    known = [s for s in found if s is not None and s != -1]
    if total is not None and len(known) == len(found):
        c.require(sum(known) == total, f"sizes must sum to the dimension's {total}", found)
    elif total is not None:
        c.require(sum(known) <= total, f"sizes must sum to the dimension's {total}", found)
        if len(known) == len(found) - 1 and -1 in found:
            found[found.index(-1)] = total - sum(known)
    return [None if s == -1 else s for s in found]


@unstack.shape
def _unstack_shape(c):
    shape, num = c.shape("value"), c.attr.num
    size = None
    if shape.dims is not None:
        axis = normalize_axis(c.attr.axis, len(shape), "unstack")
        size = shape[axis]
        c.require(num is None or size in (None, num), f"num must be dimension {axis} of the value {shape}", num)
    count = num if size is None else size
    c.require(count is not None, "num must be given where the dimension is unknown", shape)
    rest = Shape(None) if shape.dims is None else Shape(d for i, d in enumerate(shape) if i != axis)
    return [rest] * count


@split_evenly.view("value")
def _evenly_view(c, layout):
    return _parts(c, layout)


@split_v.view("value")
def _sizes_view(c, layout):
    return _parts(c, layout)


def _parts(c: Any, layout: Layout) -> list[Layout]:
    axis = c.attr.axis % len(layout.shape)
    parts, at = [], 0
    for shape in c.results:
        offset = layout.offset if 0 in shape else layout.offset + at * layout.strides[axis]
        parts.append(Layout(shape, layout.strides, offset))
        at += shape[axis]
    return parts


@unstack.view("value")
def _unstack_view(c, layout):
    axis = c.attr.axis % len(layout.shape)
    strides = tuple(s for i, s in enumerate(layout.strides) if i != axis)
    step = 0 if 0 in layout.shape else layout.strides[axis]
    return [Layout(shape, strides, layout.offset + i * step) for i, shape in enumerate(c.results)]


@split_evenly.rewrite
@split_v.rewrite
def _split_rewrite(node, make):
    """Where only one part of a value is read, no more than that is made, if the op that makes it knows how to."""
    value = node.groups[0][0]
    used = [i for i, part in enumerate(node.outputs) if make.readers[part]]
    if value.node is None or value.node.definition is None or value.node.definition.part_function is None:
        return None
    if len(used) != 1 or make.readers[value] != 1 or value.node.after:
        return None
    axis = node.attributes["axis"] % len(value.shape)
    sizes = [part.shape[axis] for part in node.outputs]
    (which,) = used
    found = value.node.definition.part_function(value.node, make, axis, sum(sizes[:which]), sizes[which])
    return None if found is None else [*node.outputs[:which], *found, *node.outputs[which + 1 :]]


@split_evenly.gradient
def _evenly_gradient(node, dys):
    return ops.concat(dys, node.attr.axis)


@split_v.gradient
def _sizes_gradient(node, dys):
    return ops.concat(dys, node.attr.axis), None


@unstack.gradient
def _unstack_gradient(node, dys):
    return ops.stack(dys, node.attr.axis) if dys else ops.zeros_like(node.input("value"))


@export("split")
def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str | None = "split"
) -> list[Any]:
    """The parts of a tensor along an axis: so many equal ones, or of the given sizes, of which one may be -1.

    Raises ShapeError unless they fill the dimension, or where their number (`num`) is not known.
    """
    sizes = num_or_size_splits
    if not isinstance(sizes, (list, tuple)) and tuple(getattr(sizes, "shape", ())) == ():
        return split_evenly(value, sizes, axis, name=name)
    if num is not None and hasattr(sizes, "set_shape"):
        sizes.set_shape([num])
    elif num is not None and len(sizes) != num:
        raise ShapeError(f"[split] num_or_size_splits must hold {num} sizes, got {len(sizes)}")
    return split_v(value, sizes, axis, name=name)
