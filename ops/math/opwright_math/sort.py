"""sort, argsort, top_k, nth_element."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, Shape, dtypes, export, ops
from opwright.errors import ArgumentError
from opwright.shapes import normalize_axis

from opwright_math.along import place_along
from opwright_math.reduce import broadcast_reduced

sort_with_indices = OpDef(
    "sort_with_indices(values: T['*s'], axis: int = -1, descending: bool = False) "
    "-> (y: T['*s'], indices: int32['*s'])",
    T=dtypes.any_type,
)
top_k = OpDef(
    "top_k(input: T['*b n'], k: int = 1, sorted: bool = True) -> (values: T['*b k'], indices: int32['*b k'])",
    T=dtypes.numbers,
    export="nn.top_k",
)
nth_element = OpDef(
    "nth_element(input: T['*b m'], n: int, reverse: bool = False) -> (values: T['*b'])",
    T=dtypes.numbers,
    export="nn.nth_element",
)


@sort_with_indices.shape
def _sort_shape(c):
    shape = c.shape("values")
    if shape.dims is not None:
        normalize_axis(c.attr.axis, len(shape), "sort")
    return shape, shape


@sort_with_indices.gradient
def _sort_gradient(node, dy, _):
    return place_along(dy, node.output("indices"), node.input("values"), axis=node.attr.axis)


@export("sort")
def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = "sort") -> Any:
    """The elements of an axis in order; nan counts as larger than all else. direction: "ASCENDING" or "DESCENDING".

    Raises ShapeError for an axis that is not there.
    """
    return sort_with_indices(values, axis, _descending(direction, "sort"), name=name)[0]


@export("argsort")
def argsort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = "argsort"
) -> Any:
    """The int32 indices that put the elements of an axis in order. Equals keep their order, whatever `stable` says."""
    return sort_with_indices(values, axis, _descending(direction, "argsort"), name=name)[1]


def _descending(direction: Any, op: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ArgumentError(f"[{op}] direction must be 'ASCENDING' or 'DESCENDING', got {direction!r}")
    return direction == "DESCENDING"


@top_k.shape
def _top_k_shape(c):
    shape, k = c.shape("input"), c.attr.k
    if shape.dims is None:
        return Shape(None), Shape(None)
    c.require(k >= 0 and (shape[-1] is None or k <= shape[-1]), f"k must lie in [0, {shape[-1]}]", k)
    made = Shape([*shape[:-1], k])
    return made, made


@top_k.gradient
def _top_k_gradient(node, dvalues, _):
    return place_along(dvalues, node.output("indices"), node.input("input"))


@nth_element.shape
def _nth_shape(c):
    shape, n = c.shape("input"), c.attr.n
    if shape.dims is not None:
        c.require(n >= 0 and (shape[-1] is None or n < shape[-1]), f"n must lie in [0, {shape[-1]})", n)
        return Shape(shape[:-1])
    return Shape(None)


@nth_element.gradient
def _nth_gradient(node, dy):
    # Elements that tie share the gradient.
    x = node.input("input")
    ties = ops.cast(ops.equal(x, broadcast_reduced(node.output("values"), x, -1)), dy.dtype)
    return ties * broadcast_reduced(dy / ops.reduce_sum(ties, -1), x, -1)
