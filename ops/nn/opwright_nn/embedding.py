"""embedding_lookup: rows of a matrix, or of one that lies in several parts."""

from __future__ import annotations

from typing import Any

from opwright import IndexedSlices, OpDef, Shape, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError, ShapeError

lookup_in_parts = OpDef(
    "embedding_lookup_in_parts(params: list[T], ids: I['*i'], partition_strategy: str) -> (rows: T)",
    T=dtypes.any_type,
    I=dtypes.indices,
)


@lookup_in_parts.shape
def _shape(c):
    shapes = c.shapes("params")
    c.require(len(shapes) > 0, "params must hold at least one tensor", "none")
    c.require(all(s.rank != 0 for s in shapes), "params must have at least 1 dimension each", shapes)
    row = Shape(None)
    for shape in shapes:
        try:
            row = row if shape.dims is None else row.merge(shape.dims[1:])
        except ShapeError:
            c.require(False, "params must have rows of one shape", f"{row} and {shape[1:]}")
    return c.shape("ids").concatenate(row)


@lookup_in_parts.gradient
def _gradient(node, dy):
    params = node.input_list("params")
    ids = ops.reshape(node.input("ids"), [-1])
    slopes, first = [], 0
    for k, part in enumerate(params):
        if node.attr.partition_strategy == "mod":
            row = ops.floordiv(ids, len(params))
            here = ops.equal(ids, row * len(params) + k)
        else:
            size = part.shape[0] if part.shape[0] is not None else ops.cast(ops.shape(part)[0], ids.dtype)
            row = ids - first
            here = ops.logical_and(row >= 0, row < size)
            first = first + size
        places = ops.reshape(ops.where(here), [-1])
        tail = ops.shape(part)[1:]
        rows = ops.reshape(dy, ops.concat([[-1], tail], 0))
        slopes.append(IndexedSlices(ops.gather(rows, places), ops.gather(row, places), ops.shape(part)))
    return slopes, None


@export("nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    max_norm: float | None = None,
    name: str | None = "embedding_lookup",
    partition_strategy: str = "div",
    validate_indices: bool = True,
) -> Any:
    """Row ids[i] of `params` for each i, scaled down to length `max_norm` where it is longer.

    A list of tensors is one matrix in parts: with the strategy "mod" id k is row k // n of part k % n, with "div" the
    parts hold consecutive rows. Raises ArgumentError for another strategy, ShapeError for parts that do not fit;
    running it raises OutOfRangeError where an id is no row. `validate_indices` is there for TensorFlow's sake.
    """
    if partition_strategy not in ("mod", "div"):
        raise ArgumentError(f"[embedding_lookup] partition_strategy must be 'mod' or 'div', got {partition_strategy!r}")
    parts = list(params) if isinstance(params, (list, tuple)) else [params]
    ids = convert_to_tensor(ids)
    if len(parts) == 1:
        rows = ops.gather(parts[0], ids, name=name)
    else:
        rows = lookup_in_parts(parts, ids, partition_strategy, name=name)
    return rows if max_norm is None else _clipped(rows, ids.shape.rank, max_norm)


def _clipped(rows: Any, ids_rank: int | None, max_norm: float) -> Any:
    rank = len(rows.shape.known_rank())
    axes = list(range(rank - 1 if ids_rank is None else ids_rank, rank))
    squares = ops.reduce_sum(ops.square(rows), axis=axes, keepdims=True)
    return rows * (max_norm * ops.rsqrt(ops.maximum(squares, max_norm * max_norm)))
