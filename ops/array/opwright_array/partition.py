"""dynamic_partition, dynamic_stitch: a tensor's rows dealt out by number, and put together again."""

from __future__ import annotations

import numpy as np
from opwright import OpDef, Shape, dtypes, ops

dynamic_partition = OpDef(
    "dynamic_partition(data: T, partitions: int32, num_partitions: int) -> (y: list[T])", T=dtypes.movable
)


@dynamic_partition.shape
def _partition_shape(c):
    data, partitions, n = c.shape("data"), c.shape("partitions"), c.attr.num_partitions
    c.require(n > 0, "num_partitions must be positive", n)
    if partitions.dims is None or data.dims is None:
        return [Shape(None)] * n
    rank = len(partitions)
    c.require(len(data) >= rank, f"data must have at least the {rank} dimensions of partitions", data)
    c.require(data[:rank].is_compatible_with(partitions), f"data's shape must begin with {partitions}", data)
    return [Shape([None, *data[rank:]])] * n


@dynamic_partition.bound
def _partition_bound(c):
    data, partitions = c.shape("data"), c.shape("partitions")
    return [Shape([partitions.num_elements(), *data[len(partitions) :]])] * c.attr.num_partitions


@dynamic_partition.gradient
def _partition_gradient(node, dys):
    return undo_partition(node.input("partitions"), dys), None


# The rows of the parts in the places that dynamic_partition took them from.
undo_partition = OpDef("undo_partition(partitions: int32, parts: list[T]) -> (data: T)", T=dtypes.floats)


@undo_partition.examples
def _undo_examples(rng):
    """Parts of as many rows as the partitions name."""
    numbers = np.array([1, 0, 1, 2, 0], np.int32)
    parts = [rng.integers(0, 4, ((numbers == k).sum(), 2)) for k in range(3)]
    return [
        {"partitions": numbers, "parts": parts},
        {"partitions": numbers[:2], "parts": [np.array([1.0]), np.array([2.0])]},
    ]


@undo_partition.shape
def _undo_shape(c):
    row = Shape(None)
    for part in c.shapes("parts"):
        row = row if part.dims is None else row.merge(part[1:])
    return c.shape("partitions").concatenate(row)


@undo_partition.gradient
def _undo_gradient(node, ddata):
    partitions = node.input("partitions")
    return None, dynamic_partition(ddata, partitions, len(node.input_list("parts")))


dynamic_stitch = OpDef(
    "dynamic_stitch(indices: list[int32], data: list[T]) -> (y: T)",
    T=dtypes.movable,
    export="parallel_dynamic_stitch",
)


@dynamic_stitch.examples
def _stitch_examples(rng):
    """Each place is named once: of a place named twice, the gradient goes to both."""
    order = rng.permutation(9).astype(np.int32)
    return [
        {"indices": [order[:4], order[4:]], "data": [rng.integers(0, 4, (4, 2)), rng.integers(0, 4, (5, 2))]},
        {"indices": [np.zeros(0, np.int32)], "data": [np.zeros((0, 3))]},
        {"indices": [np.int32(0), order[order > 0]], "data": [np.zeros(()), np.arange(8.0)]},
    ]


@dynamic_stitch.shape
def _stitch_shape(c):
    indices, data = c.shapes("indices"), c.shapes("data")
    c.require(
        len(indices) == len(data) > 0, "indices and data must be lists of one length", f"{len(indices)} and {len(data)}"
    )
    row, count = Shape(None), 0
    for i, (at, values) in enumerate(zip(indices, data)):
        if at.dims is not None and values.dims is not None:
            begins = len(values) >= len(at) and values[: len(at)].is_compatible_with(at)
            c.require(begins, f"data[{i}]'s shape must begin with {at}", values)
            row = row.merge(values[len(at) :])
        known = c.partial("indices", i)
        if count is not None and known is not None and all(k is not None for k in known.flat):
            c.require(all(k >= 0 for k in known.flat), "indices must not be negative", known.tolist())
            count = max([count, *[int(k) + 1 for k in known.flat]])
        else:
            count = None
    return Shape([count]).concatenate(row)


@dynamic_stitch.gradient
def _stitch_gradient(node, dy):
    indices = node.input_list("indices")
    return [None] * len(indices), [ops.gather(dy, at) for at in indices]
