"""pick_along, place_along: elements of an axis taken by index, and put back, as the gradients of sorting do."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes
from opwright.shapes import as_shape, normalize_axis

pick_along = OpDef(
    "pick_along(x: T, indices: I['*s'], axis: int = -1) -> (y: T['*s'])", T=dtypes.any_type, I=dtypes.indices
)
place_along = OpDef(
    "place_along(x: T['*s'], indices: I['*s'], like: S | None = None, axis: int = -1, shape: shape | None = None) "
    "-> (y: T)",
    T=dtypes.floats,
    I=dtypes.indices,
    S=dtypes.any_type,
)


@pick_along.shape
def _pick_shape(c):
    _require_fit(c, c.shape("x"), c.shape("indices"))
    return c.shape("indices")


@pick_along.gradient
def _pick_gradient(node, dy):
    return place_along(dy, node.input("indices"), node.input("x"), axis=node.attr.axis), None


@place_along.shape
def _place_shape(c):
    c.require(c.has("like") or c.attr.shape is not None, "like or shape must be given", "neither")
    shape = c.shape("like") if c.has("like") else as_shape(c.attr.shape)
    _require_fit(c, shape, c.shape("indices"))
    return shape


@place_along.gradient
def _place_gradient(node, dy):
    return pick_along(dy, node.input("indices"), node.attr.axis), None, None


@place_along.rewrite
def _place_rewrite(node, make):
    """Only the shape of `like` matters: it need not be computed."""
    x, indices, like = node.groups
    if not like:
        return None
    shape = Shape(node.outputs[0].shape)
    return make("place_along", [x[0], indices[0], []], axis=node.attributes["axis"], shape=shape)


def _require_fit(c, whole, indices):
    """All dimensions but the axis must be equal."""
    if whole.dims is None or indices.dims is None:
        return
    c.require(len(whole) == len(indices), f"indices must have {len(whole)} dimensions", f"shape {indices}")
    axis = normalize_axis(c.attr.axis, len(whole), c.definition.name)
    pairs = [(a, b) for i, (a, b) in enumerate(zip(whole, indices)) if i != axis]
    fits = all(None in (a, b) or a == b for a, b in pairs)
    c.require(fits, f"indices must have the shape {whole} but for axis {axis}", f"shape {indices}")
