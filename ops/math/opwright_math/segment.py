"""Rows combined by segment: unsorted_segment_sum(data, segment_ids, num_segments), segment_sum(data, segment_ids)."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, dtypes, export, ops

unsorted_segment_sum = OpDef(
    "unsorted_segment_sum(data: T, segment_ids: I, num_segments: N[''], *, sorted: bool = False) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    N=dtypes.indices,
)
unsorted_segment_prod = OpDef(
    "unsorted_segment_prod(data: T, segment_ids: I, num_segments: N[''], *, sorted: bool = False) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    N=dtypes.indices,
)
unsorted_segment_max = OpDef(
    "unsorted_segment_max(data: T, segment_ids: I, num_segments: N[''], *, sorted: bool = False) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    N=dtypes.indices,
)
unsorted_segment_min = OpDef(
    "unsorted_segment_min(data: T, segment_ids: I, num_segments: N[''], *, sorted: bool = False) -> (y: T)",
    T=dtypes.numbers,
    I=dtypes.indices,
    N=dtypes.indices,
)
# y[i] = x[segment_ids[i]], 0 where that is negative.
segment_gather = OpDef("segment_gather(x: T, segment_ids: I) -> (y: T)", T=dtypes.numbers, I=dtypes.indices)

for _op in (unsorted_segment_sum, unsorted_segment_prod, unsorted_segment_max, unsorted_segment_min):

    @_op.shape
    def _shape(c):
        known = c.value("num_segments")
        n = None if known is None else int(known)
        c.require(n is None or n >= 0, "num_segments must not be negative", n)
        data, ids = c.shape("data"), c.shape("segment_ids")
        if data.dims is None or ids.dims is None:
            return Shape(None)
        begins = len(ids) <= len(data) and Shape(data[: len(ids)]).is_compatible_with(ids)
        c.require(begins, f"the shape of data must begin with that of segment_ids, {ids}", f"shape {data}")
        return Shape([n, *data[len(ids) :]])


@segment_gather.shape
def _gather_shape(c):
    x, ids = c.shape("x"), c.shape("segment_ids")
    if x.dims is None or ids.dims is None:
        return Shape(None)
    c.require(len(x) > 0, "x must have at least 1 dimension", f"shape {x}")
    return Shape([*ids, *x[1:]])


@segment_gather.gradient
def _gather_gradient(node, dy):
    x = node.input("x")
    n = x.shape[0] if x.shape[0] is not None else ops.shape(x)[0]
    return unsorted_segment_sum(dy, node.input("segment_ids"), n), None


@unsorted_segment_sum.gradient
def _sum_gradient(node, dy):
    return segment_gather(dy, node.input("segment_ids")), None, None


@unsorted_segment_max.gradient
@unsorted_segment_min.gradient
def _extreme_gradient(node, dy):
    # Elements that tie share the gradient. Segments without elements have none, and 1 keeps their share finite.
    data, ids, y = node.input("data"), node.input("segment_ids"), node.output("y")
    ties = ops.cast(ops.equal(data, segment_gather(y, ids)), dy.dtype)
    counts = ops.maximum(unsorted_segment_sum(ties, ids, node.input("num_segments")), 1.0)
    return ties * segment_gather(dy / counts, ids), None, None


@unsorted_segment_prod.gradient
def _prod_gradient(node, dy):
    # y / x, where no element of the segment is 0; the product of the others for the only 0 of a segment.
    data, ids, n = node.input("data"), node.input("segment_ids"), node.input("num_segments")
    zero = ops.equal(data, 0.0)
    one = ops.ones_like(data)
    zeros = unsorted_segment_sum(ops.cast(zero, dy.dtype), ids, n)
    dy = ops.where(ops.greater(zeros, 1.0), ops.zeros_like(dy), dy)
    others = segment_gather(unsorted_segment_prod(ops.where(zero, one, data), ids, n), ids)
    divided = segment_gather(node.output("y"), ids) / ops.where(zero, one, data)
    return ops.where(zero, others, divided) * segment_gather(dy, ids), None, None


def _counts(data: Any, ids: Any, n: Any) -> Any:
    """How many rows each segment has, at least 1, so that it divides the segments' sums."""
    dtype = data.dtype if data.dtype.is_floating else "float64"
    found = ops.maximum(unsorted_segment_sum(ops.ones_like(ids, dtype=dtype), ids, n), 1.0)
    inner = len(data.shape.known_rank()) - len(ids.shape.known_rank())
    return ops.reshape(found, [-1, *[1] * inner])


