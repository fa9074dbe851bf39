"""slice, strided_slice: a part of a tensor. Known bounds make a view; those known only at run time a kernel reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import EagerTensor, OpDef, Shape, convert_to_tensor, dtypes, export, ops, scopes
from opwright.dispatch import graph_of
from opwright.eager import record
from opwright.errors import ArgumentError
from opwright.inference import partial_value

from opwright_array.passing import elements
from opwright_array.spec import Size, Spec, layout_of, resolve, shape_of

# `at` names where the values go: 3 * item + (0: begin, 1: end, 2: stride).
strided_view = OpDef(
    "strided_view(input: T, begin: ints, end: ints, strides: ints, begin_mask: int = 0, end_mask: int = 0,"
    " ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0) -> (y: T)",
    T=dtypes.movable,
)
strided_slice_at = OpDef(
    "strided_slice_at(input: T, values: list[int64['']], begin: ints, end: ints, strides: ints, at: ints,"
    " begin_mask: int = 0, end_mask: int = 0, ellipsis_mask: int = 0, new_axis_mask: int = 0,"
    " shrink_axis_mask: int = 0) -> (y: T)",
    T=dtypes.movable,
)
# dy at the place in zeros of the given shape that the slice came from.
strided_slice_grad = OpDef(
    "strided_slice_grad(dy: T, shape: I['r'], values: list[int64['']], begin: ints, end: ints, strides: ints, at: ints,"
    " begin_mask: int = 0, end_mask: int = 0, ellipsis_mask: int = 0, new_axis_mask: int = 0,"
    " shrink_axis_mask: int = 0) -> (dx: T)",
    T=dtypes.movable,
    I=dtypes.indices,
)
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _spec(c: Any) -> Spec:
    """The specification a node has, with what is known of its values."""
    items = [list(c.attributes[name]) for name in ("begin", "end", "strides")]
    c.require(len({len(i) for i in items}) == 1, "begin, end and strides must have one length", [len(i) for i in items])
    masks = {m: c.attributes[m] for m in _MASKS}
    c.require(all(m >= 0 for m in masks.values()), "masks must not be negative", masks)
    places = c.attributes.get("at", ())
    fits = "at" not in c.attributes or len(places) == len(c.shapes("values"))
    c.require(fits, "values must have an item for each place in at", places)
    c.require(all(0 <= p < 3 * len(items[0]) for p in places), "at must name items of begin, end and strides", places)
    for k, code in enumerate(places):
        value = c.known("values", k)
        items[code % 3][code // 3] = None if value is None else int(value)
    return Spec(*[tuple(i) for i in items], **masks)


@strided_view.shape
def _view_shape(c):
    dims = c.shape("input").dims
    return Shape(None) if dims is None else Shape(shape_of(resolve(_spec(c), dims, c.require)))


@strided_view.view("input")
def _view_layout(c, layout):
    return layout_of(resolve(_spec(c), layout.shape, c.require), layout)


@strided_view.gradient
def _view_gradient(node, dy):
    attributes = {**node.attributes, "at": ()}
    return strided_slice_grad(dy, _shape_of(node.input("input")), [], **attributes)


def _shape_of(x: Any) -> Any:
    return list(x.shape.known()) if x.shape.is_known else ops.shape(x)


@strided_view.static_value
def _view_value(c):
    known = elements(c, "input")
    if known is None:
        return None
    pieces = resolve(_spec(c), known.shape, c.require)
    return known[tuple(_numpy_index(p) for p in pieces)]


def _numpy_index(piece: Any) -> Any:
    if piece.dim is None:
        return None
    if piece.shrink:
        return piece.start
    if piece.size == 0:
        return slice(0, 0)
    end = piece.start + piece.size * piece.step
    return slice(piece.start, None if end < 0 else end, piece.step)


@strided_slice_at.shape
def _at_shape(c):
    dims = c.shape("input").dims
    return Shape(None) if dims is None else Shape(shape_of(resolve(_spec(c), dims, c.require)))


@strided_slice_at.bound
def _at_bound(c):
    pieces = resolve(_spec(c), c.shape("input").known(), c.require)
    dims = c.shape("input").known()
    return Shape(dims[p.dim] if p.size is None else p.size for p in pieces if not p.shrink)


@strided_slice_at.rewrite
def _at_rewrite(node, make):
    values = [v.constant for v in node.groups[1]]
    if any(v is None for v in values) or node.outputs[0].dynamic:
        return None
    attributes = dict(node.attributes)
    items = [list(attributes[name]) for name in ("begin", "end", "strides")]
    for code, value in zip(attributes.pop("at"), values):
        items[code % 3][code // 3] = int(value)
    attributes.update(zip(("begin", "end", "strides"), map(tuple, items)))
    return make("strided_view", node.groups[0], **attributes)


@strided_slice_at.gradient
def _at_gradient(node, dy):
    values = node.input_list("values")
    return strided_slice_grad(dy, _shape_of(node.input("input")), values, **node.attributes), None


@strided_slice_grad.examples
def _grad_examples(rng):
    """Slices of a matrix: a part, every other column backwards, a row, the last row at a place given as a value."""
    masks = {"begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0}
    found = []
    for shape, dy, begin, end, strides, more in (
        ((4, 3), (2, 3), (1,), (3,), (1,), {}),
        ((4, 6), (4, 3), (0, 5), (4, 0), (1, -2), {}),
        ((4, 3), (3,), (2,), (3,), (1,), {"shrink_axis_mask": 1}),
        ((4, 3), (1, 3), (0,), (4,), (1,), {"at": (0,)}),
        ((4, 3), (0, 3), (2,), (2,), (1,), {}),
        ((65, 64), (33, 64), (0,), (65,), (2,), {}),
    ):
        spec = {"begin": begin, "end": end, "strides": strides, "at": (), **masks, **more}
        values = [np.int64(3)] if spec["at"] else []
        found.append({"dy": rng.integers(0, 9, dy), "shape": np.array(shape, np.int32), "values": values, **spec})
    return found


@strided_slice_grad.shape
def _grad_shape(c):
    sizes, (rank,) = c.partial("shape"), c.shape("shape").dims or (None,)
    whole = Shape(sizes if sizes is not None else None if rank is None else [None] * rank)
    spec = _spec(c)
    if whole.dims is not None:
        part = Shape(shape_of(resolve(spec, whole.dims, c.require)))
        c.require(c.shape("dy").is_compatible_with(part), f"dy must have the slice's shape {part}", c.shape("dy"))
    return whole


@strided_slice_grad.gradient
def _grad_gradient(node, ddx):
    spec = {k: node.attributes[k] for k in ("begin", "end", "strides", *_MASKS)}
    values = node.input_list("values")
    if not values:
        return sliced(ddx, Spec(**spec)), None, None
    return strided_slice_at(ddx, values, at=node.attr.at, **spec), None, None


def sliced(x: Any, spec: Spec, values: dict[int, Any] | None = None, name: str | None = None) -> Any:
    """The part of x that a specification names. `values` holds the tensors that stand where it has None, by code."""
    given = dict(values or {})
    if graph_of([x, *given.values()]) is None and scopes.current_graph() is None:
        given = _numbers_of(spec) | given
    attributes = _attributes(spec, given)
    if not given:
        return strided_view(x, **attributes, name=name)
    codes = sorted(given)
    return strided_slice_at(x, [as_index(given[c]) for c in codes], at=codes, **attributes, name=name)


def record_slice(x: EagerTensor, spec: Spec, made: EagerTensor) -> None:
    """Tells the tapes how a part of a tensor was made."""
    given = _numbers_of(spec)
    codes = tuple(sorted(given))
    values = [EagerTensor(np.array(given[c], np.int64), dtypes.int64) for c in codes]
    record(strided_slice_at, [[x], values], {**_attributes(spec, given), "at": codes}, [made])


def _numbers_of(spec: Spec) -> dict[int, int]:
    """The numbers that matter, by code: in eager execution they go in as values, so that a loop over indices needs one
    plan."""
    given: dict[int, int] = {}
    for k, item in enumerate((spec.begin, spec.end)):
        masked = spec.end_mask | spec.shrink_axis_mask if k else spec.begin_mask & ~spec.shrink_axis_mask
        for i, number in enumerate(item):
            if number is not None and spec.takes(i) and not masked >> i & 1:
                given[3 * i + k] = number
    return given


def _attributes(spec: Spec, given: Any) -> dict[str, Any]:
    """The specification as attributes, with fillers where a value is given."""
    items = [list(spec.begin), list(spec.end), list(spec.strides)]
    for code in given:
        items[code % 3][code // 3] = 1 if code % 3 == 2 else 0
    masks = {m: getattr(spec, m) for m in _MASKS}
    return dict(zip(("begin", "end", "strides"), map(tuple, items), strict=True)) | masks


def as_index(value: Any) -> Any:
    """A scalar as an int64 tensor."""
    tensor = convert_to_tensor(value)
    if not tensor.dtype.is_integer:
        raise ArgumentError(f"[getitem] an index must be an integer, got {tensor.dtype.name}")
    return tensor if tensor.dtype.name == "int64" else ops.cast(tensor, "int64")


def numbers(values: Any, what: str, op: str) -> tuple[list[Size], dict[int, Any]]:
    """The items of a list or 1-D tensor of integers: those known as numbers, the rest as scalar tensors by position."""
    if not isinstance(values, (list, tuple)):
        values = _items(convert_to_tensor(values), what, op)
    known: list[Size] = []
    tensors: dict[int, Any] = {}
    for i, value in enumerate(values):
        number = value.static_value() if hasattr(value, "static_value") else value
        known.append(None if number is None else int(number.__index__()))
        if number is None:
            tensors[i] = value
    return known, tensors


def _items(tensor: Any, what: str, op: str) -> list[Any]:
    (length,) = tensor.shape.dims or (None,)
    if length is None:
        raise ArgumentError(f"[{op}] the number of elements of {what} must be known, got {tensor}")
    known = tensor.static_value()
    if known is not None:
        return list(known)
    partial = partial_value(tensor)
    return [tensor[i] if partial is None or partial[i] is None else int(partial[i]) for i in range(length)]


@export("strided_slice")
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Any:
    """The elements from `begin` up to `end` in steps of `strides`, for the first dimensions. Bit i of a mask: item i of
    begin or end is ignored, or the item is an ellipsis, a new axis, an index whose dimension goes.

    Raises ShapeError where the specification does not fit the tensor.
    """
    parts = [numbers(begin, "begin", "strided_slice"), numbers(end, "end", "strided_slice")]
    parts.append(numbers([1] * len(parts[0][0]) if strides is None else strides, "strides", "strided_slice"))
    if len({len(known) for known, _ in parts}) != 1:
        raise ArgumentError(f"[strided_slice] begin, end and strides must be of one length, got {parts}")
    values = {3 * i + k: tensor for k, (_, tensors) in enumerate(parts) for i, tensor in tensors.items()}
    masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
    return sliced(input_, Spec(*[tuple(known) for known, _ in parts], *masks), values, name)


# `size` elements from `begin` on in each dimension; -1: all the rest.
slice_ = OpDef(
    "slice(input_: T, begin: I['r'], size: J['r']) -> (y: T)", T=dtypes.movable, I=dtypes.indices, J=dtypes.indices
)


@slice_.shape
def _slice_shape(c):
    dims, size, begin = c.shape("input_").dims, c.partial("size"), c.known("begin")
    if begin is None and not c.final:
        begin = c.partial("begin")
    (rank,) = c.shape("begin").dims or (None,)
    if dims is None or size is None:
        rank = len(dims) if dims is not None else rank
        return Shape(None if rank is None else [None] * rank if size is None else [_open(s) for s in size])
    c.require(len(size) == len(dims), f"begin and size must have {len(dims)} elements", len(size))
    found = []
    for d, (dim, n) in enumerate(zip(dims, size)):
        start = None if begin is None or begin[d] is None else int(begin[d])
        if start is not None and dim is not None:
            c.require(0 <= start <= dim, f"begin of dimension {d} must lie in [0, {dim}]", start)
        if n == -1:
            found.append(None if dim is None or start is None else dim - start)
        else:
            c.require(n is None or n >= 0, f"size of dimension {d} must not be negative, or be -1", n)
            room = None if dim is None else dim - (start or 0)
            c.require(n is None or room is None or n <= room, f"size of dimension {d} must be at most {room}", n)
            found.append(n)
    return Shape(found)


def _open(size: Size) -> Size:
    return None if size == -1 else size


@slice_.bound
def _slice_bound(c):
    size = c.partial("size")
    dims = c.shape("input_").known()
    return Shape(
        d if n is None or n == -1 else int(n) for d, n in zip(dims, [None] * len(dims) if size is None else size)
    )


@slice_.rewrite
def _slice_rewrite(node, make):
    x, begin, _ = node.inputs
    if begin.constant is None or node.outputs[0].dynamic:
        return None
    start = tuple(int(b) for b in begin.constant)
    end = tuple(b + n for b, n in zip(start, node.outputs[0].shape))
    return make("strided_view", [x], begin=start, end=end, strides=(1,) * len(start))


@slice_.gradient
def _slice_gradient(node, dy):
    x, begin, rank = node.input("input_"), node.input("begin"), len(dy.shape)
    step, known = (1,) * rank, begin.static_value() if graph_of([begin]) else None
    if known is not None and dy.shape.is_known:
        start = tuple(int(b) for b in known)
        end = tuple(b + n for b, n in zip(start, dy.shape.known()))
        return strided_slice_grad(dy, _shape_of(x), [], start, end, step, ()), None, None
    starts = [as_index(begin[i]) for i in range(rank)]
    ends = [b + n for b, n in zip(starts, ops.unstack(ops.shape(dy, "int64"), rank))]
    codes = [3 * i for i in range(rank)] + [3 * i + 1 for i in range(rank)]
    return strided_slice_grad(dy, _shape_of(x), starts + ends, step, step, step, codes), None, None