def _divided(sums: Any, by: Any) -> Any:
    return sums / by if sums.dtype.is_floating else ops.cast(ops.cast(sums, by.dtype) / by, sums.dtype)


@export("unsorted_segment_mean")
def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The means of the rows of each segment, 0 where it has none; of integers truncated."""
    data, ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
    sums = unsorted_segment_sum(data, ids, num_segments, name=name)
    return _divided(sums, _counts(data, ids, num_segments))


@export("unsorted_segment_sqrt_n")
def unsorted_segment_sqrt_n(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The sums of the rows of each segment, divided by the square root of their number."""
    data, ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
    sums = unsorted_segment_sum(data, ids, num_segments, name=name)
    return _divided(sums, ops.sqrt(_counts(data, ids, num_segments)))


# -- sorted ids: there are as many segments as the last id says --------------------------------------------------------


def _sorted(segment_ids: Any) -> tuple[Any, Any]:
    """The ids as a tensor, and the number of segments: an int if the ids are known, else a tensor."""
    ids = convert_to_tensor(segment_ids)
    known = ids.static_value()
    if known is not None:
        return ids, max(int(known.max()) + 1, 0) if known.size else 0
    return ids, ops.maximum(ops.reduce_max(ids), -1) + 1


@export("segment_sum")
def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The sums of the rows of each segment; ids must be sorted, and an error rises if they are not."""
    ids, n = _sorted(segment_ids)
    return unsorted_segment_sum(data, ids, n, sorted=True, name=name)


@export("segment_prod")
def segment_prod(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The products of the rows of each segment, 1 where it has none; ids must be sorted."""
    ids, n = _sorted(segment_ids)
    return unsorted_segment_prod(data, ids, n, sorted=True, name=name)


@export("segment_mean")
def segment_mean(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The means of the rows of each segment, 0 where it has none; ids must be sorted."""
    data = convert_to_tensor(data)
    ids, n = _sorted(segment_ids)
    return _divided(unsorted_segment_sum(data, ids, n, sorted=True, name=name), _counts(data, ids, n))


@export("segment_max")
def segment_max(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The largest of the rows of each segment, 0 where it has none; ids must be sorted."""
    return _extreme(unsorted_segment_max, data, segment_ids, name)


@export("segment_min")
def segment_min(data: Any, segment_ids: Any, name: str | None = None) -> Any:
    """The smallest of the rows of each segment, 0 where it has none; ids must be sorted."""
    return _extreme(unsorted_segment_min, data, segment_ids, name)


def _extreme(op: Any, data: Any, segment_ids: Any, name: str | None) -> Any:
    data = convert_to_tensor(data)
    ids, n = _sorted(segment_ids)
    found = op(data, ids, n, sorted=True, name=name)
    known = ids.static_value()
    if known is not None and len(np.unique(known)) == n:
        return found
    counts = unsorted_segment_sum(ops.ones_like(ids), ids, n)
    there = ops.reshape(ops.greater(counts, 0), [-1, *[1] * (len(data.shape.known_rank()) - 1)])
    return ops.where(there, found, ops.zeros_like(found))


@export("sparse_segment_sum")
def sparse_segment_sum(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Any:
    """`segment_sum` of the rows of data that the indices name."""
    return _sparse(data, indices, segment_ids, num_segments, lambda sums, _: sums, name)


@export("sparse_segment_mean")
def sparse_segment_mean(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Any:
    """`segment_mean` of the rows of data that the indices name."""
    return _sparse(data, indices, segment_ids, num_segments, _divided, name)


@export("sparse_segment_sqrt_n")
def sparse_segment_sqrt_n(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Any:
    """`sparse_segment_sum`, divided by the square root of the number of rows of each segment."""
    return _sparse(data, indices, segment_ids, num_segments, lambda s, n: _divided(s, ops.sqrt(n)), name)


def _sparse(data: Any, indices: Any, segment_ids: Any, num_segments: Any, finish: Any, name: str | None) -> Any:
    rows = ops.gather(data, indices)
    ids, n = _sorted(segment_ids)
    n = n if num_segments is None else num_segments
    return finish(unsorted_segment_sum(rows, ids, n, sorted=True, name=name), _counts(rows, ids, n))
